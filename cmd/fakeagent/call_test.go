package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// TestCall pokes a running agent with every subcommand there is.
func TestCall(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	root := s.told("root")
	big := bytes.Repeat([]byte("0123456789abcdef"), (readChunk+readChunk/2)/16)
	for name, data := range map[string][]byte{"hello.txt": []byte("hello\n"), "big": big, "dir/inner.txt": nil, "bin": {0, 0xff, '\n', 0x1b}} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), data, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name  string
		in    string
		args  []string
		code  int
		out   string // exactly, or a pattern between slashes
		err   string
		check func() error
	}{
		{name: "ping", args: []string{"ping", "--nonce", "18446744073709551615"}, out: `/^nonce 18446744073709551615, agent clock \d+ ms, \S+s\n$/`},
		{name: "metrics", args: []string{"metrics"}, out: `/"sampledAtMs": *"\d+"/`},
		{name: "exec passes both streams and the exit code", args: []string{"exec", "echo out; echo err >&2; exit 3"}, code: 3, out: "out\n", err: "err\n"},
		{name: "exec joins words as ssh does", args: []string{"exec", "echo", "a;", "echo", "$((1+1))"}, out: "a\n2\n"},
		{name: "exec leaves flags behind the command alone", args: []string{"exec", "printf", "%s", "--argv"}, out: "--argv"},
		{name: "exec without a shell", args: []string{"exec", "--argv", "printf", "%s|", "a b", "$HOME"}, out: "a b|$HOME|"},
		{name: "exec in a directory", args: []string{"exec", "--cwd", "/workspace/dir", "pwd"}, out: filepath.Join(root, "dir") + "\n"},
		{name: "exec with variables", args: []string{"exec", "--env", "A=1", "--env", "B=x=y", "echo $A $B"}, out: "1 x=y\n"},
		{name: "exec with input", in: "one\x00two", args: []string{"exec", "--stdin", "cat"}, out: "one\x00two"},
		{name: "exec without it reads nothing", in: "unread", args: []string{"exec", "cat"}, out: ""},
		{name: "exec that a signal ends", args: []string{"exec", "echo before; kill -9 $$"}, code: 124, out: "before\n"},
		{name: "exec that its limit ends", args: []string{"exec", "--limit", "200ms", "echo before; sleep 600"}, code: 124, out: "before\n", err: "timed out after 200ms\n"},
		{name: "exec of a program that is not there", args: []string{"exec", "--argv", "agentproof-missing"}, code: 125, err: "fakeagent: exec: not_found: "},
		{name: "an error with control characters", args: []string{"exec", "--argv", "agentproof\x1b[2J\a-missing"}, code: 125, err: `agentproof\x1b[2J\a-missing`},
		{name: "exit code 255", args: []string{"exec", "exit 255"}, code: 255},
		{name: "read", args: []string{"read", "hello.txt"}, out: "hello\n"},
		{name: "read below the virtual root", args: []string{"read", "/workspace/hello.txt"}, out: "hello\n"},
		{name: "read bytes as they are", args: []string{"read", "bin"}, out: "\x00\xff\n\x1b"},
		{name: "read what takes several requests", args: []string{"read", "big"}, out: string(big)},
		{name: "read a piece", args: []string{"read", "--offset", "2", "--max-bytes", "3", "hello.txt"}, out: "llo"},
		{name: "read a large piece", args: []string{"read", "--offset", "16", "--max-bytes", "600000", "big"}, out: string(big[16:600016])},
		{name: "read past the end", args: []string{"read", "--offset", "100", "hello.txt"}, out: ""},
		{name: "read nothing that is there", args: []string{"read", "nope"}, code: 125, err: "fakeagent: read nope: not_found: "},
		{name: "read a directory", args: []string{"read", "dir"}, code: 125, err: "fakeagent: read dir: "},
		{name: "write standard input", in: "a\x00b", args: []string{"write", "new/deep/file"}, check: holds(root, "new/deep/file", "a\x00b")},
		{name: "write a text", args: []string{"write", "note.txt", "buy milk"}, check: holds(root, "note.txt", "buy milk")},
		{name: "write nothing", args: []string{"write", "empty", ""}, check: holds(root, "empty", "")},
		{name: "append", args: []string{"write", "--append", "appended", "x"}, check: holds(root, "appended", "x")},
		{name: "write without a parent", args: []string{"write", "--no-parents", "none/file", "x"}, code: 125, err: "fakeagent: write none/file: not_found: "},
		{name: "ls", args: []string{"ls", "dir"}, out: `/^file  0640  0  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  inner.txt\n$/`},
		{name: "ls deep", args: []string{"ls", "-R"}, out: `/(?m)^dir +\d{4} +\d+ .* dir$(?s:.*)^file +0640 +0 .* dir/inner.txt$/`},
		{name: "ls nothing that is there", args: []string{"ls", "nope"}, code: 125, err: "fakeagent: list nope: not_found: "},
		{name: "stat", args: []string{"stat", "hello.txt"}, out: `/^file  0640  6  .*  \S+hello.txt\n|^file  0640  6  .*  hello.txt\n$/`},
		{name: "stat nothing that is there", args: []string{"stat", "nope"}, code: 1, err: "fakeagent: stat nope: it does not exist\n"},
		{name: "mkdir", args: []string{"mkdir", "made"}, check: isDir(root, "made")},
		{name: "mkdir with parents", args: []string{"mkdir", "-p", "p/q/r"}, check: isDir(root, "p/q/r")},
		{name: "mkdir without parents", args: []string{"mkdir", "u/v"}, code: 125, err: "fakeagent: mkdir: not_found: "},
		{name: "git", args: []string{"git", "version"}, out: `/^git version /`},
		{name: "git with flags before its subcommand", args: []string{"git", "--", "--version"}, out: `/^git version /`},
		{name: "git that fails", args: []string{"git", "--cwd", "dir", "rev-parse", "--verify", "nope"}, code: 128, err: "fatal: "},
		{name: "the working directory stands for /workspace", args: []string{"--workdir", "dir", "exec", "--cwd", "/workspace", "pwd"}, out: filepath.Join(root, "dir") + "\n"},
		{name: "an agent that is not there", args: []string{"--agent", "nobody", "ping"}, code: 125, err: "agent_offline: "},
		{name: "an operation that takes too long", args: []string{"--timeout", "200ms", "exec", "sleep 5"}, code: 125, err: "the operation may still be running; a longer --timeout may help\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := invoke(t, strings.NewReader(tt.in), append(s.call(), tt.args...)...)
			if got.code != tt.code {
				t.Errorf("exit code %d, want %d", got.code, tt.code)
			}
			if pattern, ok := strings.CutPrefix(tt.out, "/"); ok {
				if !regexp.MustCompile(strings.TrimSuffix(pattern, "/")).MatchString(got.out) {
					t.Errorf("stdout %q, want %s", got.out, tt.out)
				}
			} else if got.out != tt.out {
				t.Errorf("stdout %.200q, want %.200q", got.out, tt.out)
			}
			if !strings.Contains(got.err, tt.err) || tt.err == "" && got.err != "" {
				t.Errorf("stderr %q, want %q", got.err, tt.err)
			}
			if tt.check != nil {
				if err := tt.check(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func holds(root, name, want string) func() error {
	return func() error {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err == nil && string(data) != want {
			return errors.New(name + " holds " + string(data))
		}
		return err
	}
}

func isDir(root, name string) func() error {
	return func() error {
		info, err := os.Stat(filepath.Join(root, name))
		if err == nil && !info.IsDir() {
			return errors.New(name + " is no directory")
		}
		return err
	}
}

func TestCallMovesAndRemoves(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for _, step := range []struct {
		args string
		code int
		err  string
	}{
		{"write a one", 0, ""},
		{"write b two", 0, ""},
		{"mv a b", 125, "fakeagent: mv: "},
		{"mv -f a b", 0, ""},
		{"stat a", 1, "it does not exist"},
		{"mkdir d", 0, ""},
		{"mv b d/c", 0, ""},
		{"rm d", 125, "fakeagent: rm: "},
		{"rm -r d", 0, ""},
		{"stat d", 1, "it does not exist"},
	} {
		got := invoke(t, nothing(), append(s.call(), strings.Fields(step.args)...)...)
		got.want(t, step.code, "", step.err)
	}
}

func TestCallGitStatusInJSON(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	git := func(args ...string) outcome {
		return invoke(t, nothing(), append(append(s.call(), "git"), args...)...)
	}
	git("init", "-q").want(t, 0, "", "")
	invoke(t, nothing(), append(s.call(), "write", "new.txt", "x")...).want(t, 0, "", "")
	got := git("--json", "status")
	got.want(t, 0, "new.txt", "")
	decoded(t, got.out)
	git("status").want(t, 0, "new.txt", "")
}

func TestCallIsFenced(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "--epoch", "5")
	stale := append(s.call(), "--epoch", "4", "write", "f", "x")
	got := invoke(t, nothing(), stale...)
	got.want(t, 125, "", "fenced")
	got.want(t, 125, "", "give the agent's current --epoch, or none")
	if _, err := os.Stat(filepath.Join(s.root, "f")); !os.IsNotExist(err) {
		t.Errorf("the file is there: %v", err)
	}
	invoke(t, nothing(), append(s.call(), "--epoch", "5", "write", "f", "x")...).want(t, 0, "", "")
}

func TestCallWithoutABroker(t *testing.T) {
	t.Parallel()
	got := invoke(t, nothing(), "call", "--nats", "nats://me:hush@127.0.0.1:1", "--workspace", "ws", "--agent", "a", "ping")
	got.want(t, 125, "", "fakeagent: ping: agent_offline: ")
	got.want(t, 125, "", "is it running, and are --nats, --workspace and --agent right?")
	if strings.Contains(got.err, "hush") || strings.Count(got.err, "\n") != 1 {
		t.Errorf("got %q, want one sentence without the password", got.err)
	}
}

func TestCallReportsInputThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"write f", "exec --stdin cat"} {
		got := invoke(t, brokenReader{}, append([]string{"call", "--nats", "nats://127.0.0.1:1", "--workspace", "ws", "--agent", "a"}, strings.Fields(args)...)...)
		got.want(t, 125, "", "fakeagent: read standard input: the pipe burst\n")
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("the pipe burst") }

func TestAnEntryStaysOnItsLine(t *testing.T) {
	t.Parallel()
	e := &agentv1.FsEntry{Path: "two\nlines\x1b", Kind: agentv1.FsEntryKind_FS_ENTRY_KIND_SYMLINK, Mode: 0o120777, Size: 3}
	if got := entryLine(e); !strings.HasPrefix(got, "link\t0777\t3\t") || !strings.HasSuffix(got, "\t"+`"two\nlines\x1b"`) {
		t.Errorf("got %q", got)
	}
}
