package subject_test

import (
	"os"
	"strings"
	"testing"

	"agentproof/suite/subject"
)

func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestGoRunIsBuiltOnceAndStartedInTheRoot(t *testing.T) {
	env, out := environment(t) // before TMPDIR moves
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	s, done, err := subject.Command("go", "run", "-tags", "agent", "./testdata/agent", "run", "--flag")
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "go run -tags agent ./testdata/agent run --flag" {
		t.Errorf("the name is %q", s.Name)
	}
	for range 2 {
		p := start(t, s, env)
		await(t, p)
		if p.ExitCode() != 0 {
			t.Fatalf("exit code %d: %s", p.ExitCode(), out)
		}
	}
	line := `["run" "--flag"] in ` + env.Root + "\n"
	if got := out.String(); got != line+line {
		t.Errorf("the program said\n%swant twice\n%s", got, line)
	}
	if built := entries(t, tmp); len(built) != 1 {
		t.Errorf("%d directories for one build: %v", len(built), built)
	}
	done()
	if left := entries(t, tmp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestGoRunFromAnotherDirectory(t *testing.T) {
	t.Parallel()
	s, done, err := subject.Command("go", "run", "-C", "testdata", "./agent")
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	env, out := environment(t)
	await(t, start(t, s, env))
	if got := out.String(); !strings.HasPrefix(got, "[] in ") {
		t.Errorf("the program said %q", got)
	}
}

func TestAFailedBuildShowsWhatTheCompilerSaid(t *testing.T) {
	env, _ := environment(t)
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	s, done, err := subject.Command("go", "run", "./testdata/broken")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err = s.Start(t.Context(), env)
		if err == nil || !strings.Contains(err.Error(), "build ./testdata/broken") || !strings.Contains(err.Error(), "undefined: undefined") {
			t.Fatalf("got %v, want what the compiler said", err)
		}
	}
	done()
	if left := entries(t, tmp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
