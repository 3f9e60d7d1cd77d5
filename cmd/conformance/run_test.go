package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"agentproof/fixtures/broker"
	"agentproof/internal/bundled"
	"agentproof/stream"
	"agentproof/suite/relaysuite"
	"agentproof/suite/report"
	"agentproof/suite/subject"
	"agentproof/suite/verdict"
)

func TestTheBundledAgentPasses(t *testing.T) {
	t.Parallel()
	got := invoke(t, "run", "--case", "ping.**", "--case", "fence.stale/*")
	got.want(t, 0, "✓ the bundled agent", "")
	if got.err != "" || strings.Contains(got.out, "\x1b") {
		t.Errorf("stderr %q, stdout %q: want neither progress nor colours", got.err, got.out)
	}
}

func TestABrokenMustIsExitCode1(t *testing.T) {
	t.Parallel()
	got := invoke(t, "run", "--case", "ping.nonce/echoed", "--", self(t), asAgent, "faulty")
	got.want(t, 1, "1 MUST broken", "")
}

// TestAFailureShowsWhatHappened pins down what a person sees of an agent that
// lies: the clause, what was expected, what came, and the exchange.
func TestAFailureShowsWhatHappened(t *testing.T) {
	t.Parallel()
	got := invoke(t, "run", "--case", "ping.nonce/echoed", "--case", "fence.stale/a-write-creates-nothing", "--case", "ping.monotonic/*",
		"--", self(t), asAgent, "faulty")
	if got.code != 1 {
		t.Errorf("exit code %d, want 1", got.code)
	}
	text := got.out
	for _, random := range []struct{ pattern, stands string }{
		{regexp.QuoteMeta(self(t)), "conformance.test"},
		{`ws-[A-Z2-7]{8}`, "ws-RANDOM"},
		{`agent-[A-Z2-7]{8}`, "agent-RANDOM"},
		{`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}`, "ID"},
		{`(\d+(\.\d+)? |<1 )m?s\b`, "TIME"},
		{`time=\S+`, "time=NOW"},
		{`nats://127\.0\.0\.1:\d+`, "nats://BROKER"},
		{`\d+ cases of \d+`, "N cases of M"},
		{`\d+ of \d+ mutants`, "N of M mutants"},
		{`\((\S+) \w+/\w+\)`, "($1 OS/ARCH)"},
		{`"(modifiedMs|agentMonotonicMs)":"\d+"`, `"$1":"N"`},
	} {
		text = regexp.MustCompile(random.pattern).ReplaceAllString(text, random.stands)
	}
	golden(t, "faulty.txt", text)
}

func TestAnythingThatSelectsNothingIsExitCode2(t *testing.T) {
	t.Parallel()
	got := invoke(t, "run", "--case", "xyzzy.**", "--", self(t), asAgent, "quits")
	got.want(t, 2, "", `conformance: --case "xyzzy.**" matches no case; see 'conformance list'`)
}

func TestAnAgentThatIsNeverReadyIsExitCode3(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		role string
		want []string
	}{
		{"quits", []string{"the agent ended with status 4 before its Hello came", "no luck today"}},
		{"mute", []string{"waited for its Hello: none came within 1.8s", "thinking"}},
	} {
		t.Run(tt.role, func(t *testing.T) {
			t.Parallel()
			got := invoke(t, "run", "--case", "ping.**", "--timeout-scale", "0.02", "--", self(t), asAgent, tt.role)
			for _, want := range tt.want {
				got.want(t, 3, "", want)
			}
		})
	}
}

func TestTheContractAloneIsEnoughForAForeignAgent(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"tiny", "filed"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			got := invoke(t, "run", "--case", "ping.**", "--case", "exec.cwd/*", "--case", "fence.stale/details", "--", self(t), asAgent, role)
			got.want(t, 0, "the agent does not offer exec", "")
		})
	}
}

func TestGoRunOfFakeagentPasses(t *testing.T) {
	t.Chdir("../..") // where somebody types it
	got := invoke(t, "run", "--case", "ping.**", "--case", "fence.**", "--case", "connect.**",
		"--", "go", "run", "./cmd/fakeagent", "run")
	got.want(t, 0, "✓ go run ./cmd/fakeagent run", "")
}

// attachable starts an agent as somebody else would have, without relay, display
// and consent, and returns the flags that lead to it.
func attachable(t *testing.T) []string {
	t.Helper()
	return attachableAs(t, subject.Environment{})
}

// attachableAs is attachable for an agent that is told more than who it is.
func attachableAs(t *testing.T, env subject.Environment) []string {
	t.Helper()
	b, err := broker.Start(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	b.Admit("ws", "token")
	var log bytes.Buffer
	env.URLs, env.Token, env.WorkspaceID, env.AgentID = []string{b.URL()}, "token", "ws", "laptop"
	env.Epoch, env.Root, env.Output = 3, t.TempDir(), &log
	p, err := subject.InProcess("agent", bundled.InProcess).Start(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Kill()
		<-p.Done()
	})
	return []string{"--attach", b.ControlURL(), "--workspace", "ws", "--agent", "laptop", "--held-epoch", "3"}
}

func TestAttach(t *testing.T) {
	t.Parallel()
	flags := append([]string{"run"}, attachable(t)...)
	t.Run("a running agent is certified where it is", func(t *testing.T) {
		t.Parallel()
		got := invoke(t, append(flags, "--case", "ping.**", "--case", "fence.stale/*", "--case", "exec.cwd/*")...)
		got.want(t, 0, "✓ agent.ws.laptop", "")
	})
	t.Run("what needs an agent of its own is exit code 5", func(t *testing.T) {
		t.Parallel()
		got := invoke(t, append(flags, "--case", "fence.newer/runs", "--case", "ping.**")...)
		got.want(t, 5, "leave out --attach", "")
		got.want(t, 5, "incomplete, some MUST could not be judged", "")
	})
	t.Run("an agent that is not there is exit code 3", func(t *testing.T) {
		t.Parallel()
		got := invoke(t, append(flags, "--agent", "nobody")...)
		got.want(t, 3, "", "agent.ws.nobody")
		got.want(t, 3, "", "no responder")
	})
	t.Run("no broker is exit code 3", func(t *testing.T) {
		t.Parallel()
		got := invoke(t, "run", "--attach", "nats://me:secret@127.0.0.1:1", "--workspace", "ws", "--agent", "a")
		got.want(t, 3, "", "connect to the broker")
		if strings.Contains(got.err, "secret") {
			t.Errorf("it gives the password away: %s", got.err)
		}
	})
}

// TestAnAttachedAgentIsNotBlamedForWhatItDoesNotOffer attaches to sound agents
// whose Hello the suite missed.
func TestAnAttachedAgentIsNotBlamedForWhatItDoesNotOffer(t *testing.T) {
	t.Parallel()
	relay, stop, err := relaysuite.Bundled()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	token, err := stream.MintProducer(relay.ProducerSecret, stream.ProducerClaims{
		WorkspaceID: "ws", AgentID: "laptop", Exp: time.Now().Add(time.Hour).Unix(),
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		env  subject.Environment
		want string
	}{
		"nothing":                  {subject.Environment{}, "the agent does not offer pty"},
		"a relay":                  {subject.Environment{RelayURL: relay.URL, RelayToken: string(token)}, "the suite does not know the agent's relay"},
		"a relay that is away":     {subject.Environment{RelayURL: "ws://127.0.0.1:1/stream", RelayToken: string(token)}, "whether the agent offers pty is not known"},
		"consent without a screen": {subject.Environment{ScreenControl: true}, "the agent does not offer desktop"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := invoke(t, append([]string{"run", "--case", "pty", "--case", "stream", "--case", "desktop"}, attachableAs(t, tt.env)...)...)
			got.want(t, 5, tt.want, "")
			if strings.Contains(got.out, "broken") {
				t.Errorf("it is blamed:\n%s", got.out)
			}
		})
	}
}

func TestJSONOnStdoutIsReportJSON(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "report")
	got := invoke(t, "run", "--case", "ping.**", "--format", "json", "--out", dir, "--", self(t), asAgent, "faulty")
	got.want(t, 1, `"schema": "`+report.Schema+`"`, "")
	var doc report.Document
	if err := json.Unmarshal([]byte(got.out), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Verdict != verdict.NotConformant || doc.Subject.Version != "0.0.0-faulty" || doc.Selection.Cases[0] != "ping.**" {
		t.Errorf("got verdict %s, subject %+v, selection %+v", doc.Verdict, doc.Subject, doc.Selection)
	}
	written, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil || string(written) != got.out {
		t.Errorf("report.json is not what was printed (%v)", err)
	}
	for _, name := range []string{"run.json", "junit.xml"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheReportSaysWhereItIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	invoke(t, "run", "--case", "ping.nonce/*", "--level", "must", "--parallel", "1", "--out", dir+"/").want(t, 0, " · report in "+dir+"\n", "")
}

func TestSelection(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args string
		want string
	}{
		{"a star stays within a word", "--case ping.*/echoed", "1 case of"},
		{"an area", "--case ping --skip ping.nonce/full-range", "2 cases of"},
		{"a clause", "--case ping.nonce", "2 cases of"},
		{"two stars cross words", "--case ping.** --skip **/echoed", "2 cases of"},
		{"a profile", "--profile core --case ping.**", "3 cases of"},
		{"a level", "--level must --case ping.**", "3 cases of"},
		{"a revision", "--revision r0.5 --case ping.nonce/echoed", "1 case of"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			invoke(t, append([]string{"run"}, strings.Fields(tt.args)...)...).want(t, 0, "  "+tt.want, "")
		})
	}
}

func TestFailedRunsAgainWhatFailed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	invoke(t, "run", "--case", "ping", "--out", dir, "--", self(t), asAgent, "faulty").want(t, 1, "1 MUST broken in 2 cases", "")
	invoke(t, "run", "--failed", dir, "--", self(t), asAgent, "faulty").want(t, 1, "  2 cases of", "")
	invoke(t, "run", "--failed", dir, "--out", dir).want(t, 0, "  2 cases of", "")
	invoke(t, "run", "--failed", dir).want(t, 2, "", "--failed: no case of the report in "+dir+" failed or was blocked")
}
