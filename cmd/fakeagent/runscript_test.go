package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

func TestRunMisbehavesByAScript(t *testing.T) {
	t.Parallel()
	script, err := filepath.Abs("testdata/lost.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, nil, "--script", script)
	invoke(t, strings.NewReader("x"), append(s.call(), "--timeout", "500ms", "write", "f")...).want(t, 125, "", "the operation may still be running")
	invoke(t, nothing(), append(s.call(), "read", "f")...).want(t, 0, "x", "")
	invoke(t, strings.NewReader("y"), append(s.call(), "write", "f")...).want(t, 0, "", "")
	for _, said := range []string{"this agent misbehaves on purpose", "script: drop the reply", "rule=" + script + ":2", "op=fs_write"} {
		if !strings.Contains(s.log.String(), said) {
			t.Errorf("it does not log %q:\n%s", said, s.log)
		}
	}
	if code := s.stop(t, os.Interrupt); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// The broker of an agent that went offline is there all the same, or a control
// plane could not tell the one from the other.
func TestABrokerOutlivesItsScriptedAgent(t *testing.T) {
	t.Parallel()
	script, err := filepath.Abs("testdata/leaves.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, nil, "--script", script, "--seed", "77")
	nc, err := nats.Connect(s.told("control"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	invoke(t, nothing(), append(s.call(), "exec", "touch", "f")...).want(t, 125, "", "stopping")
	eventually(t, "the agent is offline", func() bool {
		_, err := nc.Request(s.told("subject"), nil, patience)
		return err == nats.ErrNoResponders
	})
	if !strings.Contains(s.log.String(), "seed=77") {
		t.Errorf("it does not log the seed:\n%s", s.log)
	}
	if code := s.stop(t, os.Interrupt); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestAScriptedAgentLeavesTheBrokerOfOthersAndComesBack(t *testing.T) {
	t.Parallel()
	script, err := filepath.Abs("testdata/away.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b := theirs(t)
	b.Admit("ws", "secret")
	s := start(t, nil, "--nats", b.URL(), "--token", "secret", "--workspace", "ws", "--agent", "laptop", "--script", script)
	call := []string{"call", "--nats", b.ControlURL(), "--workspace", "ws", "--agent", "laptop"}
	invoke(t, nothing(), append(call, "exec", "true")...).want(t, 125, "", "stopping")
	eventually(t, "the agent is back", func() bool { return invoke(t, nothing(), append(call, "exec", "true")...).code == 0 })
	if n := strings.Count(s.out.String(), "ready\n"); n != 1 {
		t.Errorf("it announced itself %d times", n)
	}
}

func TestTheScriptInTheHelpIsOne(t *testing.T) {
	t.Parallel()
	help := invoke(t, nothing(), "script", "--help").out
	_, text, _ := strings.Cut(help, "only one:\n\n")
	text, _, _ = strings.Cut(text, "\n\n")
	name := filepath.Join(t.TempDir(), "help.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	invoke(t, nothing(), "script", "check", name).want(t, 0, "after 2, times 1, probability 0.5: delay the request 1s..3s, disconnect for 5s, drop the reply", "")
}

func TestScriptCheck(t *testing.T) {
	t.Parallel()
	got := invoke(t, nothing(), "script", "check", "testdata/lost.yaml", "testdata/leaves.yaml")
	if want := "testdata/lost.yaml:2: on fs_write, times 1: drop the reply\n" +
		"testdata/leaves.yaml:2: on exec with argv [\"touch\", \"**\"]: offline\n" +
		"testdata/leaves.yaml:5: on metrics, probability 0.5: duplicate\n"; got.code != 0 || got.out != want || got.err != "" {
		t.Errorf("exit code %d, stdout\n%s, stderr\n%s", got.code, got.out, got.err)
	}
	got = invoke(t, nothing(), "script", "check", "testdata/wrong.yaml", "testdata/nowhere.yaml", "testdata/lost.yaml")
	got.want(t, 1, "testdata/lost.yaml:2: on fs_write", "testdata/wrong.yaml:2: on: there is no op")
	if strings.Count(got.err, "\n") != 2 || !strings.Contains(got.err, "testdata/nowhere.yaml") {
		t.Errorf("stderr\n%s", got.err)
	}
}

func TestScriptsAreCompleted(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"run", "--script", ""}, {"script", "check", ""}} {
		// 8 is the directive to look for files with these extensions.
		invoke(t, nothing(), append([]string{"__complete"}, args...)...).want(t, 0, "yaml\nyml\n:8\n", "")
	}
}
