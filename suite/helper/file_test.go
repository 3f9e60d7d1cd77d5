package helper_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"agentproof/suite/helper"
)

// runIn runs the helper in dir and demands success.
func runIn(t testing.TB, dir string, args ...string) []byte {
	t.Helper()
	res := finish(t, command(t, dir, args...))
	if res.code != helper.ExitOK {
		t.Fatalf("%q: exit code %d, stderr %s", args, res.code, res.stderr)
	}
	return res.stdout
}

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSparseMakesAHoleWithAMarkerInIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runIn(t, dir, "sparse", "--marker", "here", "--at", "1000", "f", "5000")
	want := make([]byte, 5000)
	copy(want[1000:], "here")
	if got, err := os.ReadFile(filepath.Join(dir, "f")); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestMtimeSetsNanosecondsBeforeAndAfter1970(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "f"), "")
	// Multiples of 100 ns, which is what some file systems round to.
	for _, ns := range []int64{1_700_000_000_123_456_700, 0, -1_500_000_000} {
		runIn(t, dir, "mtime", "--", fmt.Sprint(ns), "f")
		info, err := os.Stat(filepath.Join(dir, "f"))
		if err != nil || info.ModTime().UnixNano() != ns {
			t.Errorf("mtime %d, %v, want %d", info.ModTime().UnixNano(), err, ns)
		}
		if f := decode[helper.FileInfo](t, runIn(t, dir, "lstat", "f")); f.MtimeNS != ns {
			t.Errorf("lstat says %d, want %d", f.MtimeNS, ns)
		}
	}
}

func TestRemoveTakesTreesAndWhatIsNotThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "a", "b", "f"), "x")
	runIn(t, dir, "remove", "a", "nothing")
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

func TestSlurpDigestsTheWholeAndShowsTheHead(t *testing.T) {
	t.Parallel()
	content := helper.Pattern(5, 100_000)
	path := filepath.Join(t.TempDir(), "f")
	writeFile(t, path, string(content))
	tests := map[string]struct {
		args []string
		head []byte
	}{
		"up to the default limit": {nil, content[:64<<10]},
		"up to a limit":           {[]string{"--limit", "10"}, content[:10]},
		"whole below the limit":   {[]string{"--limit", "1000000"}, content},
		"nothing at limit zero":   {[]string{"--limit", "0"}, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ask[helper.Content](t, append(append([]string{"slurp"}, tc.args...), path)...)
			if got.Digest != helper.DigestOf(content) || !bytes.Equal(got.Head, tc.head) {
				t.Errorf("%+v with %d bytes of head", got.Digest, len(got.Head))
			}
		})
	}
}

func TestLstatTellsWhatIsMissingFromWhatFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if got := decode[helper.FileInfo](t, runIn(t, dir, "lstat", "nothing")); got != (helper.FileInfo{}) {
		t.Errorf("missing: %+v", got)
	}
	if res := finish(t, command(t, dir, "lstat", "nul\x01/"+strings.Repeat("x", 5000))); res.code != helper.ExitFailure {
		t.Errorf("a name that cannot be: exit code %d, stdout %s", res.code, res.stdout)
	}
}

func TestFillMakesTheFilesAskedFor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runIn(t, dir, "fill", "--size", "7", ".", "250")
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 250 {
		t.Fatalf("%d files, %v", len(entries), err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Size() != 7 {
			t.Fatalf("%s: %v, %v", e.Name(), info, err)
		}
	}
}

func TestChurnLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for _, d := range []string{"0s", "100ms"} {
		t.Run(d, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			got := decode[helper.Churn](t, runIn(t, dir, "churn", ".", d))
			if (got.Created > 0) != (d != "0s") {
				t.Errorf("%d files made", got.Created)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
				t.Errorf("left: %v, %v", entries, err)
			}
		})
	}
}

func TestChurnMakesNamesComeAndGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := command(t, dir, "churn", ".", "1h")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	deadline := time.Now().Add(patience)
	for len(seen) < 100 && time.Now().Before(deadline) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			seen[e.Name()] = true
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) < 100 || len(entries) > 20 {
		t.Errorf("%d names seen, %d at once", len(seen), len(entries))
	}
}

func TestAppendLinesKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "f"), "before\n")
	runIn(t, dir, "append-lines", "--every", "1ms", "f", "3")
	const want = "before\nline 0\nline 1\nline 2\n"
	if got, err := os.ReadFile(filepath.Join(dir, "f")); err != nil || string(got) != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}
