//go:build unix

package agent_test

import "syscall"

// groupAlive tells whether anything is left of a process group.
func groupAlive(group int) bool { return syscall.Kill(-group, 0) == nil }
