package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"agentproof/suite/cases"
)

// TestWhatCasesSayToTryByHandExists reads every command line of this program
// in the cases' hints as the program itself would, without running it.
func TestWhatCasesSayToTryByHandExists(t *testing.T) {
	t.Parallel()
	tried := 0
	for _, c := range cases.All() {
		for _, words := range commandLines(c.Try) {
			tried++
			if err := parses(words); err != nil {
				t.Errorf("%s: %q: %v", c.ID, strings.Join(words, " "), err)
			}
		}
	}
	if tried == 0 {
		t.Error("no case says how to try it by hand")
	}
}

// parses tells whether the program would accept the words behind its name.
func parses(words []string) error {
	root := rootCommand()
	cmd, rest, err := root.Find(words)
	if err != nil {
		return err
	}
	if !cmd.Runnable() || cmd.HasSubCommands() {
		return errors.New("it names no command")
	}
	if err := cmd.ParseFlags(rest); err != nil && !errors.Is(err, pflag.ErrHelp) {
		return err
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

// commandLines are the words behind "fakeagent" in each command of a hint,
// which ends as a shell's would, or at a bracket around a remark.
func commandLines(hint string) [][]string {
	var lines [][]string
	for rest := hint; ; {
		_, after, ok := strings.Cut(rest, "fakeagent ")
		if !ok {
			return lines
		}
		words, remainder := split(after)
		lines, rest = append(lines, words), remainder
	}
}

// split reads words up to the end of a command, with a shell's quotes.
func split(text string) (words []string, rest string) {
	var word strings.Builder
	started, quote := false, rune(0)
	end := func() {
		if started {
			words = append(words, word.String())
			word.Reset()
			started = false
		}
	}
	for i, r := range text {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, started = r, true
		case r == ' ':
			end()
		case strings.ContainsRune(";|&<>(),", r):
			end()
			return words, text[i:]
		default:
			word.WriteRune(r)
			started = true
		}
	}
	end()
	return words, ""
}

func TestSplitReadsAsAShellDoes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, words, rest string }{
		{"call ping", "call|ping", ""},
		{"call exec 'a; b' \"c d\" e'f g'h", "call|exec|a; b|c d|ef gh", ""},
		{"call ls ''", "call|ls|", ""},
		{"call read a; fakeagent x", "call|read|a", "; fakeagent x"},
		{"run --epoch 2)", "run|--epoch|2", ")"},
	} {
		words, rest := split(tt.text)
		if strings.Join(words, "|") != tt.words || rest != tt.rest {
			t.Errorf("%q gives %q and %q", tt.text, words, rest)
		}
	}
}
