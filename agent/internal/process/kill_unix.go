//go:build unix && !linux

package process

import "golang.org/x/sys/unix"

func killGroup(leader int) { _ = unix.Kill(-leader, unix.SIGKILL) }

func killProcess(p proc) { _ = unix.Kill(p.pid, unix.SIGKILL) }
