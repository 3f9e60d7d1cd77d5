// Package process runs commands for the agent and ends them together with
// everything they started (agent.md, Exec).
//
// A command is a direct child of this process, leads a session and a process
// group of its own, and carries a mark in its environment that its descendants
// inherit. When it has to end, all three and the parent chain lead to what it
// started, setsid'ed and double-forked descendants included.
package process

import "time"

// DefaultMaxOutput bounds what is kept of a command's output, in bytes.
const DefaultMaxOutput = 16 << 20

// Command says what to run and within which limits.
type Command struct {
	// Argv is the program and its arguments; it must not be empty. A program
	// name without a slash is looked up in the PATH of Env, one with a slash
	// is relative to Dir (exec.argv).
	Argv []string
	// Dir is the absolute working directory.
	Dir string
	// Env is the whole environment, as KEY=VALUE.
	Env []string
	// Stdin is fed whole and then closed; empty is EOF at once.
	Stdin []byte
	// Timeout ends the command and its tree; 0 means no limit.
	Timeout time.Duration
	// MaxOutput bounds, in bytes, what is kept of stdout and stderr together;
	// beyond it the pipes are still drained. 0 means the runner's default.
	MaxOutput int64
}

// Result is how a command ended.
type Result struct {
	// ExitCode is the status, or -1 after death by a signal or a timeout.
	ExitCode int
	Stdout   []byte
	Stderr   []byte
	TimedOut bool
	// Duration is the lifetime of the command itself.
	Duration time.Duration
	// OutputBytes counts what the command wrote, kept or not.
	OutputBytes int64
	// Overflow tells that OutputBytes exceeded the bound, so that Stdout and
	// Stderr are incomplete.
	Overflow bool
}
