//go:build !linux && !darwin && !windows

package process

import "errors"

// listProcesses is not implemented for this system: what a kill reaches is the
// command's own group, or the command itself.
func listProcesses() ([]proc, error) { return nil, errors.ErrUnsupported }
