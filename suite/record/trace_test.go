package record_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/docs/spec"
	"agentproof/internal/bundled"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/runner"
	"agentproof/suite/subject"
	"agentproof/suite/transcript"
	"agentproof/suite/verdict"
	"agentproof/suite/wire"
)

// traced runs one case against the reference agent, changed by config if that
// is set, and returns its result and its transcript.
func traced(t *testing.T, c engine.Case, config func(*agent.Config)) (verdict.Result, *transcript.Transcript) {
	t.Helper()
	clauses, err := spec.Load()
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c.Clause, c.Explain = cmp.Or(c.Clause, "ping.nonce"), cmp.Or(c.Explain, "It tests the recorder.")
	opts := runner.Options{Spec: clauses, Cases: []engine.Case{c}, HelperProgram: exe}
	opts.Subject = subject.InProcess("traced", func(ctx context.Context, env subject.Environment) error {
		cfg := bundled.Config(env)
		if config != nil {
			config(&cfg)
		}
		a, err := agent.New(cfg)
		if err != nil {
			return err
		}
		return a.Run(ctx)
	})
	var mu sync.Mutex
	var got *transcript.Transcript
	opts.Transcript = func(_ verdict.Result, recorded func() *transcript.Transcript) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		got = recorded()
		return "somewhere", nil
	}
	report, err := runner.Run(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	res := report.Results[0]
	if res.Transcript != "somewhere" || got == nil {
		t.Fatalf("no transcript of a case that is %s %q", res.Status, res.Reason)
	}
	return res, got
}

// opTime is far above what a reply takes.
const opTime = 20 * time.Second

// lines is a transcript as it is written.
func lines(t *testing.T, tr *transcript.Transcript) string {
	t.Helper()
	var out bytes.Buffer
	if err := tr.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// plain is a text and everything in it that is base64, decoded.
func plain(text string) string {
	var out strings.Builder
	out.WriteString(text)
	for _, word := range regexp.MustCompile(`[A-Za-z0-9+/]{8,}=*`).FindAllString(text, -1) {
		if data, err := base64.StdEncoding.DecodeString(word); err == nil {
			out.Write(data)
		} else if data, err := base64.StdEncoding.DecodeString(word[:len(word)/4*4]); err == nil {
			out.Write(data)
		}
	}
	return out.String()
}

func kinds(tr *transcript.Transcript) map[string]int {
	n := make(map[string]int)
	for _, m := range tr.Messages {
		n[m.Kind]++
	}
	return n
}

func TestNoSecretIsInATranscript(t *testing.T) {
	t.Setenv("AGENTPROOF_TEST_API_KEY", "kept-from-everybody")
	var token, relayToken, password string
	c := engine.Case{ID: "exec.env/told", Clause: "exec.env", Explain: "It tells everything.", Launch: &engine.Launch{},
		Run: func(ctx context.Context, t *engine.T) {
			inst := t.Instance()
			token, relayToken = inst.Token, inst.RelayToken
			password, _, _ = strings.Cut(strings.TrimPrefix(inst.ControlURL, "nats://control-plane:"), "@")
			all := strings.Join([]string{token, relayToken, inst.ControlURL}, " ")
			t.Run(ctx, "report")
			t.File(ctx, "secrets", all)
			t.Read(ctx, t.Path(ctx, "secrets"))
			t.Exec(ctx, &agentv1.ExecRequest{
				Command: []string{"/bin/sh", "-c", `echo "$1"; echo "$MY_PASSWORD" >&2; env`, "sh", all}, Cwd: t.Dir(ctx),
				Env: map[string]string{"MY_PASSWORD": "only-in-this-variable", token: "a key"}, Stdin: []byte(all), TimeoutMs: 10_000,
			})
			// Long enough for the cut to be near them, in a name, and broken.
			t.Exec(ctx, &agentv1.ExecRequest{Command: []string{"cat"}, Stdin: []byte(strings.Repeat(all+"\n", 2000)), TimeoutMs: 10_000})
			t.Call(ctx, &agentv1.FsReadRequest{Path: t.Path(ctx, token)})
			_, _ = t.SendRaw(ctx, []byte("\xff"+all), nil, opTime)
			req := wire.NewRequest(&agentv1.PingRequest{})
			req.RequestId = token
			req.ProtoReflect().SetUnknown([]byte("\xe2\x76" + string(rune(len(token))) + token))
			payload, err := proto.Marshal(req)
			if err != nil {
				t.Harness(err)
			}
			_, _ = t.SendRaw(ctx, payload, nil, opTime)
			term := t.HelperTerminal(ctx, "report", "--file", "report.json")
			term.Rest(ctx)
			t.Read(ctx, t.Path(ctx, "report.json"))
			t.Errorf("one", "two")
		}}
	res, tr := traced(t, c, nil)
	if res.Status != verdict.Fail || res.Reason != "want one; got two" {
		t.Errorf("the case is %s: %s", res.Status, res.Reason)
	}
	text := plain(lines(t, tr))
	for what, secret := range map[string]string{
		"the agent's token": token, "its relay token": relayToken, "the control plane's password": password,
		"a secret of the runner's environment": "kept-from-everybody",
	} {
		if secret == "" {
			t.Errorf("the test does not know %s", what)
		}
		if strings.Contains(text, secret) {
			t.Errorf("%s is in the transcript", what)
		}
	}
	for _, kept := range []string{"{token}", "{relay-token}", "{secret}", "MY_PASSWORD={secret}", "{root}", "{case-dir}", "sha256:"} {
		if !strings.Contains(text, kept) {
			t.Errorf("%q is not in the transcript", kept)
		}
	}
}

func TestATranscriptTellsWhatWentOverTheWire(t *testing.T) {
	t.Parallel()
	c := engine.Case{ID: "ping.nonce/told", Launch: &engine.Launch{},
		Run: func(ctx context.Context, t *engine.T) {
			if _, _, err := t.Instance().Watch.Await(ctx, 0, wire.IsHeartbeat); err != nil {
				t.Harness(err)
			}
			t.Ping(ctx, 1)
			resp, err := t.ControlRPC().Request(ctx, t.Instance().Base+".rpc", wire.NewRequest(&agentv1.MetricsRequest{}), opTime)
			if err != nil || resp.GetMetrics() == nil {
				t.Fatalf("metrics", "%v %v", resp, err)
			}
			_, _ = t.SendRaw(ctx, nil, nil, 1) // gives up at once
			term := t.HelperTerminal(ctx, "pty-source", "100000", "1")
			term.Rest(ctx)
			if err := t.Dial().Publish(t.Instance().Base+".rpc", []byte{0x52, 0}); err != nil {
				t.Harness(err)
			}
		}}
	twice := func(cfg *agent.Config) { // where the request has no id
		cfg.Wire.Out = func(next agent.PublishFunc) agent.PublishFunc {
			return func(to string, data []byte) error {
				resp := &agentv1.ControlResponse{}
				if strings.HasPrefix(to, nats.InboxPrefix) && proto.Unmarshal(data, resp) == nil &&
					resp.GetRequestId() == "" && resp.GetError() != nil {
					_ = next(to, data)
				}
				return next(to, data)
			}
		}
	}
	res, tr := traced(t, c, twice)
	if !strings.Contains(res.Reason, "a second reply") {
		t.Errorf("the case is %s: %s", res.Status, res.Reason)
	}
	n := kinds(tr)
	for _, kind := range []string{transcript.Hello, transcript.Event, transcript.Stream, transcript.Silence, transcript.Finding} {
		if n[kind] == 0 {
			t.Errorf("no %s in %v", kind, n)
		}
	}
	if tr.Case != c.ID || tr.Status != string(verdict.Fail) || tr.Base != "agent.{workspace}.{agent}" || tr.Revision != "r0.2" {
		t.Errorf("the header is %+v", tr.Header)
	}
	last := int64(0)
	frames := 0
	for _, m := range tr.Messages {
		if m.Micros < 0 || m.Micros < last-1_000_000 {
			t.Errorf("%d µs after %d: %+v", m.Micros, last, m)
		}
		last = m.Micros
		if m.Kind == transcript.Stream && m.Text == "frames" {
			frames += m.Size
		}
		if m.Kind == transcript.Request && m.Replayable() == (m.CannotReplay != "") {
			t.Errorf("a request that is neither kept nor explained: %+v", m)
		}
	}
	if frames < 100_000 {
		t.Errorf("frames of %d bytes, want all that the terminal showed", frames)
	}
	if _, err := transcript.Read(strings.NewReader(lines(t, tr))); err != nil {
		t.Error(err)
	}
}

func TestATranscriptIsBounded(t *testing.T) {
	t.Parallel()
	c := engine.Case{ID: "fs.write.count/told", Clause: "fs.write.count", Run: func(ctx context.Context, t *engine.T) {
		for i := range 1100 {
			t.Ping(ctx, uint64(i))
		}
		large := bytes.Repeat([]byte("x"), 1<<20)
		for range 12 { // more than a failure shows
			t.Write(ctx, t.Path(ctx, "large"), large)
		}
		for i := range 100 {
			t.File(ctx, "small", strings.Repeat("y", 60_000)+string(rune('a'+i%26)))
		}
		t.Errorf("one", "two")
	}}
	res, tr := traced(t, c, nil)
	if len(res.Exchanges) != 8 {
		t.Errorf("%d exchanges kept, want 8", len(res.Exchanges))
	}
	n, cut, large := kinds(tr), 0, 0
	for _, m := range tr.Messages {
		if m.Kind == transcript.Cut {
			cut = m.Count
		}
		if m.Size > 1<<20 {
			large++
			if m.Kind == transcript.Request && m.CannotReplay == "" {
				t.Error("a request of 1 MiB is kept")
			}
		}
	}
	if total := len(tr.Messages) - 1 + cut; n[transcript.Cut] != 1 || total < 2*(1100+12+100) {
		t.Errorf("%d messages are told or counted as cut, want all: %v", total, n)
	}
	if text := lines(t, tr); len(text) > 8<<20 || len(tr.Messages) > 2001 {
		t.Errorf("%d lines of %d bytes", len(tr.Messages), len(text))
	}
}

// TestLargeMessagesStayComparable pins that what is too large to be kept is
// told by its size and digest, also when it grew old.
func TestLargeMessagesStayComparable(t *testing.T) {
	t.Parallel()
	c := engine.Case{ID: "fs.write.count/told", Clause: "fs.write.count", Run: func(ctx context.Context, t *engine.T) {
		for range 12 {
			t.Write(ctx, t.Path(ctx, "large"), bytes.Repeat([]byte("x"), 1<<20))
		}
		t.Errorf("one", "two")
	}}
	_, tr := traced(t, c, nil)
	told := 0
	for _, m := range tr.Messages {
		if m.Size > 1<<20 {
			var req struct {
				FsWrite struct {
					Content string `json:"content"`
				} `json:"fsWrite"`
			}
			if err := json.Unmarshal(m.Message, &req); err != nil {
				t.Fatal(err)
			}
			// That of 1 MiB of x.
			if strings.HasSuffix(req.FsWrite.Content, "… (1048576 bytes, sha256:8f990ba0b577b51cf009ea049368c16bbda1b21e1b93be07a824758bb253c39b)") {
				told++
			}
		}
	}
	if told != 12 {
		t.Errorf("%d of 12 are told by their digest", told)
	}
}
