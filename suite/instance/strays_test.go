package instance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"agentproof/suite/helper"
	"agentproof/suite/instance"
	"agentproof/suite/subject"
)

// leaver is the first argument under which the test binary is an agent that
// leaves processes behind and ends at a signal without looking after them. Its
// second argument is the directory into which it writes what it started.
const leaver = "__leaver"

// strays are what it starts, each by a process that stays only where a tree
// lasts.
var strays = []struct {
	name, kind string
	bare       bool   // without the agent's environment
	dir        string // relative to the root
	lasts      bool
}{
	{"marked", "setsid+orphan+ignore-term", false, "/", false},
	{"writing", "setsid+orphan+chatty", false, "/", false},
	{"bare-in-the-root", "setsid+orphan+ignore-term", true, ".", false},
	{"bare-in-a-removed-directory", "setsid+orphan", true, "removed", false},
	{"bare-in-the-group", "child", true, "/", false},
	{"bare-below-its-parents", "setsid", true, "/", true},
}

func leave(into string) int {
	for _, s := range strays {
		if s.dir == "removed" {
			if err := os.Mkdir(s.dir, 0o755); err != nil {
				return failed(err)
			}
		}
		args := []string{"tree", "--for", "10m", "--hold-stdout", "--file", filepath.Join(into, s.name)}
		if s.lasts {
			args = append(args, "--sleep", "10m")
		}
		argv := helper.Argv(os.Args[0], append(args, s.kind)...)
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, os.Stdout, os.Stderr
		if s.bare {
			cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
		}
		start := cmd.Run
		if s.lasts {
			start = cmd.Start
		}
		if err := start(); err != nil {
			return failed(err)
		}
	}
	if err := os.Remove("removed"); err != nil {
		return failed(err)
	}
	time.Sleep(10 * time.Minute)
	return 0
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func TestNothingOutlivesAnInstance(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere the system does not tell the environment and the directory of a process")
	}
	into := t.TempDir()
	s, done, err := subject.Command(self(t), leaver, into)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	innocent := exec.Command(self(t), helper.Command, "sleep", "10m")
	innocent.Dir, innocent.Env = t.TempDir(), append(os.Environ(), subject.MarkerVariable+"=another")
	if err := innocent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = innocent.Process.Kill(); _ = innocent.Wait() })
	inst, err := instance.Start(t.Context(), &instance.Config{Subject: s}, &instance.Launch{Unawaited: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			inst.Stop(context.Background())
		}
	})
	left := map[string]string{}
	for _, s := range strays {
		await(t, inst, filepath.Join(into, s.name), func(data []byte) {
			var tree helper.Tree
			if err := json.Unmarshal(data, &tree); err != nil {
				t.Fatal(err)
			}
			left[s.name] = tree.Descendants[0].Ref()
		})
	}
	for name, ref := range left {
		if !lives(t, ref) {
			t.Errorf("%s was not left behind", name)
		}
	}
	inst.Stop(t.Context())
	stopped = true
	for name, ref := range left {
		if lives(t, ref) {
			t.Errorf("%s outlived the instance", name)
		}
	}
	if !lives(t, fmt.Sprint(innocent.Process.Pid)) {
		t.Error("a process of another instance was killed")
	}
}

// await hands over the content of the file once the agent has written it.
func await(t *testing.T, inst *instance.Instance, path string, found func([]byte)) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		data, err := os.ReadFile(path)
		if err == nil {
			found(data)
			return
		}
		if inst.Ended() || time.Now().After(deadline) {
			t.Fatalf("%v; the agent printed %s", err, inst.Output())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// lives reports whether the process is alive.
func lives(t *testing.T, ref string) bool {
	t.Helper()
	out, err := exec.Command(self(t), helper.Command, "alive", ref).Output()
	if err != nil {
		t.Fatal(err)
	}
	var answer helper.Processes
	if err := json.NewDecoder(bytes.NewReader(out)).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return len(answer.Living()) > 0
}
