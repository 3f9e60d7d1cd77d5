// Package baseline reads files of known failures, so that a vendor's CI tells
// a new failure from an old one. An entry is bound to the reason that its case
// fails with, and wrong entries are errors: a baseline can only shrink or be
// changed by somebody who looks at it.
//
//	schema: agentproof/baseline/v1
//	failures:
//	  - case: exec.timeout-kills/kills-the-tree
//	    reason: want no process left; got
//	    issue: https://example.com/issues/12
//	    until: 2027-03-01
//	    os: [macos, windows]
package baseline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"agentproof/suite/verdict"
)

// Schema names the format of the file.
const Schema = "agentproof/baseline/v1"

// Entry is one failure that is known.
type Entry struct {
	Case string
	// Reason begins the reason that the case fails with.
	Reason string
	// Issue is where the failure is tracked; may be empty.
	Issue string
	// Until is the last day of the entry, in UTC; the zero time is no limit.
	Until time.Time
	// OS are the systems that the case fails on, as an agent's Hello has them;
	// none means all.
	OS []string
}

// systems are the names that an agent's Hello has for its system, and what
// else people call them.
var systems = map[string]string{"linux": "linux", "macos": "macos", "darwin": "macos", "windows": "windows"}

// on tells whether the entry is about agents of a system.
func (e *Entry) on(os string) bool { return len(e.OS) == 0 || slices.Contains(e.OS, os) }

// Load reads a file.
func Load(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the baseline: %w", err)
	}
	return Parse(path, data)
}

// LoadOrNew is Load, and an empty baseline where there is no file.
func LoadOrNew(path string) (*File, error) {
	f, err := Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Parse(path, nil)
	}
	return f, err
}

// Entries are the failures that the file knows, in its order.
func (f *File) Entries() []Entry {
	out := make([]Entry, 0, len(f.items))
	for _, it := range f.items {
		out = append(out, it.Entry)
	}
	return out
}

// Apply marks the failures of a report that the file has entries for, and the
// entries that are wrong. It must be called before the report is written.
func (f *File) Apply(r *verdict.Report, now time.Time) {
	r.Baseline = &verdict.Baseline{Entries: len(f.items)}
	for i := range r.Results {
		r.Results[i].Baselined, r.Results[i].Issue = false, ""
	}
	for i := range f.items {
		e := &f.items[i].Entry
		if !e.on(r.Subject.OS) {
			continue
		}
		kind, detail := f.judge(e, r, now)
		if kind != "" {
			r.Baseline.Problems = append(r.Baseline.Problems, verdict.BaselineProblem{Case: e.Case, Kind: kind, Detail: detail})
		}
	}
}

// judge holds one entry against its case, which it marks when it fails; no kind
// means that nothing is wrong.
func (f *File) judge(e *Entry, r *verdict.Report, now time.Time) (kind verdict.ProblemKind, detail string) {
	res := find(r, e.Case)
	switch {
	case res == nil:
		return verdict.Unmatched, "there is no such case: mend its name, or take the entry out"
	case res.Status == verdict.Pass:
		return verdict.Stale, "the case passes: take the entry out"
	case res.Status == verdict.NotClaimed:
		return verdict.Stale, "the agent does not claim it: take the entry out"
	case !fails(res.Status):
		return "", "" // whether it still fails is not known
	}
	res.Baselined, res.Issue = true, e.Issue
	switch {
	case !strings.HasPrefix(text(res.Reason), e.Reason):
		return verdict.Changed, fmt.Sprintf("the case fails for another reason: %s; the entry says: %s", text(res.Reason), e.Reason)
	case expired(e.Until, now):
		detail = "the entry was for failures until " + e.Until.Format(time.DateOnly)
		if e.Issue != "" {
			detail += " (" + e.Issue + ")"
		}
		return verdict.Expired, detail + ": mend the agent, or set another day"
	default:
		return "", ""
	}
}

func find(r *verdict.Report, id string) *verdict.Result {
	i, ok := slices.BinarySearchFunc(r.Results, id, func(res verdict.Result, id string) int { return strings.Compare(res.ID, id) })
	if !ok {
		return nil
	}
	return &r.Results[i]
}

// fails tells whether a status is a failure that a baseline can know: the
// agent's own, and what its failures keep from being tried. What the harness
// could not do is nobody's known failure.
func fails(s verdict.Status) bool {
	return s == verdict.Fail || s == verdict.Warn || s == verdict.Blocked
}

func expired(until, now time.Time) bool {
	return !until.IsZero() && !now.UTC().Before(until.AddDate(0, 0, 1))
}

// text is a reason as report.json has it, where every byte that is no UTF-8 is
// a replacement character.
func text(s string) string { return string([]rune(s)) }
