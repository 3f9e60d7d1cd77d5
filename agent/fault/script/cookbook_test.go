package script_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"agentproof/agent"
	"agentproof/agent/fault/script"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
)

const document = "../../../docs/scripted-faults.md"

// block is a YAML block of the document.
type block struct {
	place   string
	recipe  string // its heading in the cookbook, empty before it
	content string
}

func blocks(tb testing.TB) (found []block) {
	tb.Helper()
	data, err := os.ReadFile(document)
	if err != nil {
		tb.Fatal(err)
	}
	cookbook, recipe, inside := false, "", false
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		switch {
		case strings.HasPrefix(line, "```"):
			if inside = !inside && line == "```yaml\n"; inside {
				found = append(found, block{place: fmt.Sprintf("%s:%d", filepath.Base(document), n), recipe: recipe})
			}
		case inside:
			found[len(found)-1].content += line
		case strings.HasPrefix(line, "## "):
			cookbook = line == "## Cookbook\n"
		case cookbook && strings.HasPrefix(line, "### "):
			recipe = strings.TrimSpace(strings.TrimPrefix(line, "###"))
		}
	}
	return found
}

func TestEveryScriptOfTheDocumentIsOne(t *testing.T) {
	t.Parallel()
	for _, b := range blocks(t) {
		if _, err := script.Parse(b.place, []byte(b.content)); err != nil {
			t.Error(err)
		}
	}
}

// The reference has a word on everything that a script may say.
func TestTheDocumentKnowsEveryWordOfTheLanguage(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	// The sentences about what is wrong list what would be right.
	for _, wrong := range []string{
		"x: 1", "rules: [{x: 1}]", "rules: [{on: x}]", `rules: [{on: "*", when: {x: 1}, do: drain}]`, "rules: [{on: ping, do: {x: 1}}]",
		"rules: [{on: ping, do: {error: x}}]", "rules: [{on: ping, do: {error: {x: 1}}}]", "rules: [{on: ping, do: {drop: x}}]",
		"rules: [{on: ping, do: {offline: {x: 1}}}]", "rules: [{on: ping, do: {offline: {reason: x}}}]",
		"rules: [{on: ping, do: {disconnect: {x: 1}}}]", "rules: [{on: desktop_input, when: {event: x}}]",
	} {
		_, err := script.Parse("a", []byte(wrong))
		if err == nil {
			t.Fatalf("%s was accepted", wrong)
		}
		said, _, _ := strings.Cut(err.Error(), "\n")
		_, said, ok := strings.Cut(said, ": it has ")
		if !ok {
			_, said, ok = strings.Cut(err.Error(), ": there are ")
		}
		if !ok {
			_, said, _ = strings.Cut(err.Error(), " takes ")
		}
		said, _, _ = strings.Cut(said, ", not ")
		said, _, _ = strings.Cut(said, ", and patterns")
		words := strings.FieldsFunc(strings.NewReplacer(" and ", ",", " or ", ",").Replace(said), func(r rune) bool { return r == ',' || r == ' ' })
		if len(words) < 2 {
			t.Errorf("no words in %v", err)
		}
		for _, word := range words {
			if !bytes.Contains(data, []byte("`"+word)) && !bytes.Contains(data, []byte(word+":")) {
				t.Errorf("the document says nothing about %q", word)
			}
		}
	}
}

// recipes do with each script of the cookbook what its heading is about.
func recipes() map[string]func(t *testing.T, text string) {
	return map[string]func(*testing.T, string){
		"A slow machine": slowMachine,
		"The reply is lost after the write happened":       lostReply,
		"The request never arrives":                        lostRequest,
		"Offline in the middle of a command":               offlineMidway,
		"The connection breaks in the middle of a command": brokenMidway,
		"Fenced":                             fenced,
		"Draining during a deploy":           deploy,
		"A network that flaps":               flapping,
		"A file too large to reply":          tooLarge,
		"Consent taken away":                 consent,
		"The disk is full":                   diskFull,
		"An install that fails now and then": flakyInstall,
		"An answer that comes twice":         twice,
	}
}

func TestCookbook(t *testing.T) {
	t.Parallel()
	todo := recipes()
	for _, b := range blocks(t) {
		if b.recipe == "" {
			continue
		}
		try, ok := todo[b.recipe]
		if !ok {
			t.Errorf("%s: nothing tries the recipe %q", b.place, b.recipe)
			continue
		}
		delete(todo, b.recipe)
		t.Run(b.recipe, func(t *testing.T) {
			t.Parallel()
			try(t, b.content)
		})
	}
	for name := range maps.Keys(todo) {
		t.Errorf("the cookbook has no recipe %q", name)
	}
}

// short is a timeout for calls that nobody will answer.
const short = 500 * time.Millisecond

func slowMachine(t *testing.T, text string) {
	w := start(t, text, nil)
	begin := time.Now()
	if _, err := w.do(ping()); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took < 500*time.Millisecond {
		t.Errorf("the ping took %v", took)
	}
}

func lostReply(t *testing.T, text string) {
	w := start(t, text, nil)
	for range 2 {
		if _, err := w.do(write("notes.txt", "other")); err != nil {
			t.Errorf("another file: %v", err)
		}
	}
	if err := <-w.begin(write("etc/config.json", "{}"), short); !errors.Is(err, session.ErrReconnecting) {
		t.Errorf("error %v, want %v", err, session.ErrReconnecting)
	}
	w.eventually("the file is written all the same", func() bool {
		data, err := os.ReadFile(filepath.Join(w.root, "etc/config.json"))
		return err == nil && string(data) == "{}"
	})
	if _, err := w.do(write("etc/config.json", "{}")); err != nil {
		t.Errorf("the second time: %v", err)
	}
}

func lostRequest(t *testing.T, text string) {
	w := start(t, text, nil)
	if err := <-w.begin(execute(nil, "sh", "-c", "touch deployed"), short); !errors.Is(err, session.ErrReconnecting) {
		t.Errorf("error %v, want %v", err, session.ErrReconnecting)
	}
	if _, err := os.Stat(filepath.Join(w.root, "deployed")); err == nil {
		t.Error("the command ran")
	}
	if _, err := w.do(execute(nil, "true")); err != nil {
		t.Error(err)
	}
}

func offlineMidway(t *testing.T, text string) {
	w := start(t, text, nil)
	build := w.begin(w.program("make", "-c", "touch began; sleep 100"), patience)
	w.appears("began")
	if err := <-build; !errors.Is(err, session.ErrDraining) {
		t.Errorf("error %v, want %v", err, session.ErrDraining)
	}
	w.goodbye()
	w.eventually("nobody answers", func() bool {
		_, err := w.session(short).Do(t.Context(), ping())
		return errors.Is(err, session.ErrAgentOffline)
	})
	w.hello()
	if _, err := w.do(w.program("make", "-c", "true")); err != nil {
		t.Errorf("after it came back: %v", err)
	}
}

func brokenMidway(t *testing.T, text string) {
	w := start(t, text, nil)
	build := w.begin(w.program("make", "-c", "until test -e go; do sleep 0.02; done; touch done"), 2*time.Second)
	w.eventually("nobody answers", func() bool {
		_, err := w.session(short).Do(t.Context(), ping())
		return errors.Is(err, session.ErrAgentOffline)
	})
	if err := os.WriteFile(filepath.Join(w.root, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.appears("done")
	w.hello()
	if _, err := w.do(ping()); err != nil {
		t.Errorf("after it came back: %v", err)
	}
	// Where this machine is so slow that the agent is back first, there is a reply.
	if err := <-build; err != nil && !errors.Is(err, session.ErrReconnecting) {
		t.Errorf("error %v, want %v", err, session.ErrReconnecting)
	}
}

func fenced(t *testing.T, text string) {
	w := start(t, text, nil)
	for range 3 {
		if _, err := w.do(execute(nil, "true")); err != nil {
			t.Error(err)
		}
	}
	for range 2 {
		_, err := w.do(execute(nil, "touch", "trace"))
		e, ok := errors.AsType[*session.ControlError](err)
		if !ok || !e.Fenced || e.Detail["op_epoch"] != "1" || e.Detail["held_epoch"] != "2" {
			t.Errorf("%#v", err)
		}
	}
	if _, err := os.Stat(filepath.Join(w.root, "trace")); err == nil {
		t.Error("a fenced command ran")
	}
}

func deploy(t *testing.T, text string) {
	w := start(t, text, nil)
	old := w.begin(execute(nil, "sh", "-c", "touch began; until test -e go; do sleep 0.02; done"), patience)
	w.appears("began")
	for _, req := range []*agentv1.ControlRequest{git(agentv1.GitOp_GIT_OP_PULL), execute(nil, "true")} {
		if _, err := w.do(req); !errors.Is(err, session.ErrDraining) {
			t.Errorf("%s: error %v, want %v", session.OpName(req), err, session.ErrDraining)
		}
	}
	if err := os.WriteFile(filepath.Join(w.root, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := <-old; err != nil {
		t.Errorf("what ran already: %v", err)
	}
	if bye := w.goodbye(); bye.GetReason() != agentv1.GoingOfflineReason_GOING_OFFLINE_REASON_UPDATE {
		t.Errorf("reason %v", bye.GetReason())
	}
	w.hello()
	if _, err := w.do(execute(nil, "true")); err != nil {
		t.Errorf("after it came back: %v", err)
	}
}

// flapping makes calls one after the other, for as many to be counted at the
// same place in each run.
func flapping(t *testing.T, text string) {
	lost := func() (calls []int) {
		w := start(t, text, nil)
		for i := range 12 {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				_, err := w.session(patience).Do(ctx, ping())
				done <- err
			}()
			acts := len(calls)
			w.eventually("the call ends", func() bool { return len(done) > 0 || len(w.acts.list()) > acts })
			cancel()
			if len(w.acts.list()) > acts {
				calls = append(calls, i)
				w.hello()
			} else if err := <-done; err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		}
		return calls
	}
	first, again := lost(), lost()
	if len(first) == 0 || !slices.Equal(first, again) {
		t.Errorf("the connection was lost at the calls %v, and then at %v", first, again)
	}
}

func tooLarge(t *testing.T, text string) {
	w := start(t, text, nil)
	if _, err := w.do(write("logs/today/app.log", "small")); err != nil {
		t.Fatal(err)
	}
	_, err := w.do(read("logs/today/app.log"))
	e, ok := errors.AsType[*session.ControlError](err)
	if !ok || e.Code != agentv1.ErrorCode_ERROR_CODE_PAYLOAD_TOO_LARGE || e.Detail["op"] != "fs_read" {
		t.Errorf("%#v", err)
	}
	if resp, err := w.do(read("logs/today/app.log")); err != nil || string(resp.GetFsRead().GetContent()) != "small" {
		t.Errorf("the second time: %v, %v", resp, err)
	}
}

func consent(t *testing.T, text string) {
	w := start(t, text, func(c *agent.Config) { c.ScreenControl = true })
	for i, want := range []bool{false, false, true, true} {
		_, err := w.do(&agentv1.ControlRequest{Op: &agentv1.ControlRequest_DesktopInput{DesktopInput: &agentv1.DesktopInputRequest{
			Event: &agentv1.DesktopInputRequest_Pointer{Pointer: &agentv1.PointerEvent{X: 1, Y: 1}},
		}}})
		// Without a display the agent has reasons of its own to refuse.
		if got := errors.Is(err, session.ErrConsentRequired); got != want {
			t.Errorf("click %d: %v", i+1, err)
		}
	}
}

func diskFull(t *testing.T, text string) {
	w := start(t, text, nil)
	for _, tt := range []struct {
		path string
		full bool
	}{{"cache/a", false}, {"src/a", false}, {"cache/b", true}, {"cache", true}, {"src/b", false}} {
		_, err := w.do(write(tt.path, "x"))
		e, full := errors.AsType[*session.ControlError](err)
		if full != tt.full || full && (e.Code != agentv1.ErrorCode_ERROR_CODE_OS || e.Detail["errno"] != "28" || e.Retryable) {
			t.Errorf("%s: %#v", tt.path, err)
		}
	}
}

func flakyInstall(t *testing.T, text string) {
	w := start(t, text, nil)
	if err := os.WriteFile(filepath.Join(w.root, "install"), []byte("echo installed $1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const n = 16
	var installs []<-chan error
	for range n {
		installs = append(installs, w.begin(w.program("npm", "install", "left-pad"), 5*time.Second))
	}
	lost := 0
	for _, done := range installs {
		switch err := <-done; {
		case errors.Is(err, session.ErrReconnecting):
			lost++
		case err != nil:
			t.Error(err)
		}
	}
	byRule := make(map[string]int)
	for _, line := range w.acts.list() {
		byRule[line]++
	}
	if len(byRule) != 2 || lost == 0 || lost == n {
		t.Errorf("of %d installs %d were lost; the rules acted %v times", n, lost, byRule)
	}
}

func twice(t *testing.T, text string) {
	w := start(t, text, nil)
	inbox := w.cp.NewInbox()
	replies, err := w.cp.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	req := git(agentv1.GitOp_GIT_OP_RAW, "version")
	req.RequestId = "the-one"
	w.send(req, inbox)
	for range 2 {
		resp := new(agentv1.ControlResponse)
		w.next(replies, resp)
		if resp.GetRequestId() != "the-one" || resp.GetGit() == nil {
			t.Errorf("reply %v", resp)
		}
	}
	w.stop()
	w.goodbye()
	if _, err := replies.NextMsg(time.Millisecond); !errors.Is(err, nats.ErrTimeout) {
		t.Errorf("a third reply: %v", err)
	}
}
