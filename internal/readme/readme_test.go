//go:build unix

package readme_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"agentproof/internal/readme"
)

// stepLimit bounds one command: some build, and the machine may be busy.
const stepLimit = 5 * time.Minute

// TestDocuments runs the commands of the README and of every page in docs. A
// document is one session: its commands share a directory, and servers run
// until its end.
func TestDocuments(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	bin := build(t, root)
	for _, page := range append([]string{filepath.Join(root, "README.md")}, pages...) {
		name, err := filepath.Rel(root, page)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			steps, err := readme.Steps(string(text))
			if err != nil {
				t.Fatal(err)
			}
			if name == "README.md" && len(steps) < 10 {
				t.Errorf("there are %d commands in it", len(steps))
			}
			s := newSession(t, root, bin, string(text))
			for i, step := range steps {
				s.try(step)
				if shown := i+1 < len(steps) && steps[i+1].Command == "echo $?"; s.code != 0 && !shown {
					t.Errorf("line %d: $ %s\nends with %d, and the document does not say so", step.Line, step.Command, s.code)
				}
			}
		})
	}
}

// build makes the programs that the documents speak of.
func build(t *testing.T, root string) (bin string) {
	t.Helper()
	bin = t.TempDir()
	cmd := exec.Command("go", "build", "-o", bin+"/", "./cmd/...")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// session is somebody who follows a document.
type session struct {
	t       *testing.T
	root    string // of the module
	dir     string // where the commands run
	environ []string
	code    int // of the latest command, for $?
}

// newSession puts the commands into a directory beside the module, with an
// agent's program in it and the document's Go examples as tests.
func newSession(t *testing.T, root, bin, document string) *session {
	t.Helper()
	home := t.TempDir()
	s := &session{t: t, root: root, dir: filepath.Join(home, "work")}
	for _, err := range []error{
		os.Mkdir(s.dir, 0o755),
		os.Mkdir(filepath.Join(home, "run"), 0o700),
		os.Symlink(root, filepath.Join(home, "agentproof")),
		os.WriteFile(filepath.Join(s.dir, "my-agent"), []byte("#!/bin/sh\nexec fakeagent \"$@\"\n"), 0o755),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, example := range examples(document) {
		name := filepath.Join(s.dir, fmt.Sprintf("example%d_test.go", i))
		if err := os.WriteFile(name, []byte(example), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.environ = slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, "AGENTPROOF_") || strings.HasPrefix(kv, "OPENGENI_") || strings.HasPrefix(kv, "GOFLAGS=")
	})
	s.environ = append(s.environ, "PATH="+bin+":"+os.Getenv("PATH"), "XDG_RUNTIME_DIR="+filepath.Join(home, "run"), "GOFLAGS=-buildvcs=false")
	return s
}

// examples are the Go blocks of a document that are whole files.
func examples(document string) []string {
	var whole []string
	for _, block := range regexp.MustCompile("(?ms)^```go\n(package .*?)^```$").FindAllStringSubmatch(document, -1) {
		whole = append(whole, block[1])
	}
	return whole
}

// try runs one step and compares.
func (s *session) try(step readme.Step) {
	s.t.Helper()
	if serves(step.Command) {
		s.serve(step)
		return
	}
	command, dir, said := s.cheaper(step)
	if command == "" {
		return
	}
	if got := s.run(command, dir); !readme.Matches(said, got) {
		s.t.Errorf("line %d: $ %s\nprints\n%s\nand is said to print\n%s", step.Line, step.Command, got, said)
	}
}

// cheaper is what to run in place of a step, and what that prints. The gate
// runs the whole suite often enough, this test included.
func (s *session) cheaper(step readme.Step) (command, dir, said string) {
	const anything = "…\n"
	words := strings.Fields(step.Command)
	switch {
	case words[0] == "git" && words[1] == "clone", words[0] == "cd":
		return "", "", "" // where the test is already
	case words[0] == "make":
		return strings.Replace(step.Command, "make", "make -n", 1), s.root, anything
	case strings.Contains(step.Command, "go test ./suite"):
		return strings.Replace(step.Command, "go test", "go vet", 1), s.root, ""
	case strings.Contains(step.Command, "go test"):
		return strings.Replace(step.Command, "go test", "go vet", 1), s.dir, ""
	case strings.HasPrefix(step.Command, "conformance run") && !strings.Contains(step.Command, "--case"):
		return strings.Replace(step.Command, "run", "run --case 'ping.**'", 1), s.dir, anything
	}
	return step.Command, s.dir, step.Output
}

// run gives a command to a shell in which $? is that of the command before.
func (s *session) run(command, dir string) string {
	ctx, cancel := context.WithTimeout(s.t.Context(), stepLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", fmt.Sprintf("(exit %d)\n%s", s.code, command))
	cmd.Dir, cmd.Env = dir, append(s.environ, "PWD="+dir)
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		s.t.Fatalf("$ %s: %v\n%s", command, err, out)
	}
	s.code = cmd.ProcessState.ExitCode()
	return string(out)
}

// serves tells whether a command runs until it is stopped.
func serves(command string) bool {
	return regexp.MustCompile(`^fakeagent (run|relay)\b`).MatchString(command)
}

// serve starts a command that lasts until the document's end, and waits until
// it has printed what it is said to.
func (s *session) serve(step readme.Step) {
	s.t.Helper()
	cmd := exec.Command("sh", "-c", "exec "+step.Command)
	cmd.Dir, cmd.Env = s.dir, append(s.environ, "PWD="+s.dir)
	out := &transcript{}
	cmd.Stdout = out // what it logs is on stderr, with times
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			s.t.Errorf("line %d: $ %s\nends with %v after SIGTERM", step.Line, step.Command, err)
		}
	})
	deadline := time.Now().Add(stepLimit)
	for !readme.Matches(step.Output, out.String()) {
		if time.Now().After(deadline) {
			s.t.Fatalf("line %d: $ %s\nprints\n%s\nand is said to print\n%s", step.Line, step.Command, out, step.Output)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// transcript is what a command printed so far.
type transcript struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *transcript) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *transcript) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
