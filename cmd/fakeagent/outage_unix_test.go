//go:build unix

package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
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
			// A shell that was slow to start prints its prompt after the echo of
			// what was typed, and so before the first line.
			for !strings.HasSuffix(r.next(), "start") {
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
			// All output may have come through the relay that ended, and what is
			// typed before the viewer knows of its end goes with it: input
			// arrives at most once.
			eventually(t, "the shell and its viewer are at the new relay", func() bool { return opens(t, addr) >= 2 })
			if err := v.Write(t.Context(), []byte("echo the shell $((40+2)) lives\r")); err != nil {
				t.Fatal(err)
			}
			if line := r.next(); line != "the shell 42 lives" {
				t.Errorf("after the output comes %q", line)
			}
		})
	}
}

// opens is how many producers and viewers the relay at addr has taken in.
func opens(tb testing.TB, addr string) int {
	tb.Helper()
	resp, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(body), "\nopengeni_relay_opens_accepted_total ")
	count, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.Atoi(count)
	if err != nil {
		tb.Fatalf("the relay counts %q opens", count)
	}
	return n
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
	r := remembered(tb, m.home)
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
