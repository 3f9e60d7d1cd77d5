package helper

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Report is what a process sees of itself. Fields that the operating system
// does not have are zero.
type Report struct {
	Argv       []string `json:"argv"` // whole, the program's name first
	Args       []string `json:"args"` // what follows the report command's flags
	Executable string   `json:"executable"`
	OS         string   `json:"os"`  // as Go names it: linux, darwin
	Env        []string `json:"env"` // NAME=value as it was handed over; elsewhere than on Linux without duplicates
	Cwd        string   `json:"cwd"` // asked of the kernel, whatever PWD claims

	PID  int `json:"pid"`
	PPID int `json:"ppid"`
	PGID int `json:"pgid"`
	SID  int `json:"sid"`

	Stdin  Stream `json:"stdin"`
	Stdout Stream `json:"stdout"`
	Stderr Stream `json:"stderr"`

	Umask uint32 `json:"umask"`
	// IgnoredSignals and BlockedSignals hold names such as SIGINT, on Linux
	// only. Go takes most signals over before any code of ours runs, so an
	// inherited "ignore" shows for SIGHUP and SIGINT alone.
	IgnoredSignals []string `json:"ignored_signals"`
	BlockedSignals []string `json:"blocked_signals"`
}

// Getenv returns the value of the variable name and whether it is set. The
// first of several entries counts, as for getenv(3).
func (r *Report) Getenv(name string) (value string, present bool) {
	for _, entry := range r.Env {
		if key, value, _ := strings.Cut(entry, "="); key == name {
			return value, true
		}
	}
	return "", false
}

// Stream describes one of the three standard descriptors.
type Stream struct {
	TTY         bool `json:"tty"`
	Controlling bool `json:"controlling"` // it is the terminal of the process's session
	Foreground  bool `json:"foreground"`  // and the process's group owns it
	Size             // of the terminal in characters, 0×0 without one
}

// Size is a terminal's window in characters.
type Size struct {
	Cols int `json:"cols"`
	Rows int `json:"rows"`
}

// Variable is the answer of the env command.
type Variable struct {
	Name    string `json:"name"`
	Present bool   `json:"present"`
	Value   string `json:"value"`
}

func report(c *call) error {
	fs := c.flags()
	file := fs.String("file", "", "")
	args, err := c.parse(fs, 0, -1)
	if err != nil {
		return err
	}
	r, err := newReport(args)
	if err != nil {
		return err
	}
	if *file != "" {
		return writeAtomic(*file, r)
	}
	return c.emit(r)
}

func newReport(args []string) (*Report, error) {
	cwd, err := workingDirectory()
	if err != nil {
		return nil, fmt.Errorf("find the working directory: %w", err)
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the executable: %w", err)
	}
	env, err := environment()
	if err != nil {
		return nil, err
	}
	r := &Report{
		Argv:       os.Args,
		Args:       args,
		Executable: exe,
		OS:         runtime.GOOS,
		Env:        env,
		Cwd:        cwd,
		PID:        os.Getpid(),
		PPID:       os.Getppid(),
		Stdin:      describe(os.Stdin),
		Stdout:     describe(os.Stdout),
		Stderr:     describe(os.Stderr),
	}
	return r, r.addSystem()
}

func env(c *call) error {
	args, err := c.operands(1)
	if err != nil {
		return err
	}
	value, present := os.LookupEnv(args[0])
	return c.emit(Variable{Name: args[0], Present: present, Value: value})
}

func exit(c *call) error {
	args, err := c.operands(1)
	if err != nil {
		return err
	}
	code, err := strconv.ParseUint(args[0], 10, 8)
	if err != nil {
		return usageError{err}
	}
	return exitStatus(code)
}

func sleep(c *call) error {
	args, err := c.operands(1)
	if err != nil {
		return err
	}
	d, err := time.ParseDuration(args[0])
	if err != nil {
		return usageError{err}
	}
	time.Sleep(d)
	return nil
}
