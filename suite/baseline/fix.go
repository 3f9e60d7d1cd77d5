package baseline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"

	"agentproof/suite/verdict"
)

// ErrFiltered is why Fix refuses a report: what a filtered run did not try it
// cannot know.
var ErrFiltered = errors.New("the report is of a filtered run, which knows nothing of the cases that it left out: run all of them")

// ErrInterrupted is the same of a run that was interrupted.
var ErrInterrupted = errors.New("the report is of an interrupted run, which knows nothing of the cases that it did not end: run all of them")

// Fix brings the file up to date with a report and says what it changed.
// Failures without an entry get one; entries of cases that do not fail any more
// go; a reason that is no longer the case's is replaced. Everything else stays,
// comments included. A day that is over stays too: giving a failure more time
// is for a person to decide, and left says so.
func (f *File) Fix(r *verdict.Report, now time.Time) (changes, left []string, err error) {
	if r.Selection.Filtered() {
		return nil, nil, ErrFiltered
	}
	if r.Totals[verdict.Interrupted] > 0 {
		return nil, nil, ErrInterrupted
	}
	covered := make(map[string]bool)
	var kept []item
	for _, it := range f.items {
		if !it.on(r.Subject.OS) {
			kept = append(kept, it)
			continue
		}
		res := find(r, it.Case)
		switch kind, _ := f.judge(&it.Entry, r, now); kind {
		case verdict.Unmatched, verdict.Stale:
			if kind == verdict.Stale && it.leave(r.Subject.OS) {
				kept = append(kept, it)
			}
			changes = append(changes, fmt.Sprintf("removed %s, which is %s", it.Case, kind))
			continue
		case verdict.Changed:
			it.setReason(text(res.Reason))
			changes = append(changes, fmt.Sprintf("changed the reason of %s: see that its issue is still the right one", it.Case))
		}
		if expired(it.Until, now) {
			left = append(left, fmt.Sprintf("%s was to be mended by %s: set another day by hand", it.Case, it.Until.Format(time.DateOnly)))
		}
		covered[it.Case] = true
		kept = append(kept, it)
	}
	for _, res := range r.Results {
		switch {
		case !fails(res.Status) || covered[res.ID]:
		case strings.TrimSpace(res.Reason) == "":
			left = append(left, res.ID+" fails without a reason, which an entry needs")
		default:
			kept = append(kept, newItem(res))
			changes = append(changes, "added "+res.ID)
		}
	}
	f.replace(kept)
	return changes, left, nil
}

// replace puts items in the place of those of the file.
func (f *File) replace(items []item) {
	if len(f.items) == 0 && len(items) > 0 {
		f.list.Style = 0 // a list that was empty is written as []
		if f.doc.Content[0].HeadComment == "" {
			f.doc.Content[0].HeadComment = head
		}
	}
	f.items, f.list.Content = items, nil
	for _, it := range items {
		f.list.Content = append(f.list.Content, it.node)
	}
	if len(items) == 0 {
		f.list.Style = yaml.FlowStyle
	}
}

// newItem is the entry of a failure. Its case, reason and nothing else is known.
func newItem(res verdict.Result) item {
	e := Entry{Case: res.ID, Reason: text(res.Reason)}
	node := &yaml.Node{Kind: yaml.MappingNode}
	for _, word := range []string{"case", e.Case, "reason", e.Reason} {
		node.Content = append(node.Content, scalar(word))
	}
	return item{e, node}
}

// scalar is text that no YAML reader takes for anything else.
func scalar(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if strings.ContainsFunc(s, unicode.IsControl) {
		n.Style = yaml.DoubleQuotedStyle // elsewhere a line's end may change
	}
	return n
}

func (it *item) setReason(reason string) {
	it.Reason = reason
	n := it.value("reason")
	comment := n.LineComment
	*n = *scalar(reason)
	n.LineComment = comment
}

// leave takes a system out of the entry, and tells whether it is about others.
func (it *item) leave(os string) bool {
	if len(it.OS) < 2 {
		return false
	}
	it.OS = slices.DeleteFunc(it.OS, func(s string) bool { return s == os })
	n := it.value("os")
	n.Content = slices.DeleteFunc(n.Content, func(s *yaml.Node) bool { return systems[strings.TrimSpace(s.Value)] == os })
	return len(it.OS) > 0
}

func (it *item) value(key string) *yaml.Node {
	for i := 0; i < len(it.node.Content); i += 2 {
		if it.node.Content[i].Value == key {
			return it.node.Content[i+1]
		}
	}
	panic("baseline: an entry without " + key)
}
