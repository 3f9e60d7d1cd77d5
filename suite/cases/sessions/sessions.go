// Package sessions holds the cases about what the control plane's session
// promises, seen end to end: each one goes through the session client and a
// real broker, and looks at what it did to the machine.
package sessions

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"agentproof/session"
	"agentproof/suite/engine"
)

// Cases returns the cases of this area.
func Cases() []engine.Case {
	return slices.Concat(pathCases(), transportCases(), errorCases(), operationCases(), editorCases(), endpointCases())
}

// in is a session whose /workspace is the case's own directory.
func in(ctx context.Context, t *engine.T) *session.Session {
	return t.Session(session.Config{WorkingDir: t.Dir(ctx)})
}

// ok ends the case when a call of the session failed that should not have.
func ok[V any](t *engine.T, what string) func(V, error) V {
	return func(v V, err error) V {
		if err != nil {
			t.Fatalf(what+" to succeed", "%s", condition(err))
		}
		return v
	}
}

// done is ok for a call that only fails or not.
func done(t *engine.T, what string, err error) {
	if err != nil {
		t.Fatalf(what+" to succeed", "%s", condition(err))
	}
}

// condition names an error the same way in every run: messages hold random
// ids and ports.
func condition(err error) string {
	if e, ok := errors.AsType[*session.ControlError](err); ok {
		return "the error " + strings.TrimPrefix(e.Code.String(), "ERROR_CODE_")
	}
	for _, known := range []struct {
		error
		name string
	}{
		{context.DeadlineExceeded, "a timeout"}, {context.Canceled, "a cancellation"}, {fs.ErrNotExist, "fs.ErrNotExist"}, {fs.ErrExist, "fs.ErrExist"},
	} {
		if errors.Is(err, known.error) {
			return "no *ControlError but " + known.name
		}
	}
	if err == nil {
		return "no error"
	}
	return fmt.Sprintf("no *ControlError but a %T", err)
}

// write writes a file through the session.
func write(ctx context.Context, t *engine.T, s *session.Session, name, content string) {
	_, err := s.WriteFile(ctx, session.WriteFileParams{Path: name, Content: []byte(content)})
	done(t, "a write", err)
}

// holds checks, past the session and the agent, what a file on the machine holds.
func holds(ctx context.Context, t *engine.T, name, content string) {
	got, there := t.Look(ctx, name)
	if !there {
		t.Errorf("a file where the mapping leads", "none")
		return
	}
	engine.EqualBytes(t, "the file's content", got, []byte(content))
}

// absent checks, past the session and the agent, that no file is there.
func absent(ctx context.Context, t *engine.T, what, name string) {
	_, there := t.Look(ctx, name)
	t.Check(!there, what, "it is there")
}

// is checks the sentinel of an error, and that no error of a session can be
// taken for a machine that is gone.
func is(t *engine.T, err, sentinel error, name string) {
	if err == nil {
		t.Errorf("an error that is "+name, "none")
		return
	}
	t.Check(errors.Is(err, sentinel), "an error that is "+name, "%s", condition(err))
	t.Check(!session.IsProviderNotFound(err), "no error to be a provider's not-found", "one that is")
	if !errors.Is(sentinel, fs.ErrNotExist) {
		t.Check(!errors.Is(err, fs.ErrNotExist), "no missing file in "+name, "one that matches fs.ErrNotExist")
	}
}
