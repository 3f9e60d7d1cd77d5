package helper_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"agentproof/suite/helper"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	goleak.VerifyTestMain(m)
}

// patience bounds every wait for something that takes milliseconds.
const patience = 60 * time.Second

// command prepares the helper as a process of its own, in dir. One that is
// stuck is killed, so that whoever reads from it or waits for it goes on.
func command(t testing.TB, dir string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	argv := helper.Argv(exe, args...)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	return cmd
}

type result struct {
	stdout, stderr []byte
	code           int // -1 for a death by signal
}

// finish runs cmd to its end. An exit code is a result, not an error.
func finish(t testing.TB, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatalf("run %q: %v", cmd.Args, err)
	}
	return result{stdout.Bytes(), stderr.Bytes(), cmd.ProcessState.ExitCode()}
}

// run runs the helper in a directory of its own and demands success.
func run(t testing.TB, args ...string) []byte {
	t.Helper()
	res := finish(t, command(t, t.TempDir(), args...))
	if res.code != helper.ExitOK {
		t.Fatalf("%q: exit code %d, stderr %s", args, res.code, res.stderr)
	}
	return res.stdout
}

// ask runs the helper and decodes its one JSON object.
func ask[T any](t testing.TB, args ...string) T {
	t.Helper()
	return decode[T](t, run(t, args...))
}

func decode[T any](t testing.TB, out []byte) T {
	t.Helper()
	var v T
	dec := json.NewDecoder(bytes.NewReader(out))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("decode %q: %v", out, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		t.Fatalf("%q is more than one object", out)
	}
	return v
}

func TestBadCommandLinesAreUsageErrors(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"no command":                         {},
		"an unknown command":                 {"frobnicate"},
		"an unknown flag":                    {"report", "--colour"},
		"too few operands":                   {"symlink", "one"},
		"too many operands":                  {"digest", "one"},
		"an exit code above 255":             {"exit", "256"},
		"a negative exit code":               {"exit", "--", "-1"},
		"a duration without a unit":          {"sleep", "5"},
		"a chunk of nothing":                 {"out", "--chunk", "0"},
		"a mode that is not octal":           {"chmod", "0689", "."},
		"a mode above the set-id bits":       {"chmod", "10000", "."},
		"a marker beyond the end":            {"sparse", "--marker", "ab", "--at", "9", "f", "10"},
		"a time that is no number":           {"mtime", "now", "."},
		"a count that is negative":           {"fill", "--", ".", "-1"},
		"a process id that is no number":     {"alive", "self"},
		"a process id of zero":               {"alive", "0"},
		"a start time that is no number":     {"alive", "1:soon"},
		"a parent whose id is not a number":  {"zombies-of", "me"},
		"a negative size of a file's filler": {"fill", "--size", "-1", ".", "1"},
	}
	for name, args := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := finish(t, command(t, t.TempDir(), args...))
			if res.code != helper.ExitUsage || len(res.stderr) == 0 || len(res.stdout) != 0 {
				t.Errorf("exit code %d, stderr %q, stdout %q", res.code, res.stderr, res.stdout)
			}
		})
	}
}

func TestAFailureIsToldOnStderr(t *testing.T) {
	t.Parallel()
	res := finish(t, command(t, t.TempDir(), "slurp", "no-such-file"))
	if res.code != helper.ExitFailure || !strings.Contains(string(res.stderr), "no-such-file") || len(res.stdout) != 0 {
		t.Errorf("exit code %d, stderr %q, stdout %q", res.code, res.stderr, res.stdout)
	}
}

func TestEveryCommandInTheTableExists(t *testing.T) {
	t.Parallel()
	table := strings.Split(strings.TrimSpace(string(run(t, "help"))), "\n")
	if len(table) < 30 {
		t.Fatalf("%d lines of help", len(table))
	}
	for _, row := range table {
		name, _, _ := strings.Cut(row, " ")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// No command takes this flag, so that none gets to its work.
			res := finish(t, command(t, t.TempDir(), name, "--no-such-flag"))
			unavailable := res.code == helper.ExitUnavailable
			if res.code != helper.ExitUsage && !unavailable || strings.Contains(string(res.stderr), "unknown command") {
				t.Errorf("exit code %d, stderr %q", res.code, res.stderr)
			}
		})
	}
}

func TestExitEndsWithTheCodeItWasGiven(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"0", "1", "2", "64", "126", "127", "255"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			cmd := command(t, t.TempDir(), "exit", code)
			res := finish(t, cmd)
			if got := cmd.ProcessState.String(); got != "exit status "+code || len(res.stdout)+len(res.stderr) != 0 {
				t.Errorf("%s, stdout %q, stderr %q", got, res.stdout, res.stderr)
			}
		})
	}
}
