package report

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"agentproof/suite/verdict"
)

// group is what has one cause: cases of one status that broke, or are blocked,
// in the same way.
type group struct {
	Status verdict.Status
	Known  bool
	// Cause is the cases' own, empty for what only one clause is about.
	Cause string
	// First is where what blocks the cases failed; empty for other statuses.
	First string
	Cases []entry // by id
}

// severity orders the statuses that have findings, the most severe first.
func severity(s verdict.Status) int {
	return slices.Index([]verdict.Status{verdict.Fail, verdict.HarnessError, verdict.Blocked, verdict.Warn}, s)
}

// groups puts together what has one cause: the most severe first, and among
// those the cause with the most cases.
func (r *Report) groups() []group {
	var list []group
	index := make(map[string]int)
	entries := r.entries()
	for _, e := range entries {
		if !broken(e.Status) {
			continue
		}
		key := fmt.Sprintf("%s %t %s", e.Status, e.Known, causeKey(e))
		i, ok := index[key]
		if !ok {
			i = len(list)
			index[key] = i
			list = append(list, group{Status: e.Status, Known: e.Known, Cause: e.Cause})
		}
		list[i].Cases = append(list[i].Cases, e)
	}
	slices.SortStableFunc(list, func(a, b group) int {
		return cmp.Or(severity(a.Status)-severity(b.Status), cmp.Compare(len(b.Cases), len(a.Cases)))
	})
	for i := range list {
		if g := &list[i]; g.Status == verdict.Blocked && g.Cause != "" {
			g.First = firstFailed(entries, g.Cause)
		}
	}
	return list
}

// firstFailed is the first case that fails, or is blocked if none does, for a
// cause. Cases are in the order of their ids, so it is the same in every run.
func firstFailed(entries []entry, cause string) string {
	for _, status := range []verdict.Status{verdict.Fail, verdict.Warn, verdict.Blocked} {
		for _, e := range entries {
			if e.Status == status && e.Cause == cause {
				return e.ID
			}
		}
	}
	return ""
}

// causeKey is the same for cases of one status that have one cause.
func causeKey(e entry) string {
	switch {
	case e.Status == verdict.Blocked && e.Cause != "":
		return e.Cause // whatever the operation answered
	case e.Cause != "", e.Status == verdict.Blocked, e.Status == verdict.HarnessError:
		return e.Cause + " " + shape(e.Reason)
	default:
		return e.Clause + " " + shape(e.Reason)
	}
}

var (
	// errorText is what an agent says beside the code of an error.
	errorText = regexp.MustCompile(`(the error [A-Z_]+): .*`)
	quotedAny = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	pathAny   = regexp.MustCompile(`[^\s"]*/[^\s"]*`)
	numberAny = regexp.MustCompile(`[0-9]+`)
)

// shape is a reason without what varies between cases that fail alike: quoted
// text, paths, numbers and the wording of errors.
func shape(reason string) string {
	reason = errorText.ReplaceAllString(reason, "$1")
	reason = quotedAny.ReplaceAllString(reason, "…")
	reason = pathAny.ReplaceAllString(reason, "…")
	return numberAny.ReplaceAllString(reason, "0")
}

// lead is the case that the group is shown by.
func (g *group) lead() entry { return g.Cases[0] }

// clauses are the ids of the clauses that the cases judge, sorted.
func (g *group) clauses() []string {
	var ids []string
	for _, e := range g.Cases {
		ids = append(ids, e.Clause)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// title says in a few words what the cases have in common.
func (g *group) title() string {
	lead := g.lead()
	want, got, ok := strings.Cut(lead.Reason, "; got ")
	switch {
	case len(g.Cases) == 1 && g.Cause == "":
		return lead.ID
	case g.Status == verdict.Blocked && g.Cause != "":
		return "blocked by " + causeName(g.Cause)
	case g.Status == verdict.Blocked, g.Status == verdict.HarnessError:
		return strings.TrimPrefix(lead.Reason, "could not arrange the case: ")
	case !ok:
		return lead.ID
	case strings.HasPrefix(want, "want a reply to ") && got == "none":
		return "no reply to " + causeName(g.Cause) + " in time"
	case strings.HasPrefix(want, "want a reply to "):
		return "no reply to " + causeName(g.Cause) + ": " + got
	case want == "want a result" && g.Cause != "":
		return causeName(g.Cause) + " answers " + errorText.ReplaceAllString(got, "$1")
	case g.Cause != "":
		return strings.TrimPrefix(want, "want ") + "; got " + got
	default:
		return lead.Clause
	}
}

// where says where what blocks the cases failed, as in "first failed in
// fs.mkdir.parents/creates".
func (g *group) where() string {
	if g.First == "" {
		return ""
	}
	return "first failed in " + g.First
}

// causeName is a cause as clauses name it: fs.mkdir for the operation fs_mkdir.
func causeName(cause string) string {
	if cause == "helper" {
		return "the helper program"
	}
	return strings.Replace(cause, "_", ".", 1)
}

// findings counts the cases that are broken and not known.
func (r *Report) findings() int {
	n := 0
	for _, e := range r.entries() {
		if broken(e.Status) && !e.Known {
			n++
		}
	}
	return n
}

// share is a number of cases of all findings, as in "50 of 169".
func share(cases, findings int) string {
	if cases == findings {
		return plural(cases, "case")
	}
	return fmt.Sprintf("%d of %s", cases, plural(findings, "finding"))
}
