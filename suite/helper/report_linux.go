package helper

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// environment reads what execve was given: os.Environ hides all but one of
// several entries for a name, which C programs and shells see.
func environment() ([]string, error) {
	block, err := os.ReadFile("/proc/self/environ")
	if err != nil {
		return nil, fmt.Errorf("find the environment: %w", err)
	}
	env := []string{}
	for entry := range strings.SplitSeq(string(block), "\x00") {
		if entry != "" { // what follows the last entry
			env = append(env, entry)
		}
	}
	return env, nil
}

// signalActions names the signals that the process ignores and blocks.
func signalActions() (ignored, blocked []string, err error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil, nil, fmt.Errorf("find the signal actions: %w", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(status))
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		var into *[]string
		switch key {
		case "SigIgn":
			into = &ignored
		case "SigBlk":
			into = &blocked
		default:
			continue
		}
		if *into, err = signalsIn(strings.TrimSpace(value)); err != nil {
			return nil, nil, fmt.Errorf("read %s: %w", key, err)
		}
	}
	return ignored, blocked, lines.Err()
}

// signalsIn names the signals of a mask in the kernel's hex form, where bit 0
// is signal 1.
func signalsIn(mask string) ([]string, error) {
	bits, err := strconv.ParseUint(mask, 16, maxSignal)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for n := range maxSignal {
		if bits&(1<<n) != 0 {
			names = append(names, signalName(syscall.Signal(n+1)))
		}
	}
	return names, nil
}
