package helper_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"agentproof/suite/helper"
)

func TestReportHoldsArgumentsByteForByte(t *testing.T) {
	t.Parallel()
	args := []string{"", " ", "$HOME", "*", "a\nb", `"quoted"`, "--file", "-x", "<&>", "ünïcödé", "日本"}
	r := ask[helper.Report](t, append([]string{"report", "--"}, args...)...)
	if !slices.Equal(r.Args, args) {
		t.Errorf("args %q, want %q", r.Args, args)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if want := helper.Argv(exe, append([]string{"report", "--"}, args...)...); !slices.Equal(r.Argv, want) {
		t.Errorf("argv %q, want %q", r.Argv, want)
	}
}

func TestReportHoldsTheEnvironment(t *testing.T) {
	t.Parallel()
	cmd := command(t, t.TempDir(), "report")
	cmd.Env = append(os.Environ(), "AGENTPROOF_EMPTY=", "AGENTPROOF_EQUALS=a=b", "AGENTPROOF_LINES=a\nb")
	r := decode[helper.Report](t, finish(t, cmd).stdout)
	for name, want := range map[string]string{"AGENTPROOF_EMPTY": "", "AGENTPROOF_EQUALS": "a=b", "AGENTPROOF_LINES": "a\nb"} {
		if got, present := r.Getenv(name); !present || got != want {
			t.Errorf("%s = %q, %v, want %q", name, got, present, want)
		}
	}
	if _, present := r.Getenv("AGENTPROOF"); present {
		t.Error("a variable that nobody set is there")
	}
}

func TestReportAsksTheKernelForTheWorkingDirectory(t *testing.T) {
	t.Parallel()
	real := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(real, link); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	cmd := command(t, real, "report")
	cmd.Env = append(os.Environ(), "PWD="+link)
	r := decode[helper.Report](t, finish(t, cmd).stdout)
	want, err := filepath.EvalSymlinks(real)
	if err != nil {
		t.Fatal(err)
	}
	if r.Cwd != want {
		t.Errorf("cwd %q, want %q", r.Cwd, want)
	}
}

func TestReportSeesItsProcessAndItsPipes(t *testing.T) {
	t.Parallel()
	cmd := command(t, t.TempDir(), "report")
	r := decode[helper.Report](t, finish(t, cmd).stdout)
	if r.PID != cmd.Process.Pid || r.PPID != os.Getpid() {
		t.Errorf("pid %d, ppid %d, want %d, %d", r.PID, r.PPID, cmd.Process.Pid, os.Getpid())
	}
	for name, s := range map[string]helper.Stream{"stdin": r.Stdin, "stdout": r.Stdout, "stderr": r.Stderr} {
		if s != (helper.Stream{}) {
			t.Errorf("%s is %+v, want no terminal", name, s)
		}
	}
}

func TestReportGoesToAFileInstead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "report.json")
	if out := run(t, "report", "--file", path, "x"); len(out) != 0 {
		t.Errorf("stdout %q", out)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if r := decode[helper.Report](t, content); !slices.Equal(r.Args, []string{"x"}) {
		t.Errorf("args %q", r.Args)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the directory holds %v, %v", entries, err)
	}
}

func TestEnvTellsUnsetFromEmpty(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		env  []string
		want helper.Variable
	}{
		"unset":       {nil, helper.Variable{Name: "AGENTPROOF_VAR"}},
		"empty":       {[]string{"AGENTPROOF_VAR="}, helper.Variable{Name: "AGENTPROOF_VAR", Present: true}},
		"with a text": {[]string{"AGENTPROOF_VAR=x y"}, helper.Variable{Name: "AGENTPROOF_VAR", Present: true, Value: "x y"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := command(t, t.TempDir(), "env", "AGENTPROOF_VAR")
			cmd.Env = append(os.Environ(), tc.env...)
			if got := decode[helper.Variable](t, finish(t, cmd).stdout); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}
