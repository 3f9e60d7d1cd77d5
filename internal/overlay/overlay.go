// Package overlay builds programs of this module from sources that are not
// quite those on the disk.
package overlay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// An Overlay holds what the compiler is to see in place of files, or beside
// them. Names are relative to the module, with slashes.
type Overlay map[string][]byte

// Build builds packages of the module at root and puts the programs into dir,
// beside what they are made of.
func (o Overlay) Build(ctx context.Context, root, dir string, packages ...string) error {
	replace := make(map[string]string)
	var errs []error
	for name, content := range o {
		copied := filepath.Join(dir, strings.ReplaceAll(name, "/", "+"))
		replace[filepath.Join(root, filepath.FromSlash(name))] = copied
		errs = append(errs, os.WriteFile(copied, content, 0o644))
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	file := filepath.Join(dir, "overlay.json")
	if err := errors.Join(append(errs, err, os.WriteFile(file, list, 0o644))...); err != nil {
		return err
	}
	// With the slash at its end, dir takes any number of programs.
	args := append([]string{"build", "-overlay", file, "-o", dir + string(filepath.Separator)}, packages...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build with some sources replaced: %w\n%s", err, out)
	}
	return nil
}
