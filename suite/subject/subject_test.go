package subject_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"agentproof/suite/subject"
)

func TestInProcessAgentEndsAsAProcessWould(t *testing.T) {
	t.Parallel()
	crash := errors.New("no broker")
	for _, tt := range []struct {
		name   string
		run    func(context.Context) error
		end    func(subject.Process) error
		code   int
		output string
	}{
		{"its own end is exit code 0", func(context.Context) error { return nil }, nil, 0, ""},
		{"its error is exit code 1, and told", func(context.Context) error { return crash }, nil, 1, "no broker\n"},
		{"a signal asks it to end", func(ctx context.Context) error { <-ctx.Done(); return nil },
			func(p subject.Process) error { return p.Signal(os.Interrupt) }, 0, ""},
		{"a kill ends it", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
			func(p subject.Process) error { return p.Kill() }, 1, "context canceled\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env, out := environment(t)
			s := subject.InProcess("agent", func(ctx context.Context, got subject.Environment) error {
				if got.Token != env.Token {
					t.Errorf("it was told the token %q", got.Token)
				}
				return tt.run(ctx)
			})
			p := start(t, s, env)
			if tt.end != nil {
				if err := tt.end(p); err != nil {
					t.Fatal(err)
				}
			}
			await(t, p)
			if p.ExitCode() != tt.code || out.String() != tt.output {
				t.Errorf("exit code %d and %q, want %d and %q", p.ExitCode(), out, tt.code, tt.output)
			}
		})
	}
}

func TestInProcessAgentOutlivesTheContextOfItsStart(t *testing.T) {
	t.Parallel()
	env, _ := environment(t)
	running := make(chan struct{})
	s := subject.InProcess("agent", func(ctx context.Context, _ subject.Environment) error {
		close(running)
		<-ctx.Done()
		return nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	p, err := s.Start(ctx, env)
	if err != nil {
		t.Fatal(err)
	}
	<-running
	cancel()
	select {
	case <-p.Done():
		t.Error("it ended with the context of its start")
	default:
	}
	_ = p.Kill()
	await(t, p)
}

func TestAttachedSubjectIsNamedByItsSubject(t *testing.T) {
	t.Parallel()
	a := subject.Attachment{URL: "nats://127.0.0.1:1", WorkspaceID: "ws", AgentID: "laptop", HeldEpoch: 3}
	s := subject.Attached(a)
	if s.Name != "agent.ws.laptop" || s.Start != nil || *s.Attached != a {
		t.Errorf("got %+v", s)
	}
}
