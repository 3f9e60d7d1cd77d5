package helper

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// inspect reads /proc rather than probing with signal 0, to which a zombie
// answers like the living.
func inspect(pid int) (Process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	// A process that ends between open and read is reported as ESRCH.
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return Process{PID: pid}, nil
	}
	if err != nil {
		return Process{}, err
	}
	return parseStat(stat)
}

// commandLine is empty for a process that is gone or not this user's.
func commandLine(pid int) string {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))
}

func processes() ([]Process, error) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var all []Process
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue // not a process's directory
		}
		p, err := inspect(pid)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// parseStat reads a /proc/PID/stat line (proc_pid_stat(5)). Counting starts
// after the last parenthesis, since a program's name may hold any byte.
func parseStat(stat []byte) (Process, error) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return Process{}, fmt.Errorf("no program name in %q", stat)
	}
	fields := strings.Fields(string(stat[end+1:]))
	const state, ppid, pgrp, session, starttime = 0, 1, 2, 3, 19
	if len(fields) <= starttime {
		return Process{}, fmt.Errorf("%d fields after the program name, want over %d", len(fields), starttime)
	}
	var p Process
	var err error
	number := func(s string) int {
		n, convErr := strconv.Atoi(s)
		err = errors.Join(err, convErr)
		return n
	}
	p.PID = number(strings.TrimSpace(string(stat[:open])))
	p.PPID = number(fields[ppid])
	p.PGID = number(fields[pgrp])
	p.SID = number(fields[session])
	start, startErr := strconv.ParseUint(fields[starttime], 10, 64)
	if err = errors.Join(err, startErr); err != nil {
		return Process{}, err
	}
	p.Start = start
	switch fields[state] {
	case "Z":
		p.Zombie = true
	case "X", "x": // dead, and gone in a moment
	default:
		p.Alive = true
	}
	return p, nil
}
