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
