package runner_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"agentproof/fixtures/broker"
	"agentproof/fixtures/broker/brokertest"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/instance"
	"agentproof/suite/runner"
	"agentproof/suite/subject"
	"agentproof/suite/verdict"
)

// running starts a scripted agent as somebody else would have, and says where
// it is.
func running(t *testing.T, do answer) subject.Attachment {
	t.Helper()
	a, _ := runningBehind(t, brokertest.Start(t, broker.Config{}), do)
	return a
}

func runningBehind(t *testing.T, b *broker.Broker, do answer) (subject.Attachment, *broker.Broker) {
	t.Helper()
	b.Admit("ws", "token")
	p, err := scripted(do, nil).Start(t.Context(), subject.Environment{
		URLs: []string{b.URL()}, Token: "token", WorkspaceID: "ws", AgentID: "machine", Output: io.Discard,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Kill(); <-p.Done() })
	return subject.Attachment{URL: b.ControlURL(), WorkspaceID: "ws", AgentID: "machine"}, b
}

func TestAnOutageInTheMiddleOfAnAttachedRunIsSurvived(t *testing.T) {
	t.Parallel()
	at, b := runningBehind(t, brokertest.Start(t, broker.Config{}), pong)
	var outage sync.Once
	away := func(ctx context.Context, t *engine.T) {
		t.Ping(ctx, 1)
		outage.Do(func() {
			b.Stop()
			time.AfterFunc(300*time.Millisecond, func() { _ = b.Restart() })
		})
		t.Ping(ctx, 2)
	}
	opts := options(t, pong,
		engine.Case{ID: "ping.nonce/meets-the-outage", Exclusive: true, Run: away},
		engine.Case{ID: "ping.nonce/comes-after-it", Run: func(ctx context.Context, t *engine.T) { t.Ping(ctx, 1) }},
	)
	opts.Subject = subject.Attached(at)
	opts.TimeoutScale = 1
	for _, c := range run(t, opts).Results {
		if c.Status != verdict.Pass {
			t.Errorf("%s: %s %q, want it to pass once the broker is back", c.ID, c.Status, c.Reason)
		}
	}
}

func TestAnAttachedSubjectIsSparedWhatCouldHarmIt(t *testing.T) {
	t.Parallel()
	ran := func(ctx context.Context, t *engine.T) { t.Ping(ctx, 1) }
	opts := options(t, pong,
		engine.Case{ID: "ping.nonce/safe", Run: ran},
		engine.Case{ID: "ping.nonce/unsafe", Unsafe: true, Run: ran},
		engine.Case{ID: "lifecycle.goodbye/unsafe-by-clause", Clause: "lifecycle.goodbye", Run: ran},
		engine.Case{ID: "ping.nonce/own-launch", Launch: &engine.Launch{}, Run: ran},
	)
	opts.Subject = subject.Attached(running(t, pong))
	rep := run(t, opts)
	want := map[string]verdict.Status{
		"ping.nonce/safe":                    verdict.Pass,
		"ping.nonce/unsafe":                  verdict.Untestable,
		"lifecycle.goodbye/unsafe-by-clause": verdict.Untestable,
		"ping.nonce/own-launch":              verdict.Untestable,
	}
	for _, c := range rep.Results {
		if c.Status != want[c.ID] {
			t.Errorf("%s: %s %q, want %s", c.ID, c.Status, c.Reason, want[c.ID])
		}
		if c.Status == verdict.Untestable && !strings.Contains(c.Reason, "--attach") {
			t.Errorf("%s: the reason %q does not say what to do", c.ID, c.Reason)
		}
	}
	if rep.ExitCode() != 5 {
		t.Errorf("exit code %d, want 5: a MUST could not be judged", rep.ExitCode())
	}
}

func TestAttachingToNobodySaysSo(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	opts := options(t, func(*agentv1.ControlRequest) [][]byte { return nil }, engine.Case{ID: "ping.nonce/tried", Run: func(context.Context, *engine.T) {}})
	opts.Subject = subject.Attached(subject.Attachment{URL: b.ControlURL(), WorkspaceID: "ws", AgentID: "nobody"})
	_, err := runner.Run(t.Context(), opts)
	if !errors.Is(err, instance.ErrNeverReady) || !strings.Contains(err.Error(), "no responder") {
		t.Fatalf("err = %v, want one about no responder", err)
	}
	if strings.Contains(err.Error(), strings.TrimPrefix(strings.Split(b.ControlURL(), "@")[0], "nats://control-plane:")) {
		t.Error("the error shows the password")
	}
}
