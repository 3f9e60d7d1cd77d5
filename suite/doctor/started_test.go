package doctor_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"agentproof/suite/doctor"
	"agentproof/suite/subject"
)

// agent is one that does what run does with its environment.
func agent(run func(ctx context.Context, env subject.Environment) error) subject.Subject {
	return subject.InProcess("agent", run)
}

func examine(t *testing.T, subj subject.Subject, s *steps) bool {
	t.Helper()
	d := doctor.Doctor{Say: s.say, TimeoutScale: quick}
	return d.Started(t.Context(), subj)
}

func playing(s script) func(context.Context, subject.Environment) error {
	return func(ctx context.Context, env subject.Environment) error {
		s.base = strings.NewReplacer("{ws}", env.WorkspaceID, "{agent}", env.AgentID).Replace(s.base)
		return s.serve(ctx, env.URLs[0], env.Token, env.WorkspaceID, env.AgentID)
	}
}

// knocking tries to log in with opts until ctx ends, as agents do.
func knocking(opts ...nats.Option) func(context.Context, subject.Environment) error {
	return func(ctx context.Context, env subject.Environment) error {
		for ctx.Err() == nil {
			if nc, err := nats.Connect(env.URLs[0], opts...); err == nil {
				nc.Close()
				return errors.New("it was let in")
			}
		}
		return nil
	}
}

func TestAnAgentThatIsStartedIsExamined(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		run           func(ctx context.Context, env subject.Environment) error
		well          bool
		step          string
		found, advice string
	}{
		{"a healthy one", playing(script{}), true, "heartbeat", "number 1", ""},
		{"one that ends", func(_ context.Context, env subject.Environment) error {
			_, _ = env.Output.Write([]byte("reading settings\n"))
			return errors.New("no such file: settings.toml")
		}, false, "connect", "the agent ended with status 1 after", "see what it printed"},
		{"one that waits", func(ctx context.Context, _ subject.Environment) error { <-ctx.Done(); return nil },
			false, "connect", "opened no connection within 5s", "AGENTPROOF_NATS_URL"},
		{"one without a token", knocking(), false, "connect", "the broker refused the agent, which came with no credentials", "AGENTPROOF_NATS_TOKEN"},
		{"one with another token", knocking(nats.Token("guess")), false, "connect", "which came with a token that is not admitted", "AGENTPROOF_NATS_TOKEN"},
		{"one with a user name", knocking(nats.UserInfo("agent", "guess")), false, "connect", `which came with the user name "agent"`, "auth token"},
		{"one that connects and is silent", func(ctx context.Context, env subject.Environment) error {
			conn, err := net.Dial("tcp", strings.TrimPrefix(env.URLs[0], "nats://"))
			if err != nil {
				return err
			}
			defer conn.Close()
			<-ctx.Done()
			return nil
		}, false, "connect", "opened a connection and did not log in within", "NATS protocol"},
		{"one that subscribes elsewhere", playing(script{base: "agent.{ws}.me"}), false, "subscribe", ".me.rpc, and to be expected was agent.ws-", "AGENTPROOF_AGENT_ID"},
		{"one that subscribes to nothing", playing(script{deaf: true}), false, "subscribe", "subscribed to nothing within 1.5s", "AGENTPROOF_AGENT_ID"},
		{"one that leaves its workspace", playing(script{base: "agent.other.{agent}"}), false, "permission", `Subscription Violation`, "_INBOX.>"},
		{"one without a hello", playing(script{dumb: true}), false, "hello", ".hello within 1.5s", "publish a Hello"},
		{"one with a garbled hello", playing(script{hello: []byte("\xff")}), false, "hello", "is no Hello", "wire.md"},
		{"one that says that it is another", playing(script{name: "me"}), false, "hello", `the agent calls itself "me" of "ws-`, "AGENTPROOF_AGENT_ID"},
		{"one that does not send heartbeats", playing(script{event: []byte{}}), false, "heartbeat", "none came on", "every 5 s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var s steps
			if well := examine(t, agent(tt.run), &s); well != tt.well {
				t.Errorf("well: %t", well)
			}
			last := s[len(s)-1]
			if last.Name != tt.step || last.OK != tt.well || !strings.Contains(last.Found, tt.found) || !strings.Contains(last.Advice, tt.advice) {
				t.Errorf("the last step is %+v;\nwant %s, %q, %q", last, tt.step, tt.found, tt.advice)
			}
		})
	}
}

func TestWhatTheAgentPrintedIsShown(t *testing.T) {
	t.Parallel()
	var s steps
	examine(t, agent(func(_ context.Context, env subject.Environment) error {
		_, _ = env.Output.Write([]byte("first of all\n" + strings.Repeat("reading\n", 100)))
		return errors.New("no such file: settings.toml")
	}), &s)
	out := s[len(s)-1].Output
	want := "first of all\n" + strings.Repeat("reading\n", 5) + "… 88 lines more …\n" + strings.Repeat("reading\n", 7) + "no such file: settings.toml"
	if out != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestAnAgentThatEndsIsToldOfItsRelativePaths(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("agent.sh", []byte("exit 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		argv   []string
		advice string
	}{
		{[]string{"sh", "./agent.sh"}, `write ./agent.sh as "$PWD/agent.sh"`},
		{[]string{"sh", "-c", "exit 1", "--config=agent.sh"}, `write agent.sh as "$PWD/agent.sh"`},
		{[]string{"sh", filepath.Join(dir, "agent.sh")}, "an agent runs until it gets SIGTERM"},
		{[]string{"sh", "missing.sh"}, "an agent runs until it gets SIGTERM"},
	} {
		subj, done, err := subject.Command(tt.argv...)
		if err != nil {
			t.Skip("there is no sh")
		}
		var s steps
		examine(t, subj, &s)
		done()
		s.want(t, false, "connect", "the agent ended with status", tt.advice)
	}
}

func TestACommandThatCannotStartIsTold(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "agent")
	if err := os.WriteFile(path, []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	subj, done, err := subject.Command(path)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	var s steps
	if examine(t, subj, &s) {
		t.Error("it calls that well")
	}
	s.want(t, false, "start", path, "correct the command")
}

func TestAStubbornAgentIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	sh, done, err := subject.Command("sh", "-c", "trap '' INT TERM; echo up; while :; do sleep 1; done")
	if err != nil {
		t.Skip("there is no sh")
	}
	defer done()
	start := time.Now()
	var s steps
	examine(t, sh, &s)
	s.want(t, false, "connect", "opened no connection", "AGENTPROOF_NATS_URL")
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}
