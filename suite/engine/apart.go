package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/helper"
	"agentproof/suite/wire"
)

// What a case arranges and observes must not depend on promises of the agent that
// other cases judge. Where this machine has the agent's files, it is therefore done
// here, without the agent; elsewhere through the agent, as part of what is given.

// here reports whether this machine has the agent's files.
func (t *T) here() bool { return t.inst.LocalRoot() != "" && !t.set.UploadHelper }

// local is a path of the wire's as this machine has it.
func (t *T) local(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(t.inst.LocalRoot(), filepath.FromSlash(p))
}

// RunApart runs a program in the case's own directory on the agent's machine,
// without the agent where possible. A program that cannot be run blocks the case.
func (t *T) RunApart(ctx context.Context, argv ...string) *agentv1.ExecResponse {
	return t.RunApartIn(ctx, t.Dir(ctx), argv...)
}

// RunApartIn is RunApart in another directory, which is absolute or relative to the
// agent's root.
func (t *T) RunApartIn(ctx context.Context, dir string, argv ...string) *agentv1.ExecResponse {
	given := t.Given()
	if !t.here() {
		return given.Exec(ctx, &agentv1.ExecRequest{Command: argv, Cwd: t.absolute(ctx, dir), TimeoutMs: helperLimitMs})
	}
	limit, cancel := context.WithTimeoutCause(ctx, t.Scale(helperLimitMs*time.Millisecond), errors.New("it did not end in time"))
	defer cancel()
	resp, err := t.inst.RunHere(limit, dir, argv...)
	if err != nil {
		t.Logf("%v", err)
		given.Fatalf("a program beside the agent that runs", "one that does not")
	}
	t.rec.Arranged(dir, argv, resp)
	return resp
}

// absolute is a path of the wire's in its absolute form.
func (t *T) absolute(ctx context.Context, p string) string {
	if path.IsAbs(p) {
		return p
	}
	return t.Abs(ctx, p)
}

// RunHelper runs the helper as RunApart runs programs.
func (t *T) RunHelper(ctx context.Context, args ...string) *agentv1.ExecResponse {
	return t.RunApart(ctx, t.helperApart(ctx, args)...)
}

// helperApart is Helper for a helper that the agent need not find.
func (t *T) helperApart(ctx context.Context, args []string) []string {
	if t.here() {
		return helper.Argv(t.set.HelperProgram, args...)
	}
	return t.Helper(ctx, args...)
}

// StartHelper is RunHelper for a helper that runs while the case goes on. The
// returned function waits for its end. On an agent elsewhere the helper is one of
// its operations: an agent that serves one at a time does nothing else meanwhile.
func (t *T) StartHelper(ctx context.Context, args ...string) (wait func(ctx context.Context) *agentv1.ExecResponse) {
	dir, argv := t.Dir(ctx), t.helperApart(ctx, args)
	given := t.Given()
	if !t.here() {
		req := &agentv1.ExecRequest{Command: argv, Cwd: t.absolute(ctx, dir), TimeoutMs: helperLimitMs}
		p := given.Start(wire.NewRequest(req))
		t.Cleanup(func(ctx context.Context) { _, _ = p.Try(ctx, t.Scale(wire.OpLimit)) })
		return func(ctx context.Context) *agentv1.ExecResponse {
			return MustOf[*agentv1.ExecResponse](given, p.Response(ctx, given.execLimit(req)))
		}
	}
	type ended struct {
		resp *agentv1.ExecResponse
		err  error
	}
	end := make(chan ended, 1)
	// The case's end is the helper's, also of a case that does not wait for it.
	running, cancel := context.WithCancel(ctx)
	t.Cleanup(func(context.Context) {
		cancel()
		<-end
	})
	go func() {
		defer close(end)
		resp, err := t.inst.RunHere(running, dir, argv...)
		end <- ended{resp, err}
	}()
	return func(context.Context) *agentv1.ExecResponse {
		e := <-end
		if e.err != nil {
			t.Logf("%v", e.err)
			given.Fatalf("a program beside the agent that runs", "one that does not")
		}
		t.rec.Arranged(dir, argv, e.resp)
		return e.resp
	}
}

// busyStart is how long the start of a program takes on a machine that is too busy
// to judge a deadline of a few seconds; on an idle one it takes some milliseconds.
const busyStart = time.Second

// MissedIfBusy ends the attempt as Missed if the agent's machine is so busy that a
// missed deadline says nothing about the agent. An agent on another machine is not
// asked: it may be what does not answer.
func (t *T) MissedIfBusy(ctx context.Context) {
	if !t.here() {
		return
	}
	start := time.Now()
	t.RunHelper(ctx, "exit", "0")
	if took := time.Since(start); took > busyStart {
		t.Logf("the start of a program took %v", took)
		t.Missed("the machine is too busy to judge a deadline of a few seconds")
	}
}

// Put makes a file and its parents, at a path relative to the agent's root. The
// agent is asked first, so that a transcript that is replayed has the file, too;
// what it makes is mended where this machine has its files, and given elsewhere.
func (t *T) Put(ctx context.Context, p string, content []byte) {
	given := t.Given()
	req := &agentv1.FsWriteRequest{Path: p, Content: content, CreateParents: true}
	if !t.here() {
		Must[*agentv1.FsWriteResponse](ctx, given, req)
		return
	}
	given.Call(ctx, req)
	name := t.local(p)
	if got, err := os.ReadFile(name); err == nil && bytes.Equal(got, content) {
		return
	}
	t.Logf("made %s, which the agent did not make as it was told", p)
	t.mend(os.MkdirAll(filepath.Dir(name), 0o755))
	t.mend(os.WriteFile(name, content, 0o644))
}

// PutDir makes a directory and its parents as Put makes files.
func (t *T) PutDir(ctx context.Context, p string) {
	given := t.Given()
	req := &agentv1.FsMkdirRequest{Path: p, Parents: true}
	if !t.here() {
		Must[*agentv1.FsMkdirResponse](ctx, given, req)
		return
	}
	given.Call(ctx, req)
	if info, err := os.Stat(t.local(p)); err == nil && info.IsDir() {
		return
	}
	t.Logf("made %s, which the agent did not make as it was told", p)
	t.mend(os.MkdirAll(t.local(p), 0o755))
}

// mend ends the case over what this machine does not let the suite arrange.
func (t *T) mend(err error) {
	if err != nil {
		t.Harness(fmt.Errorf("arrange the case: %w", err))
	}
}
