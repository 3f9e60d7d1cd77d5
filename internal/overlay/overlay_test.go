package overlay_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"agentproof/internal/overlay"
)

// module is a program of two files.
func module(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":            "module m\n\ngo 1.26\n",
		"cmd/hi/main.go":    "package main\n\nimport \"m/word\"\n\nfunc main() { println(word.Word()) }\n",
		"word/word.go":      "package word\n\nfunc Word() string { return \"disk\" }\n",
		"cmd/there/idle.go": "package main\n\nfunc main() {}\n",
	} {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestAProgramIsBuiltOfReplacedAndAddedSources(t *testing.T) {
	t.Parallel()
	root, dir := module(t), t.TempDir()
	o := overlay.Overlay{
		"word/word.go":  []byte("package word\n\nfunc Word() string { return added() }\n"),
		"word/added.go": []byte("package word\n\nfunc added() string { return \"overlay\" }\n"),
	}
	if err := o.Build(t.Context(), root, dir, "./cmd/hi", "./cmd/there"); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "hi")).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "overlay" {
		t.Errorf("the program says %q, %v", out, err)
	}
	if _, err := os.Stat(filepath.Join(root, "word", "added.go")); err == nil {
		t.Error("the module has changed")
	}
}

func TestTheCompilersWordsAreInTheError(t *testing.T) {
	t.Parallel()
	o := overlay.Overlay{"word/word.go": []byte("package word\n\nfunc Word() string { return missing }\n")}
	if err := o.Build(t.Context(), module(t), t.TempDir(), "./cmd/hi"); err == nil || !strings.Contains(err.Error(), "undefined: missing") {
		t.Errorf("got the error %v", err)
	}
}
