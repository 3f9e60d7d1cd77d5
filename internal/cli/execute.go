package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"agentproof/internal/fold"
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

// Execute runs a program's command tree and returns the exit code. What went
// wrong is one sentence on errw. An error that carries no code is one of usage:
// cobra's own are.
func Execute(ctx context.Context, root *cobra.Command, args []string, in io.Reader, out, errw io.Writer) int {
	root.SetArgs(append([]string{}, args...)) // nil would mean os.Args
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	root.SilenceErrors = true
	root.SilenceUsage = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError(err) })
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	code := ExitUsage
	if e, ok := errors.AsType[*ExitError](err); ok {
		if code = e.Code; e.Err == nil {
			return code
		}
	}
	// It may quote what came from elsewhere.
	fmt.Fprintf(errw, "%s: %s\n", root.Name(), fold.Printable(err.Error()))
	if code == ExitUsage {
		fmt.Fprintf(errw, "Try '%s --help'.\n", cmd.CommandPath())
	}
	return code
}

// flagError says what a flag takes, where the parser would quote the functions
// that it called.
func flagError(err error) error {
	if v, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return fmt.Errorf("--%s %q: it takes %s", v.GetFlag().Name, v.GetValue(), kind(v.GetFlag().Value.Type()))
	}
	return err
}

func kind(flagType string) string {
	switch flagType {
	case "bool":
		return "true or false"
	case "duration":
		return "a duration such as 500ms, 10s or 2m"
	case "float64":
		return "a number"
	case "int", "int32":
		return "a whole number"
	case "uint32":
		return "a whole number from 0 to 4294967295"
	case "uint64":
		return "a whole number from 0 to 18446744073709551615"
	default:
		return "a " + flagType
	}
}

// Args accepts low to high positional arguments, any number from low on when
// high is negative.
func Args(low, high int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		use := strings.TrimSuffix(cmd.UseLine(), " [flags]")
		switch n := len(args); {
		case n < low:
			return fmt.Errorf("something is missing: it is '%s'", use)
		case high >= 0 && n > high:
			return fmt.Errorf("unexpected argument %q: it is '%s'", args[high], use)
		}
		return nil
	}
}
