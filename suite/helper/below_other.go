//go:build !linux

package helper

import (
	"errors"
	"fmt"
	"runtime"
)

// Below would return the processes that are alive and whose working directory
// is dir or lies below it. Only Linux tells that of other processes; the error
// is errors.ErrUnsupported.
func Below(string) ([]Process, error) {
	return nil, fmt.Errorf("working directories of processes on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

// Carrying would return the processes that are alive and were started with a
// variable. Only Linux tells that of other processes; the error is
// errors.ErrUnsupported.
func Carrying(string) ([]Process, error) {
	return nil, fmt.Errorf("environments of processes on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
