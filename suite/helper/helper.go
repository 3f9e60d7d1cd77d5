// Package helper is the program that conformance cases run through the agent
// under test. It tells what a child process really sees, makes what file
// operations cannot (links, FIFOs, process trees), and observes the result
// without the agent's help, so that no case depends on installed tools.
//
// The program is the suite runner's own executable under a hidden command; in
// go test it is the test binary, whose TestMain calls [Intercept]. Commands
// that answer a question print exactly one JSON object, which decodes into the
// type that the command's table entry names. Run the help command for the table.
package helper

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// Command is the first argument that turns an executable into the helper.
const Command = "__agentproof-helper"

// Exit codes of [Main]. The exit, signal and tree commands end with what they
// were asked for instead.
const (
	ExitOK          = 0
	ExitFailure     = 1  // the command ran and failed; stderr says why
	ExitUsage       = 64 // unknown command or bad arguments
	ExitUnavailable = 69 // this operating system lacks what the command needs
)

// Argv returns the command line that runs the helper inside executable.
func Argv(executable string, args ...string) []string {
	return append([]string{executable, Command}, args...)
}

// Intercept runs the helper and exits if the process was started as one, and
// returns otherwise. Call it before anything else in main or TestMain: it must
// see the process as the agent started it.
func Intercept() {
	if len(os.Args) > 1 && os.Args[1] == Command {
		// Not os.Exit: in a race-enabled test binary that sleeps for a second,
		// and in a coverage-enabled one it writes to stderr.
		syscall.Exit(Main(os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	}
}

// Main runs one helper command and returns the process's exit code. args[0] is
// the command's name. Some commands act on the process itself (its terminal,
// umask, signal actions and life), so Main belongs in a process of its own.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		args = []string{""}
	}
	err := dispatch(&call{args[0], args[1:], stdin, stdout, stderr})
	if err == nil {
		return ExitOK
	}
	if status, ok := errors.AsType[exitStatus](err); ok {
		return int(status)
	}
	// A failed write to stderr leaves the exit code as the only witness.
	_, _ = fmt.Fprintf(stderr, "agentproof helper: %s: %v\n", args[0], err)
	if _, ok := errors.AsType[usageError](err); ok {
		return ExitUsage
	}
	if errors.Is(err, errors.ErrUnsupported) {
		return ExitUnavailable
	}
	return ExitFailure
}

func dispatch(c *call) error {
	for _, cmd := range commands() {
		if cmd.name != c.name {
			continue
		}
		if cmd.run != nil {
			return cmd.run(c)
		}
		if run := posixCommand(c.name); run != nil {
			return run(c)
		}
		return fmt.Errorf("not supported on %s: %w", runtime.GOOS, errors.ErrUnsupported)
	}
	return usagef("unknown command; help lists them")
}

// A call is one invocation of a command.
type call struct {
	name           string
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
}

// flags returns the set that a command declares its flags on before parse.
func (c *call) flags() *flag.FlagSet {
	fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard) // Main prints the error, and help the usage
	return fs
}

// parse reads the flags, which end at the first operand or at "--", and
// returns the operands: at least low, at most high of them unless high is
// negative.
func (c *call) parse(fs *flag.FlagSet, low, high int) ([]string, error) {
	if err := fs.Parse(c.args); err != nil {
		return nil, usageError{err}
	}
	if n := fs.NArg(); n < low || high >= 0 && n > high {
		return nil, usagef("%d operands given; help tells how many it takes", n)
	}
	return fs.Args(), nil
}

// operands is parse for a command without flags that takes exactly n operands.
func (c *call) operands(n int) ([]string, error) {
	return c.parse(c.flags(), n, n)
}

// emit prints the command's one JSON object. Bytes that are not UTF-8 appear
// as U+FFFD, since JSON has no way to hold them.
func (c *call) emit(v any) error {
	out, err := encode(v)
	if err != nil {
		return err
	}
	if _, err := c.stdout.Write(out); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

func encode(v any) ([]byte, error) {
	out, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode the result: %w", err)
	}
	return append(out, '\n'), nil
}

// writeAtomic makes v appear at path whole or not at all: a case that polls
// for the file must never read half of it.
func writeAtomic(path string, v any) (err error) {
	out, err := encode(v)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".agentproof-*")
	if err != nil {
		return fmt.Errorf("create the result file: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	_, err = tmp.Write(out)
	if err = errors.Join(err, tmp.Close()); err != nil {
		return fmt.Errorf("write the result file: %w", err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("publish the result file: %w", err)
	}
	return nil
}

// An exitStatus ends the process with that code and no message.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// A usageError is a mistake in the case that called, not a failure.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}
