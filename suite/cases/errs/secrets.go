package errs

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

func secretCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "error.no-secrets/exec",
			Clause:  "error.no-secrets",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "Errors are logged and shown. A request's variables and stdin hold keys and passwords, which must not travel with them.",
			Try:     "fakeagent call exec --env KEY=secret --argv no-such-program",
			Run:     execSecrets,
		},
		{
			ID:      "error.no-secrets/variable-that-cannot-be-set",
			Clause:  "error.no-secrets",
			Needs:   engine.Exec,
			Explain: "A variable with a NUL byte is refused by a library somewhere, and its message likes to quote the whole of it.",
			Try:     "an exec with a NUL byte in a variable through any NATS client",
			Run:     badVariableSecrets,
		},
		{
			ID:      "error.no-secrets/fs-write",
			Clause:  "error.no-secrets",
			Needs:   engine.Filesystem,
			Explain: "The content of a file that could not be written is nobody else's business.",
			Try:     "an fs_write to no/such/directory/file through any NATS client",
			Run:     writeSecrets,
		},
		{
			ID:      "error.no-secrets/terminals",
			Clause:  "error.no-secrets",
			Needs:   engine.PTY,
			Explain: "What people type into a terminal includes passwords.",
			Try:     "a pty_write with an unknown id through any NATS client",
			Run:     terminalSecrets,
		},
		{
			ID:      "error.no-secrets/fenced",
			Clause:  "error.no-secrets",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A request that is refused before it is looked at still carries what it carries.",
			Try:     "fakeagent call --epoch 1 exec --env KEY=secret true, against an agent that holds 7",
			Run:     fencedSecrets,
		},
		{
			ID:      "error.no-secrets/undecodable-request",
			Clause:  "error.no-secrets",
			Explain: "An agent that quotes the bytes it could not decode prints somebody's file.",
			Try:     "a request that is cut off through any NATS client",
			Run:     undecodableSecrets,
		},
	}
}

const secret = "correct-horse-battery-staple"

// secretForms are the ways in which bytes end up in a text.
func secretForms() []string {
	raw := []byte(secret)
	return []string{
		secret,
		base64.StdEncoding.EncodeToString(raw)[:32], // without what padding touches
		hex.EncodeToString(raw),
		strings.Trim(fmt.Sprint(raw), "[]"),
	}
}

// noSecret checks an error, if there is one.
func noSecret(t *engine.T, what string, e *agentv1.AgentError) {
	leaks := func(text string) bool {
		return slices.ContainsFunc(secretForms(), func(form string) bool { return strings.Contains(text, form) })
	}
	want := "no value of the request in the error of " + what
	t.Check(!leaks(e.GetMessage()), want, "it in the message")
	for key, value := range e.GetDetail() {
		t.Check(!leaks(key) && !leaks(value), want, "it in a detail")
	}
}

// noSecrets tries operations that fail. That each of them does is what other
// clauses say: errors of some are enough to judge.
func noSecrets(ctx context.Context, t *engine.T, attempts ...engine.Attempt) {
	errors := 0
	for _, a := range attempts {
		if e := t.Call(ctx, a.Op).GetError(); e != nil {
			errors++
			noSecret(t, a.What, e)
		}
	}
	t.Given().Check(errors > 0, "an error for what cannot be done", "results only")
}

// secretCommand is a request to run program in cwd that carries the secret
// wherever it can.
func secretCommand(cwd string, program ...string) *agentv1.ExecRequest {
	return &agentv1.ExecRequest{
		Command: program, Cwd: cwd, TimeoutMs: commandLimit,
		Env: map[string]string{"KEY": secret, "NEXT": "user:" + secret + "@host"}, Stdin: []byte(secret),
	}
}

func execSecrets(ctx context.Context, t *engine.T) {
	file := t.File(ctx, obstacle, "")
	noSecrets(ctx, t,
		engine.Attempt{What: "a missing program", Op: secretCommand("", "agentproof-no-such-program")},
		engine.Attempt{What: "a missing cwd", Op: secretCommand(t.Path(ctx, "missing"), "/bin/sh")},
		engine.Attempt{What: "a cwd through a file", Op: secretCommand(file+"/inner", "/bin/sh")},
		engine.Attempt{What: "a program that cannot start", Op: secretCommand("", t.Abs(ctx, file))},
		engine.Attempt{What: "an empty command", Op: secretCommand("")},
		engine.Attempt{What: "a cwd with a NUL byte", Op: secretCommand("\x00", "/bin/sh")})
}

func badVariableSecrets(ctx context.Context, t *engine.T) {
	for _, bad := range []struct{ what, name, value string }{
		{"a NUL byte in a value", "KEY", secret + "\x00" + secret},
		{"a NUL byte in a name", "KEY\x00X", secret},
		{"an empty name", "", secret},
		{"an equals sign in a name", "KEY=X", secret},
	} {
		// An agent may also leave such a variable out and run the command.
		resp := t.Call(ctx, &agentv1.ExecRequest{
			Command: []string{"/bin/sh", "-c", "exit 0"}, Env: map[string]string{bad.name: bad.value}, TimeoutMs: commandLimit,
		})
		noSecret(t, bad.what, resp.GetError())
	}
}

func writeSecrets(ctx context.Context, t *engine.T) {
	file := t.File(ctx, obstacle, "")
	write := func(path string) *agentv1.FsWriteRequest {
		return &agentv1.FsWriteRequest{Path: path, Content: []byte(secret + "\n" + secret)}
	}
	noSecrets(ctx, t,
		engine.Attempt{What: "a write to a directory", Op: write(t.Dir(ctx))},
		engine.Attempt{What: "a write below a missing directory", Op: write(t.Path(ctx, "missing", "file"))},
		engine.Attempt{What: "a write through a file", Op: write(file + "/inner")},
		engine.Attempt{What: "a write to a path with a NUL byte", Op: write(t.Path(ctx, "file") + "\x00")})
}

func terminalSecrets(ctx context.Context, t *engine.T) {
	noSecrets(ctx, t,
		engine.Attempt{What: "pty_write to an unknown terminal", Op: &agentv1.PtyWriteRequest{PtyId: "no-such-terminal", Data: []byte(secret)}},
		engine.Attempt{What: "pty_open of a missing program", Op: &agentv1.PtyOpenRequest{
			Command: []string{"agentproof-no-such-program"}, Env: map[string]string{"KEY": secret},
		}})
}

func fencedSecrets(ctx context.Context, t *engine.T) {
	if t.Instance().HeldEpoch < 2 {
		t.Untestable("the agent's epoch is not known or leaves no stale one")
	}
	stale := []*agentv1.ControlRequest{
		{Epoch: 1, Op: &agentv1.ControlRequest_Exec{Exec: secretCommand("", "/bin/sh")}},
		{Epoch: 1, Op: &agentv1.ControlRequest_FsWrite{
			FsWrite: &agentv1.FsWriteRequest{Path: t.Path(ctx, "file"), Content: []byte(secret)},
		}},
	}
	for _, req := range stale {
		e := t.Do(ctx, req).GetError()
		t.Given().Check(e != nil, "an error for a stale request", "a result")
		noSecret(t, "a stale request", e)
	}
}

func undecodableSecrets(ctx context.Context, t *engine.T) {
	whole, err := proto.Marshal(&agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsWrite{
		FsWrite: &agentv1.FsWriteRequest{Path: "file", Content: []byte(secret + secret)},
	}})
	if err != nil {
		t.Harness(err)
	}
	reply, err := t.SendRaw(ctx, whole[:len(whole)-len(secret)/2], nil, t.Scale(20*time.Second))
	if err != nil {
		t.Given().Fatalf("a reply to bytes that do not decode", "none")
	}
	resp := &agentv1.ControlResponse{}
	switch err := proto.Unmarshal(reply, resp); {
	case err != nil:
		t.Given().Fatalf("an error for bytes that do not decode", "%d bytes that are no ControlResponse", len(reply))
	case resp.GetError() == nil:
		t.Given().Fatalf("an error for bytes that do not decode", "%s", engine.Outcome(resp))
	}
	noSecret(t, "bytes that do not decode", resp.GetError())
}
