package helper

import (
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
	all, err := processes()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var below []Process
	for _, p := range all {
		// A zombie has none, nor has a process that is gone by now.
		cwd, err := os.Readlink("/proc/" + strconv.Itoa(p.PID) + "/cwd")
		if err != nil || !p.Alive {
			continue
		}
		cwd = strings.TrimSuffix(cwd, " (deleted)")
		if cwd == dir || strings.HasPrefix(cwd, dir+"/") {
			p.Command = commandLine(p.PID)
			below = append(below, p)
		}
	}
	return below, nil
}
