package helper

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Below returns the processes that are alive and whose working directory is dir
// or lies below it, also when it was removed meanwhile. dir has no symlinks in
// it. Those whose directory this process may not see are left out. Systems
// other than Linux do not tell (errors.ErrUnsupported).
func Below(dir string) ([]Process, error) {
	return living(func(proc string) bool { return worksBelow(proc, dir) })
}

// Carrying returns the processes that are alive and were started with the
// variable, as "NAME=value", in their environment. Those whose environment this
// process may not see are left out. Systems other than Linux do not tell
// (errors.ErrUnsupported).
func Carrying(variable string) ([]Process, error) {
	return living(func(proc string) bool { return carries(proc, variable) })
}

// living returns the processes that are alive and whose /proc directory has
// what is asked for.
func living(has func(proc string) bool) ([]Process, error) {
	all, err := processes()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var found []Process
	for _, p := range all {
		if p.Alive && has("/proc/"+strconv.Itoa(p.PID)) {
			p.Command = commandLine(p.PID)
			found = append(found, p)
		}
	}
	return found, nil
}

func worksBelow(proc, dir string) bool {
	// A zombie has none, nor has a process that is gone by now.
	cwd, err := os.Readlink(proc + "/cwd")
	if err != nil {
		return false
	}
	cwd = strings.TrimSuffix(cwd, " (deleted)")
	return cwd == dir || strings.HasPrefix(cwd, dir+"/")
}

func carries(proc, variable string) bool {
	environ, err := os.ReadFile(proc + "/environ")
	if err != nil {
		return false
	}
	for entry := range bytes.SplitSeq(environ, []byte{0}) {
		if string(entry) == variable {
			return true
		}
	}
	return false
}
