package cli_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"agentproof/internal/cli"
)

// execute runs a small program and returns its exit code and what it printed.
func execute(t *testing.T, args ...string) (code int, out, errw string) {
	t.Helper()
	root := &cobra.Command{Use: "prog", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return nil }}
	fail := map[string]error{
		"silent": &cli.ExitError{Code: 7},
		"coded":  &cli.ExitError{Code: 7, Err: errors.New("it broke")},
		"usage":  cli.Usage("the file %q: %w", "x", fs.ErrNotExist),
		"plain":  errors.New("a plain error"),
		"fine":   nil,
	}
	do := &cobra.Command{Use: "do WHAT [MORE]", Args: cli.Args(1, 2), RunE: func(_ *cobra.Command, args []string) error {
		return fail[args[0]]
	}}
	fl := do.Flags()
	fl.Bool("bool", false, "")
	fl.Duration("duration", 0, "")
	fl.Float64("float", 0, "")
	fl.Int("int", 0, "")
	fl.Uint32("uint32", 0, "")
	fl.Uint64("uint64", 0, "")
	fl.StringToString("map", nil, "")
	none := &cobra.Command{Use: "none", Args: cli.Args(0, 0), RunE: do.RunE}
	many := &cobra.Command{Use: "many WHAT...", Args: cli.Args(1, -1), RunE: do.RunE}
	root.AddCommand(do, none, many, cli.VersionCommand("prog"))
	var o, e bytes.Buffer
	code = cli.Execute(context.Background(), root, args, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

func TestExecute(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args string
		code int
		errw string // its first line
		try  string // what --help is offered of
	}{
		{"success prints nothing", "do fine", 0, "", ""},
		{"an error's code is the program's", "do coded", 7, "prog: it broke", ""},
		{"an error without words says nothing more", "do silent", 7, "", ""},
		{"wrong usage is 2 and points at the help of the command", "do usage", 2, `prog: the file "x": file does not exist`, "prog do"},
		{"an error without a code is one of usage", "do plain", 2, "prog: a plain error", "prog do"},
		{"an unknown command is named", "nope", 2, `prog: unknown command "nope" for "prog"`, "prog"},
		{"an unknown flag is named", "do --nope", 2, "prog: unknown flag: --nope", "prog do"},
		{"a flag without its value is named", "do --int", 2, "prog: flag needs an argument: --int", "prog do"},
		{"a missing argument", "do", 2, "prog: something is missing: it is 'prog do WHAT [MORE]'", "prog do"},
		{"too many arguments", "do a b c", 2, `prog: unexpected argument "c": it is 'prog do WHAT [MORE]'`, "prog do"},
		{"an argument where there is none", "none x", 2, `prog: unexpected argument "x": it is 'prog none'`, "prog none"},
		{"no argument where there must be one or more", "many", 2, "prog: something is missing: it is 'prog many WHAT...'", "prog many"},
		{"any number of arguments", "many fine b c d", 0, "", ""},
		{"no boolean", "do --bool=maybe x", 2, `prog: --bool "maybe": it takes true or false`, "prog do"},
		{"no duration", "do --duration 5 x", 2, `prog: --duration "5": it takes a duration such as 500ms, 10s or 2m`, "prog do"},
		{"no number", "do --float x x", 2, `prog: --float "x": it takes a number`, "prog do"},
		{"no whole number", "do --int 1.5 x", 2, `prog: --int "1.5": it takes a whole number`, "prog do"},
		{"a negative number", "do --uint32=-1 x", 2, `prog: --uint32 "-1": it takes a whole number from 0 to 4294967295`, "prog do"},
		{"a number that is too large", "do --uint64 99999999999999999999 x", 2, `prog: --uint64 "99999999999999999999": it takes a whole number from 0 to 18446744073709551615`, "prog do"},
		{"a flag of another kind", "do --map x x", 2, `prog: --map "x": it takes a stringToString`, "prog do"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			code, _, errw := execute(t, strings.Fields(tt.args)...)
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if said, _, _ := strings.Cut(errw, "\n"); said != tt.errw {
				t.Errorf("it said %q, want %q", errw, tt.errw)
			}
			if try := "Try '" + tt.try + " --help'."; tt.try != "" && !strings.Contains(errw, try) {
				t.Errorf("it said %q, want %q in it", errw, try)
			} else if tt.try == "" && strings.Contains(errw, "--help") {
				t.Errorf("it offers help: %q", errw)
			}
		})
	}
}

func TestUsageErrorsKeepTheirCause(t *testing.T) {
	t.Parallel()
	err := cli.Usage("look: %w", fs.ErrNotExist)
	if e, ok := errors.AsType[*cli.ExitError](err); !ok || e.Code != cli.ExitUsage || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %#v", err)
	}
	if got := (&cli.ExitError{Code: 5}).Error(); got != "exit status 5" {
		t.Errorf("got %q", got)
	}
}

func TestVersionNamesTheProgram(t *testing.T) {
	t.Parallel()
	code, out, _ := execute(t, "version")
	if name, version, ok := strings.Cut(strings.TrimSpace(out), " "); code != 0 || !ok || name != "prog" || version == "" {
		t.Errorf("exit code %d, output %q", code, out)
	}
}

func TestNothingButATerminalIsColoured(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if cli.Colors(f) || cli.Colors(&bytes.Buffer{}) {
		t.Error("a file or a buffer is coloured")
	}
	if w := cli.Width(f); w != 100 {
		t.Errorf("a file is %d columns wide, want 100", w)
	}
}

func TestListIsASentence(t *testing.T) {
	t.Parallel()
	for want, words := range map[string][]string{"": nil, "a": {"a"}, "a and b": {"a", "b"}, "a, b and c": {"a", "b", "c"}} {
		if got := cli.List(words); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestComplete(t *testing.T) {
	t.Parallel()
	cmd := &cobra.Command{Use: "x"}
	cmd.Flags().String("level", "", "")
	cli.Complete(cmd, "level", "must", "should")
	f, ok := cmd.GetFlagCompletionFunc("level")
	if !ok {
		t.Fatal("nothing completes the flag")
	}
	if got, _ := f(cmd, nil, ""); len(got) != 2 || got[0] != "must" || got[1] != "should" {
		t.Errorf("got %v", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a flag that does not exist was accepted")
		}
	}()
	cli.Complete(cmd, "nope", "x")
}
