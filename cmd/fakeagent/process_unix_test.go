//go:build unix

package main

import "syscall"

// alive tells whether a process exists.
func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }
