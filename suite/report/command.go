package report

import (
	"regexp"
	"strings"

	"agentproof/suite/verdict"
)

// command runs one case again, on the same subject: a line to paste into a
// shell. It is empty where no command line leads to the subject.
func (r *Report) command(id, area string) string {
	if r.Run.Target == nil {
		return ""
	}
	return Command(id, area, r.Run.Target)
}

// Command is the command line that runs one case on a target, which is named by
// the arguments of runs (verdict.Report.Target).
func Command(id, area string, target []string) string {
	command := "run"
	if area == verdict.ProfileRelay {
		command = "relay"
	}
	// In quotes, as a glob that somebody makes of it has to be.
	words := []string{"conformance", command, "--case", "'" + id + "'"}
	for _, word := range target {
		words = append(words, quote(word))
	}
	return strings.Join(words, " ")
}

var (
	// bare words mean themselves in every shell.
	bare = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)
	// hidden is what stands for a secret in a target: a variable of the shell.
	hidden = regexp.MustCompile(`\$\{SECRET_[A-Z]+\}`)
)

// quote makes one word of a POSIX shell. Variables that stand for secrets stay
// what they are.
func quote(word string) string {
	if bare.MatchString(word) {
		return word
	}
	var b strings.Builder
	for {
		at := hidden.FindStringIndex(word)
		if at == nil {
			break
		}
		b.WriteString(single(word[:at[0]]) + `"` + word[at[0]:at[1]] + `"`)
		word = word[at[1]:]
	}
	b.WriteString(single(word))
	if b.Len() == 0 {
		return "''"
	}
	return b.String()
}

func single(s string) string {
	switch {
	case s == "", bare.MatchString(s):
		return s
	default:
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
}
