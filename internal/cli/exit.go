package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// ExitUsage is the exit code of wrong usage, in every program of the project.
const ExitUsage = 2

// ExitError carries an exit code through cobra. A nil Err means that
// everything was said already.
type ExitError struct {
	Code int
	Err  error
}

func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit status %d", e.Code)
	}
	return e.Err.Error()
}

func (e *ExitError) Unwrap() error { return e.Err }

// Usage is an error of the one who called the program.
func Usage(format string, args ...any) error {
	return &ExitError{ExitUsage, fmt.Errorf(format, args...)}
}

// Execute runs a program's command tree and returns the exit code. An error
// that carries none is one of usage: cobra's own are.
func Execute(ctx context.Context, root *cobra.Command, args []string, in io.Reader, out, errw io.Writer) int {
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	root.SilenceErrors = true
	root.SilenceUsage = true
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	code := ExitUsage
	if e, ok := errors.AsType[*ExitError](err); ok {
		if code = e.Code; e.Err == nil {
			return code
		}
	}
	fmt.Fprintf(errw, "%s: %v\n", root.Name(), err)
	if code == ExitUsage {
		fmt.Fprintf(errw, "Try '%s --help'.\n", root.Name())
	}
	return code
}
