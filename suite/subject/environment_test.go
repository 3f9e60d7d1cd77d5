package subject_test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"agentproof/suite/subject"
)

func TestLayerReplacesAddsAndRemovesVariables(t *testing.T) {
	t.Parallel()
	inherited := []string{"SHELL=/bin/zsh", "HOME=/root", "HOMEPAGE=x", "LANG=C"}
	env := subject.Environment{Extra: []string{"SHELL=/bin/sh", "HOME", "NEW=a=b", "LANG="}}
	got := env.Layer(inherited)
	slices.Sort(got)
	if want := []string{"HOMEPAGE=x", "LANG=", "NEW=a=b", "SHELL=/bin/sh"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if inherited[0] != "SHELL=/bin/zsh" {
		t.Error("the inherited environment was changed")
	}
}

func TestAnAgentIsToldThatNobodyWatchesItsLog(t *testing.T) {
	t.Parallel()
	env := subject.Environment{Marker: "xyz", Extra: []string{"ADDED=1"}}
	got := env.Around([]string{"TERM=xterm-256color", "FORCE_COLOR=1", "COLORTERM=truecolor", "OTHER=x", "CONFORMANCE_INSTANCE=outer"})
	for _, kv := range []string{"ADDED=1", "CONFORMANCE_INSTANCE=xyz", "OTHER=x", "NO_COLOR=1", "TERM=dumb"} {
		name, _, _ := strings.Cut(kv, "=")
		if !slices.Equal(valuesOf(got, name), []string{kv}) {
			t.Errorf("got %q, want %q once", got, kv)
		}
	}
	for _, name := range []string{"FORCE_COLOR", "COLORTERM"} {
		if values := valuesOf(got, name); values != nil {
			t.Errorf("the agent has %q", values)
		}
	}
	env.Extra = []string{"TERM=vt100"}
	if got := env.Around(nil); !slices.Contains(got, "TERM=vt100") || slices.Contains(got, "TERM=dumb") {
		t.Errorf("got %q, want the case's own TERM", got)
	}
}

// valuesOf lists the entries of one variable.
func valuesOf(environ []string, name string) (entries []string) {
	for _, kv := range environ {
		if strings.HasPrefix(kv, name+"=") {
			entries = append(entries, kv)
		}
	}
	return entries
}

func TestAnAgentSeesNothingThatItsUserHasSet(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("homes and shells are those of Unix")
	}
	real := t.TempDir()
	if err := os.MkdirAll(filepath.Join(real, ".cargo"), 0o755); err != nil {
		t.Fatal(err)
	}
	set := []string{
		"GIT_DIR=/x", "GIT_CONFIG_GLOBAL=/x", "BASH_ENV=/x", "BASH_FUNC_ls%%=() { false; }", "ENV=/x", "SHELLOPTS=nounset", "CDPATH=/", "TMOUT=1",
		"LC_ALL=tr_TR", "LANGUAGE=de", "XDG_CONFIG_HOME=/x", "PROMPT_COMMAND=exit", "ZDOTDIR=/x", "PAGER=false", "LESSOPEN=false",
	}
	kept := []string{"GIT_EXEC_PATH=/opt/git", "GOPATH=/own", "MY_AGENT_GIT_URL=x", "PATH=/opt/node:/usr/bin"}
	env := subject.Environment{Home: "/clean"}
	got := env.Around(slices.Concat(set, kept, []string{"HOME=" + real, "SHELL=/bin/false", "LANG=de_DE", "TZ=Asia/Kathmandu"}))
	for _, kv := range set {
		name, _, _ := strings.Cut(kv, "=")
		if values := valuesOf(got, name); values != nil {
			t.Errorf("the agent has %q", values)
		}
	}
	for _, kv := range append(kept, "HOME=/clean", "SHELL=/bin/sh", "LANG=C.UTF-8", "TZ=UTC", "CARGO_HOME="+real+"/.cargo") {
		name, _, _ := strings.Cut(kv, "=")
		if values := valuesOf(got, name); !slices.Equal(values, []string{kv}) {
			t.Errorf("the agent has %q, want %q", values, kv)
		}
	}
	env.Extra = []string{"HOME=/other", "SHELL", "LC_ALL=C"}
	got = env.Around(nil)
	if !slices.Contains(got, "HOME=/other") || !slices.Contains(got, "LC_ALL=C") || valuesOf(got, "SHELL") != nil {
		t.Errorf("got %q, want what the case says", got)
	}
}

func TestTheSystemsProgramsComeBeforeThoseOfAUserWithTheirNames(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the system's programs are those of Unix")
	}
	own, tools := t.TempDir(), t.TempDir()
	for _, name := range []string{filepath.Join(own, "rm"), filepath.Join(tools, "node")} {
		if err := os.WriteFile(name, []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		own + ":" + tools + ":/usr/bin:/bin": tools + ":/usr/bin:/bin:" + own,
		own:                                  "/usr/bin:/bin:" + own,
		tools + ":/usr/bin":                  tools + ":/usr/bin",
		"/usr/bin:" + own + ":" + tools:      "/usr/bin:" + tools + ":/bin:" + own,
	} {
		if got := valuesOf((subject.Environment{}).Around([]string{"PATH=" + path}), "PATH"); !slices.Equal(got, []string{"PATH=" + want}) {
			t.Errorf("%s becomes %q, want %s", path, got, want)
		}
	}
}
