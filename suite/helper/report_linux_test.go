package helper_test

import (
	"io"
	"os"
	"os/exec"
	"slices"
	"testing"

	"agentproof/suite/helper"
)

// inShell runs script, in which "$@" is a report command.
func inShell(t testing.TB, script string) helper.Report {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	argv := append([]string{"-c", script, "sh"}, helper.Argv(exe, "report")...)
	res := finish(t, exec.CommandContext(t.Context(), "/bin/sh", argv...))
	if res.code != helper.ExitOK {
		t.Fatalf("exit code %d, stderr %s", res.code, res.stderr)
	}
	return decode[helper.Report](t, res.stdout)
}

func TestReportSeesTheUmask(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]uint32{`umask 027; exec "$@"`: 0o027, `umask 0; exec "$@"`: 0} {
		if got := inShell(t, script).Umask; got != want {
			t.Errorf("%s: umask %04o, want %04o", script, got, want)
		}
	}
}

func TestReportSeesIgnoredSignals(t *testing.T) {
	t.Parallel()
	r := inShell(t, `trap "" HUP INT; exec "$@"`)
	if !slices.Contains(r.IgnoredSignals, "SIGHUP") || !slices.Contains(r.IgnoredSignals, "SIGINT") {
		t.Errorf("ignored: %v", r.IgnoredSignals)
	}
}

func TestReportKeepsDuplicatesInTheEnvironment(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// os/exec would remove the duplicate before the child could see it.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	proc, err := os.StartProcess(exe, helper.Argv(exe, "report"), &os.ProcAttr{
		Env:   []string{"TWICE=1", "ONCE=", "TWICE=2"},
		Files: []*os.File{nil, w, os.Stderr},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	got := decode[helper.Report](t, out)
	if _, err := proc.Wait(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"TWICE=1", "ONCE=", "TWICE=2"}; !slices.Equal(got.Env, want) {
		t.Errorf("env %q, want %q", got.Env, want)
	}
	if value, _ := got.Getenv("TWICE"); value != "1" {
		t.Errorf("TWICE = %q", value)
	}
}
