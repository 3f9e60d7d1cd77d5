package helper

import (
	"errors"
	"fmt"
	"os"
	"slices"
)

// Descendants returns the living processes below pid, as parents are now: one
// whose parent has ended is not among them.
func Descendants(pid int) ([]Process, error) {
	all, err := processes()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	parents := []int{pid}
	var found []Process
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if slices.Contains(parents, p.PPID) && !slices.Contains(parents, p.PID) {
				parents, grown = append(parents, p.PID), true
				if p.Alive {
					found = append(found, p)
				}
			}
		}
	}
	return found, nil
}

// Kill ends p with SIGKILL. It does nothing if p has ended, also when another
// process has its id by now.
func Kill(p Process) error {
	// On Linux this is a handle for the process, not for its id: what is looked
	// at below is what is killed.
	handle, err := os.FindProcess(p.PID)
	if err != nil {
		return fmt.Errorf("find process %d: %w", p.PID, err)
	}
	defer handle.Release()
	now, err := inspect(p.PID)
	if err != nil {
		return fmt.Errorf("inspect process %d: %w", p.PID, err)
	}
	if !now.Alive || now.Start != p.Start {
		return nil
	}
	if err := handle.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill process %d: %w", p.PID, err)
	}
	return nil
}
