// Package cli holds what the project's programs share at the command line.
package cli

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Colors tells whether to colour what is written to w: only on a terminal, and
// not under NO_COLOR or a TERM of dumb.
func Colors(w io.Writer) bool {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Wrap writes text behind a label, folded at 80 columns and indented to stay
// behind it.
func Wrap(w io.Writer, label, text string) {
	const width = 80
	column := len(label)
	fmt.Fprint(w, label)
	used := column
	for i, word := range strings.Fields(text) {
		if i > 0 {
			if used+1+len(word) > width {
				fmt.Fprintf(w, "\n%s", strings.Repeat(" ", column))
				used = column
			} else {
				fmt.Fprint(w, " ")
				used++
			}
		}
		fmt.Fprint(w, word)
		used += len(word)
	}
	fmt.Fprintln(w)
}

// Complete gives a flag its values for shell completion.
func Complete(cmd *cobra.Command, flag string, values ...string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // the flag does not exist: a bug that every start would show
	}
}

// VersionCommand prints the version of the build.
func VersionCommand(program string) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", program, Version())
			return err
		},
	}
}

// Version is the module's version, or the commit that it was built from.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	return "devel"
}
