//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"agentproof/session"
	"agentproof/session/natsrpc"
	"agentproof/stream"
)

const sharedSecret stream.Secret = "of the relay that is killed"

// lines is how much the shell prints while its relay dies.
const lines = 2_000_000

func TestARelayMayDieInTheMiddleOfOutput(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		end  func(*service, testing.TB)
	}{
		{"when it is killed no line is lost, doubled or torn", (*service).kill},
		{"when it is stopped no line is lost, doubled or torn", func(s *service, tb testing.TB) {
			if code := s.stop(tb); code != 0 {
				tb.Errorf("the relay's exit code is %d", code)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			addr := freeAddress(t)
			first := startRelay(t, addr)
			v := viewShell(t, addr)
			if err := v.Write(t.Context(), []byte("stty -echo; PS1=; echo st\"art\"; seq 1 "+strconv.Itoa(lines)+"\r")); err != nil {
				t.Fatal(err)
			}
			r := lineReader{tb: t, v: v}
			for r.next() != "start" {
			}
			for want := 1; want <= lines; want++ {
				if line := r.next(); line != strconv.Itoa(want) {
					t.Fatalf("line %d is %q", want, line)
				}
				if want == lines/5 {
					tt.end(first, t)
					startRelay(t, addr)
				}
			}
			stop := keepTyping(t, v, "echo the shell $((40+2)) lives\r")
			defer stop()
			if line := r.next(); line != "the shell 42 lives" {
				t.Errorf("after the output comes %q", line)
			}
		})
	}
}

// keepTyping types a line again and again until it is stopped. All output may
// have come through the relay that ended, and then a line that is typed before
// the viewer knows of the end goes with it: input arrives at most once.
func keepTyping(tb testing.TB, v *stream.Viewer, line string) (stop func()) {
	ctx, cancel := context.WithCancel(tb.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		again := time.NewTicker(3 * time.Second)
		defer again.Stop()
		for v.Write(ctx, []byte(line)) == nil {
			select {
			case <-again.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { cancel(); wg.Wait() }
}

func freeAddress(tb testing.TB) string {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// startRelay runs a relay as a process of its own.
func startRelay(tb testing.TB, addr string) *service {
	tb.Helper()
	cmd := program(tb, tb.TempDir(), "relay", "--listen", addr)
	cmd.Env = append(cmd.Env, viewerSecretEnv+"="+string(sharedSecret))
	return serve(tb, cmd)
}

// viewShell views a shell of an agent that uses the relay at addr.
func viewShell(tb testing.TB, addr string) *stream.Viewer {
	tb.Helper()
	producer, err := stream.MintProducer(sharedSecret, stream.ProducerClaims{
		WorkspaceID: "ws", AgentID: "machine", Exp: time.Now().Add(time.Hour).Unix(),
	})
	if err != nil {
		tb.Fatal(err)
	}
	m := startMachine(tb, "--workspace", "ws", "--agent", "machine",
		"--relay-url", "ws://"+addr+stream.Path, "--relay-token", string(producer))
	data, err := os.ReadFile(filepath.Join(m.home, "agentproof", "fakeagent.json"))
	if err != nil {
		tb.Fatal(err)
	}
	var r reach
	if err := json.Unmarshal(data, &r); err != nil {
		tb.Fatal(err)
	}
	relay, err := sessionRelay(r.RelayURL)
	if err != nil {
		tb.Fatal(err)
	}
	rpc := natsrpc.New(natsrpc.Config{URLs: []string{r.ControlURL}})
	tb.Cleanup(func() { _ = rpc.Close() })
	s, err := session.New(rpc, session.Config{WorkspaceID: r.WorkspaceID, AgentID: r.AgentID, Relay: relay})
	if err != nil {
		tb.Fatal(err)
	}
	endpoint, err := s.ResolveExposedPort(tb.Context(), session.TerminalPort)
	if err != nil {
		tb.Fatal(err)
	}
	token, err := stream.MintViewer(sharedSecret, stream.ViewerClaims{
		WorkspaceID: "ws", SessionID: "s", ViewerID: "v", Mode: stream.ModeView,
		Port: session.TerminalPort, Exp: time.Now().Add(time.Hour).Unix(),
	})
	if err != nil {
		tb.Fatal(err)
	}
	v, err := stream.Dial(tb.Context(), endpoint.URL(), token, &stream.DialOptions{Reconnect: true})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(v.Detach)
	return v
}

// lineReader reads a viewer's output line by line.
type lineReader struct {
	tb   testing.TB
	v    *stream.Viewer
	held []byte
}

func (r *lineReader) next() string {
	r.tb.Helper()
	for {
		if line, rest, ok := bytes.Cut(r.held, []byte("\r\n")); ok {
			r.held = rest
			return string(line)
		}
		f, err := r.v.Read(r.tb.Context())
		if err != nil {
			r.tb.Fatalf("the stream ended: %v", err)
		}
		if f.Missed > 0 {
			r.tb.Errorf("%d frames before seq %d are missing", f.Missed, f.Seq)
		}
		r.held = append(r.held[:len(r.held):len(r.held)], f.Data...)
	}
}
