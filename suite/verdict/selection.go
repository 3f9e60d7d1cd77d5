package verdict

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"agentproof/docs/spec"
)

// Selection says which cases to run. The zero value selects all.
type Selection struct {
	// Profiles, when not empty, keeps the cases of these profiles.
	Profiles []string `json:"profiles,omitempty"`
	// Cases, when not empty, keeps the cases that one of these patterns matches:
	// globs, and the names of cases, clauses and areas.
	Cases []string `json:"cases,omitempty"`
	// Skip leaves out the cases that one of these patterns matches.
	Skip []string `json:"skip,omitempty"`
	// Level "must" leaves out the clauses that are not MUST; "should" those
	// that are MAY; empty keeps all.
	Level string `json:"level,omitempty"`
}

// Filtered tells whether the selection leaves anything out. Such a run can
// never certify.
func (s Selection) Filtered() bool {
	return len(s.Profiles)+len(s.Cases)+len(s.Skip) > 0 || s.Level != ""
}

// Matches reports whether one of the patterns of Cases matches a case's id. A
// wrong pattern matches nothing; Filter returns the error.
func (s Selection) Matches(id string) bool {
	res, err := globs(s.Cases)
	return err == nil && matchAny(res, id)
}

// Filter turns the selection into a predicate on the results of cases, of which
// it looks at the id, the profile and the level. The error says what is wrong
// with the selection.
func (s Selection) Filter() (keeps func(*Result) bool, err error) {
	for _, p := range s.Profiles {
		if !slices.Contains(Profiles(), p) {
			return nil, fmt.Errorf("there is no profile %q: there are %s", p, strings.Join(Profiles(), ", "))
		}
	}
	if !slices.Contains([]string{"", "must", "should"}, s.Level) {
		return nil, fmt.Errorf("there is no level %q: there are must and should", s.Level)
	}
	keep, err := globs(s.Cases)
	if err != nil {
		return nil, err
	}
	skip, err := globs(s.Skip)
	if err != nil {
		return nil, err
	}
	return func(r *Result) bool {
		switch {
		case len(s.Profiles) > 0 && !slices.Contains(s.Profiles, r.Profile),
			len(keep) > 0 && !matchAny(keep, r.ID),
			matchAny(skip, r.ID):
			return false
		}
		switch r.Level {
		case spec.Must:
			return true
		case spec.Should:
			return s.Level != "must"
		default:
			return s.Level == ""
		}
	}, nil
}

func matchAny(res []*regexp.Regexp, id string) bool {
	return slices.ContainsFunc(res, func(re *regexp.Regexp) bool { return re.MatchString(id) })
}

// globs compiles patterns in which * matches within one word of an id, ** any
// run of characters and ? one character. Words end at dots and slashes. A
// pattern without any of these also matches all ids that continue it at the end
// of a word: the name of an area or a clause stands for its cases.
func globs(patterns []string) ([]*regexp.Regexp, error) {
	out := make([]*regexp.Regexp, 0, len(patterns))
	for _, p := range patterns {
		if p == "" {
			return nil, fmt.Errorf("an empty glob matches nothing")
		}
		quoted := regexp.QuoteMeta(p)
		quoted = strings.ReplaceAll(quoted, `\*\*`, `.*`)
		quoted = strings.ReplaceAll(quoted, `\*`, `[^./]*`)
		quoted = strings.ReplaceAll(quoted, `\?`, `[^./]`)
		if !strings.ContainsAny(p, "*?") {
			quoted += `([./].*)?`
		}
		re, err := regexp.Compile("^" + quoted + "$")
		if err != nil {
			return nil, fmt.Errorf("the glob %q: %w", p, err)
		}
		out = append(out, re)
	}
	return out, nil
}
