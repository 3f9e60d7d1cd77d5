//go:build unix

package helper

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// workingDirectory avoids os.Getwd, which believes a PWD that fits.
func workingDirectory() (string, error) { return unix.Getwd() }

func (r *Report) addSystem() (err error) {
	r.PGID = unix.Getpgrp()
	if r.SID, err = unix.Getsid(0); err != nil {
		return fmt.Errorf("find the session: %w", err)
	}
	// The umask can only be read by setting it.
	mask := unix.Umask(0)
	unix.Umask(mask)
	r.Umask = uint32(mask)
	r.IgnoredSignals, r.BlockedSignals, err = signalActions()
	return err
}

func describe(f *os.File) Stream {
	fd := int(f.Fd())
	if !term.IsTerminal(fd) {
		return Stream{}
	}
	s := Stream{TTY: true}
	if cols, rows, err := term.GetSize(fd); err == nil {
		s.Size = Size{cols, rows}
	}
	// The kernel names a foreground group only to processes whose controlling
	// terminal this is.
	if group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP); err == nil {
		s.Controlling = true
		s.Foreground = group == unix.Getpgrp()
	}
	return s
}
