package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"agentproof/internal/cli"
	"agentproof/suite/engine"
	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

// names are what selects cases without a glob: areas, clauses and what their
// names begin with, and ids; the shorter before the longer.
func names(cs []engine.Case) []string {
	var all []string
	for i := range cs {
		id := cs[i].ID
		all = append(all, id)
		for j, r := range id {
			if r == '.' || r == '/' {
				all = append(all, id[:j])
			}
		}
	}
	words := func(name string) int { return strings.Count(name, ".") + 10*strings.Count(name, "/") }
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(words(a), words(b)), cmp.Compare(a, b)) })
	return slices.Compact(all)
}

// matching are the cases that a glob or a name matches.
func matching(cs []engine.Case, pattern string) []engine.Case {
	sel := verdict.Selection{Cases: []string{pattern}}
	return slices.DeleteFunc(slices.Clone(cs), func(c engine.Case) bool { return !sel.Matches(c.ID) })
}

// checkSelection finds patterns that match nothing: a misspelt one among
// several would silently leave out cases that somebody asked for.
func checkSelection(sel verdict.Selection, cs []engine.Case) error {
	for _, f := range []struct {
		flag     string
		patterns []string
	}{{"case", sel.Cases}, {"skip", sel.Skip}} {
		for _, p := range f.patterns {
			if p != "" && len(matching(cs, p)) == 0 {
				return fmt.Errorf("--%s %q matches no case%s", f.flag, p, nearest(p, names(cs)))
			}
		}
	}
	return nil
}

// nearest suggests the known name that is most like a wrong one, or where to
// look when none is.
func nearest(wrong string, known []string) string {
	// What stands before a glob is what was meant to be a name.
	word := strings.TrimRight(strings.ReplaceAll(wrong, "*", ""), "./")
	best, least := "", min(len(word)/2, max(2, len(word)/3))+1
	for _, name := range known {
		if d := distance(word, name); d < least {
			best, least = name, d
		}
	}
	if best == "" {
		best = sharesMost(word, known)
	}
	if best == "" {
		return "; see 'conformance list'"
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// sharesMost is the name that holds most words of a wrong one, the shortest of
// several; empty when none holds any.
func sharesMost(wrong string, known []string) string {
	words := strings.FieldsFunc(wrong, func(r rune) bool { return r == '.' || r == '/' })
	shares := func(name string) (n int) {
		for _, w := range words {
			if strings.Contains(name, w) {
				n++
			}
		}
		return n
	}
	best := ""
	for _, name := range known {
		if c := cmp.Or(cmp.Compare(shares(name), shares(best)), cmp.Compare(len(best), len(name))); shares(name) > 0 && (best == "" || c > 0) {
			best = name
		}
	}
	return best
}

// distance is how many bytes to insert, delete, replace or swap with their
// neighbour make b of a.
func distance(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replaced := d[i-1][j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			d[i][j] = min(replaced, d[i-1][j]+1, d[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}

// completeNames is shell completion for arguments that name cases.
func completeNames(cs []engine.Case) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return names(cs), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeSelection is shell completion for --case and --skip.
func completeSelection(cmd *cobra.Command, cs []engine.Case) {
	for _, flag := range []string{"case", "skip"} {
		cli.CompleteFrom(cmd, flag, func() []string { return names(cs) })
	}
}

// unfinished are the cases of the report in dir that are worth another run:
// those that failed or warned, and those that something kept from a verdict
// that another run may give.
func unfinished(dir string, cs []engine.Case) ([]string, error) {
	doc, err := report.ReadDocument(dir)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, c := range doc.Cases {
		switch c.Status {
		case verdict.Fail, verdict.Warn, verdict.Blocked, verdict.HarnessError:
			if slices.ContainsFunc(cs, func(k engine.Case) bool { return k.ID == c.ID }) {
				ids = append(ids, c.ID)
			}
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("no case of the report in %s failed or was blocked", dir)
	}
	return ids, nil
}
