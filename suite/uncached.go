package suite

import (
	"os"
	"path/filepath"
)

// neverCached keeps the go tool from answering the next "go test" from its
// cache, which knows nothing of an agent outside the module: a broken rebuild
// of it would still be ok.
//
// The go tool runs a test again when a file that the test looked at has
// changed, and heeds only names that begin with the module's directory. It
// deletes the test binary after each run, so that one is always changed; a name
// that leads out of the package's directory makes the go tool heed it. The
// testing package has no call for this.
func neverCached() {
	dir, err := os.Getwd()
	if err != nil {
		return
	}
	program, err := os.Executable()
	if err != nil {
		return
	}
	// The kernel follows symlinks before it goes up.
	from, err1 := filepath.EvalSymlinks(dir)
	to, err2 := filepath.EvalSymlinks(program)
	if err1 != nil || err2 != nil {
		return
	}
	rel, err := filepath.Rel(from, to)
	if err != nil {
		return // another volume of Windows
	}
	// Not filepath.Join, which would make the name begin elsewhere.
	_, _ = os.Stat(dir + string(filepath.Separator) + rel)
}
