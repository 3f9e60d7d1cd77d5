//go:build !unix

package exec

import (
	"os"
	"os/exec"
	"syscall"
)

func ownGroup(*exec.Cmd) {}

// signalGroup kills the leader, since there are no groups.
func signalGroup(leader *os.Process, _ syscall.Signal) error { return leader.Kill() }
