package subject

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// build makes the program that a "go run" would run.
type build struct {
	tool        string // the go command
	flags, pkgs []string
	args        []string // of the program

	mu      sync.Mutex // one build at a time; guards the fields below
	dir     string     // empty until there is something to remove
	program string     // empty until it was built
}

// newBuild reads what follows "go run".
func newBuild(tool string, words []string) (*build, error) {
	b := &build{tool: tool}
	b.flags, b.pkgs, b.args = splitGoRun(words)
	switch {
	case len(b.pkgs) == 0:
		return nil, errors.New("the agent's command: go run names no package")
	case strings.Contains(b.pkgs[0], "@"):
		return nil, fmt.Errorf("the agent's command: install %s with go install, and give the program", b.pkgs[0])
	}
	return b, nil
}

// run returns the program and builds it if that was not done. A failed build
// is tried again.
func (b *build) run(ctx context.Context) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.program != "" {
		return b.program, nil
	}
	if b.dir == "" {
		dir, err := os.MkdirTemp("", "agentproof-build-")
		if err != nil {
			return "", fmt.Errorf("build the agent: %w", err)
		}
		b.dir = dir
	}
	program := filepath.Join(b.dir, "agent")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	// The flags come first: -C must.
	cmd := exec.CommandContext(ctx, b.tool, slices.Concat([]string{"build"}, b.flags, []string{"-o", program}, b.pkgs)...)
	prepareTree(cmd)
	// Whatever an interrupted build leaves behind, it leaves where remove is.
	cmd.Env = append(os.Environ(), "TMPDIR="+b.dir, "GOTMPDIR="+b.dir)
	cmd.Cancel = func() error { return killTree(cmd) }
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return "", fmt.Errorf("build %s: %w\n%s", strings.Join(b.pkgs, " "), err, out)
	}
	b.program = program
	return program, nil
}

func (b *build) remove() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dir != "" {
		_ = os.RemoveAll(b.dir)
	}
}

// splitGoRun separates build flags, packages or .go files, and the program's
// arguments, as go run does.
func splitGoRun(words []string) (flags, pkgs, args []string) {
	valued := []string{"-C", "-asmflags", "-buildmode", "-compiler", "-covermode", "-coverpkg", "-exec", "-gccgoflags",
		"-gcflags", "-installsuffix", "-ldflags", "-mod", "-modfile", "-overlay", "-p", "-pgo", "-pkgdir", "-tags", "-toolexec"}
	i := 0
	for i < len(words) && strings.HasPrefix(words[i], "-") {
		n := 1
		if slices.Contains(valued, words[i]) {
			n = 2
		}
		n = min(n, len(words)-i)
		flags = append(flags, words[i:i+n]...)
		i += n
	}
	first := i
	for i < len(words) && strings.HasSuffix(words[i], ".go") {
		i++
	}
	if i == first && i < len(words) {
		i++
	}
	return flags, words[first:i], words[i:]
}
