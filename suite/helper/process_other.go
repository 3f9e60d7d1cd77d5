//go:build !linux && !darwin

package helper

import (
	"errors"
	"fmt"
	"runtime"
)

func inspect(int) (Process, error) { return Process{}, errNoProcesses() }

func processes() ([]Process, error) { return nil, errNoProcesses() }

func commandLine(int) string { return "" }

func errNoProcesses() error {
	return fmt.Errorf("processes cannot be inspected on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
