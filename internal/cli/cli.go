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

// textWidth is how wide text is folded where no terminal says otherwise.
const textWidth = 100

// Terminal tells whether w is a terminal, and its file descriptor.
func Terminal(w io.Writer) (fd int, ok bool) {
	f, ok := w.(*os.File)
	if !ok {
		return 0, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// Colors tells whether to colour what is written to w: only on a terminal, and
// not under NO_COLOR or a TERM of dumb.
func Colors(w io.Writer) bool {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	_, ok := Terminal(w)
	return ok
}

// Width is how many columns text on w may take: a terminal's, at least 40, or
// what suits a file.
func Width(w io.Writer) int {
	fd, ok := Terminal(w)
	if !ok {
		return textWidth
	}
	width, _, err := term.GetSize(fd)
	if err != nil || width <= 0 {
		return textWidth
	}
	return max(width, 40)
}

// Complete gives a flag its values for shell completion.
func Complete(cmd *cobra.Command, flag string, values ...string) {
	CompleteFrom(cmd, flag, func() []string { return values })
}

// CompleteFrom is Complete for values that are made when they are asked for.
func CompleteFrom(cmd *cobra.Command, flag string, values func() []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values(), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // the flag does not exist: a bug that every start would show
	}
}

// List is words as a sentence has them: "a, b and c".
func List(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// VersionCommand prints the version of the build.
func VersionCommand(program string) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  Args(0, 0),
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
