package exec

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"agentproof/agent"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// naive runs commands in the way of an agent that was written in an hour. The
// zero value kills nothing; every other field is a shortcut of its own.
type naive struct {
	keepsStdinOpen bool                    // nobody closes stdin
	feedsFirst     bool                    // stdin is written whole before the clock starts
	minds          error                   // an error of feeding stdin that fails the request
	closesOutput   bool                    // stdout is closed when there is much of it
	trustsEOF      bool                    // the end of the output is taken for that of the command
	awaitsEOF      bool                    // the reply waits for the end of the output
	trustsExit     bool                    // what a killed command says of itself is believed
	kill           func(*os.Process) error // at a timeout
	hurry          map[string]string       // words replaced, so that a test need not wait as long as a case
}

func killOne(p *os.Process) error   { return p.Kill() }
func killGroup(p *os.Process) error { return signalGroup(p, syscall.SIGKILL) }
func termGroup(p *os.Process) error { return signalGroup(p, syscall.SIGTERM) }

func (n naive) middleware(next agent.Handler) agent.Handler {
	return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
		r := req.GetExec()
		// The case's own look at processes stays with an agent that works.
		if r == nil || slices.Contains(r.Command, "alive") {
			return next(ctx, req)
		}
		where := next(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_Exec{
			Exec: &request{Command: []string{"/bin/sh", "-c", "pwd -P"}, Cwd: r.Cwd},
		}})
		dir := strings.TrimSpace(string(where.GetExec().GetStdout()))
		resp := &agentv1.ControlResponse{RequestId: req.RequestId}
		out, err := n.run(r, dir)
		if err != nil {
			resp.Error = &agentv1.AgentError{Code: osError, Message: err.Error()}
		} else {
			resp.Result = &agentv1.ControlResponse_Exec{Exec: out}
		}
		return resp
	}
}

func (n naive) run(r *request, dir string) (*result, error) {
	words := slices.Clone(r.Command)
	for i, word := range words {
		if other, ok := n.hurry[word]; ok {
			words[i] = other
		}
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir, cmd.Env = dir, os.Environ()
	ownGroup(cmd)
	stdin, stdout, err := n.start(cmd)
	if err != nil {
		return nil, err
	}
	fed := make(chan error, 1)
	feed := func() {
		_, err := stdin.Write(r.Stdin)
		if !n.keepsStdinOpen {
			_ = stdin.Close()
		}
		fed <- err
	}
	if n.feedsFirst {
		feed()
	} else {
		go feed()
	}
	out := n.await(cmd, stdout, time.Duration(r.TimeoutMs)*time.Millisecond)
	runtime.KeepAlive(stdin) // or else it is closed when the garbage is collected
	if n.minds != nil {
		if err := <-fed; errors.Is(err, n.minds) {
			return nil, err
		}
	}
	return out, nil
}

func (n naive) start(cmd *exec.Cmd) (stdin *os.File, stdout *collector, err error) {
	childIn, stdin, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer childIn.Close()
	outRead, childOut, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer childOut.Close()
	cmd.Stdin, cmd.Stdout = childIn, childOut
	stdout = &collector{ended: make(chan struct{})}
	go func() {
		defer close(stdout.ended)
		defer outRead.Close()
		var from io.Reader = outRead
		if n.closesOutput {
			from = io.LimitReader(outRead, 1<<20)
		}
		_, _ = io.Copy(stdout, from)
	}()
	return stdin, stdout, cmd.Start()
}

func (n naive) await(cmd *exec.Cmd, stdout *collector, limit time.Duration) *result {
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait()
	}()
	ended := exited
	if n.trustsEOF {
		ended = stdout.ended
	}
	select {
	case <-ended:
	case <-time.After(min(limit, 3*time.Second)): // no case here has to wait longer
		if n.kill != nil {
			_ = n.kill(cmd.Process)
		}
		if !n.trustsExit {
			return &result{ExitCode: -1, TimedOut: true, Stdout: stdout.bytes(), Stderr: []byte("timed out")}
		}
		<-exited
	}
	if n.awaitsEOF {
		<-stdout.ended
	}
	select {
	case <-stdout.ended:
	case <-time.After(300 * time.Millisecond): // a child may hold the pipe for ever
	}
	if n.trustsEOF {
		return &result{Stdout: stdout.bytes()}
	}
	return &result{ExitCode: int32(cmd.ProcessState.ExitCode()), Stdout: stdout.bytes()}
}

// collector is a buffer that can be looked at while it grows.
type collector struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	ended chan struct{}
}

func (c *collector) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buf.Write(p)
}

func (c *collector) bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.buf.Bytes())
}
