package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"agentproof/internal/bundled"
	"agentproof/suite/helper"
)

var update = flag.Bool("update", false, "write testdata instead of comparing with it")

const (
	// asProgram is the first argument under which the test binary is the
	// program itself, for tests that need a process.
	asProgram = "__conformance"
	// asAgent is the one under which it is an agent to certify, of the role
	// that the next argument names.
	asAgent = "__agent"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case asProgram:
			os.Args = append(os.Args[:1], os.Args[2:]...)
			main()
		case bundled.Command:
			main()
		case asAgent:
			// Not os.Exit: with the race detector that sleeps for a second.
			syscall.Exit(roles[os.Args[2]]())
		}
	}
	goleak.VerifyTestMain(m)
}

func self(t testing.TB) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

// outcome is what an invocation left behind.
type outcome struct {
	code     int
	out, err string
}

// invoke runs the program in this process.
func invoke(t testing.TB, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out, errw bytes.Buffer
	code := run(ctx, args, strings.NewReader(""), &out, &errw)
	return outcome{code, out.String(), errw.String()}
}

// want checks the exit code and that the texts hold what they should.
func (o outcome) want(t testing.TB, code int, out, errw string) {
	t.Helper()
	if o.code != code {
		t.Errorf("exit code %d, want %d", o.code, code)
	}
	if !strings.Contains(o.out, out) {
		t.Errorf("stdout lacks %q", out)
	}
	if !strings.Contains(o.err, errw) {
		t.Errorf("stderr lacks %q", errw)
	}
	if t.Failed() {
		t.Logf("stdout:\n%s\nstderr:\n%s", o.out, o.err)
	}
}

// golden compares text with a file of testdata.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", path, diff)
	}
}
