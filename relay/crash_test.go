package relay_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"agentproof/relay"
	"agentproof/relay/relaytest"
	"agentproof/stream"
	"agentproof/stream/producer"
)

// freeAddress is a port that nobody uses now.
func freeAddress(tb testing.TB) string {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// process is a relay in a process of its own, to be killed for real.
type process struct {
	tb  testing.TB
	cmd *exec.Cmd
	url string
}

func startProcess(tb testing.TB, addr string) *process {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), relayAddress+"="+addr)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	p := &process{tb: tb, cmd: cmd}
	tb.Cleanup(p.kill)
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		tb.Fatalf("the relay did not start: %v", err)
	}
	p.url = url[:len(url)-1]
	return p
}

// kill ends the relay as SIGKILL does.
func (p *process) kill() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

// wantLines reads the numbers from 1 to last, one a line, and tells after each
// frame how many lines were whole.
func wantLines(tb testing.TB, v *stream.Viewer, last int, progress func(lines int)) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 5*patience)
	defer cancel()
	var rest []byte
	for line := 0; line < last; progress(line) {
		f, err := v.Read(ctx)
		if err != nil {
			tb.Fatalf("after line %d: %v", line, err)
		}
		if f.Missed != 0 {
			tb.Fatalf("after line %d: %d frames are missing before frame %d", line, f.Missed, f.Seq)
		}
		rest = append(rest, f.Data...)
		for {
			text, after, ok := bytes.Cut(rest, []byte{'\n'})
			if !ok {
				break
			}
			line++
			if string(text) != strconv.Itoa(line) {
				tb.Fatalf("line %d reads %q", line, text)
			}
			rest = after
		}
	}
	if len(rest) > 0 {
		tb.Fatalf("%q after the last line", rest)
	}
}

// writeLines is what `seq 1 last` prints, in small pieces.
func writeLines(w io.Writer, last int) {
	var buf []byte
	for i := 1; i <= last; i++ {
		buf = append(strconv.AppendInt(buf, int64(i), 10), '\n')
		if len(buf) > 4<<10 || i == last {
			if _, err := w.Write(buf); err != nil {
				return
			}
			buf = buf[:0]
		}
	}
}

func TestARelayKilledInTheMiddleOfOutputLosesAndDoublesNothing(t *testing.T) { // stream.reconnect
	t.Parallel()
	lines := 2_000_000
	if testing.Short() {
		lines = 400_000
	}
	addr := freeAddress(t)
	r := startProcess(t, addr)
	p, v := openProducer(t, r.url, terminal("c")), openViewer(t, r.url, terminal("c"))
	go writeLines(p, lines)
	kills := 0
	wantLines(t, v, lines, func(done int) {
		if done > (kills+1)*lines/8 && done < lines {
			kills++
			r.kill()
			if kills%2 == 0 {
				time.Sleep(150 * time.Millisecond) // so that they dial in vain, too
			}
			r = startProcess(t, addr)
		}
	})
	if kills < 5 {
		t.Errorf("the relay was killed only %d times", kills)
	}
	typeAndClose(t, p, v)
}

func TestARelayKilledWhileTheViewerDoesNotReadLosesNothing(t *testing.T) { // stream.reconnect
	t.Parallel()
	const lines = 3_000_000
	addr := freeAddress(t)
	r := startProcess(t, addr)
	p, v := openProducer(t, r.url, terminal("c")), openViewer(t, r.url, terminal("c"))
	var written atomic.Int64
	go writeLines(countingWriter{p, &written}, lines)
	stuck := int64(-1)
	eventually(t, "everything on the way is full", func() bool {
		time.Sleep(200 * time.Millisecond)
		now := written.Load()
		same := now > 0 && now == stuck
		stuck = now
		return same
	})
	r.kill()
	startProcess(t, addr)
	wantLines(t, v, lines, func(int) {})
}

// countingWriter counts what was written.
type countingWriter struct {
	io.Writer
	n *atomic.Int64
}

func (w countingWriter) Write(b []byte) (int, error) {
	n, err := w.Writer.Write(b)
	w.n.Add(int64(n))
	return n, err
}

// typeAndClose shows that the stream still goes both ways and ends well.
func typeAndClose(tb testing.TB, p *producer.Producer, v *stream.Viewer) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	if err := v.Write(ctx, []byte("exit\n")); err != nil {
		tb.Fatal(err)
	}
	select {
	case in := <-inputs(p):
		if string(in.Data) != "exit\n" {
			tb.Fatalf("input %q", in.Data)
		}
	case <-ctx.Done():
		tb.Fatal("the input did not come")
	}
	if err := p.Close(ctx, exited, "exit 0"); err != nil {
		tb.Fatal(err)
	}
	if f, err := v.Read(ctx); err == nil {
		tb.Fatalf("frame %d after everything", f.Seq)
	} else if _, ok := err.(*stream.CloseError); !ok {
		tb.Fatalf("the end is %v", err)
	}
}

func TestAGracefulRestartLosesNothing(t *testing.T) { // stream.reconnect, relay.bare-end
	t.Parallel()
	const lines = 2_000_000 // much more than what a relay and its sockets hold
	addr := freeAddress(t)
	cfg := relay.Config{Listen: addr, Rate: -1}
	s := relaytest.Start(t, cfg)
	p, v := openProducer(t, s.URL(), terminal("c")), openViewer(t, s.URL(), terminal("c"))
	go writeLines(p, lines)
	restarts := 0
	restarted := make(chan struct{}, 1)
	restarted <- struct{}{}
	wantLines(t, v, lines, func(done int) {
		if done < (restarts+1)*lines/5 {
			return
		}
		select {
		case <-restarted:
		default:
			return
		}
		restarts++
		go func() { // while the viewer reads on
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			s = relaytest.Start(t, cfg)
			restarted <- struct{}{}
		}()
	})
	if restarts < 2 {
		t.Errorf("the relay was restarted only %d times", restarts)
	}
	<-restarted
	typeAndClose(t, p, v)
}
