package report

import (
	"fmt"
	"io"
	"strings"

	"agentproof/internal/fold"
	"agentproof/suite/verdict"
)

// DiffSchema names the format of a difference, as Schema that of report.json.
const DiffSchema = "agentproof/diff/v1"

// Diff is what became of the cases between two reports, each list sorted by id.
type Diff struct {
	Schema string   `json:"schema"`
	Old    DiffSide `json:"old"`
	New    DiffSide `json:"new"`
	// Regressions are cases that broke, and passes that are none any more:
	// what was not judged is not green.
	Regressions []Change `json:"regressions"`
	Repairs     []Change `json:"repairs"`
	// Reasons are cases that end as before, for another reason.
	Reasons []Change `json:"reasons"`
	// Others are all other changes, such as between two ways not to be judged.
	Others []Change `json:"others"`
	// Added and Removed are cases that one of the two suites has not.
	Added   []Change `json:"added"`
	Removed []Change `json:"removed"`
	// Unchanged counts the cases that are the same, and Uncompared those that
	// one of the two runs left out.
	Unchanged  int `json:"unchanged"`
	Uncompared int `json:"uncompared"`
}

// DiffSide is one of the two reports.
type DiffSide struct {
	Subject Subject `json:"subject"`
	Suite   Suite   `json:"suite"`
	Spec    Spec    `json:"spec"`
	Verdict string  `json:"verdict"`
}

// Change is one case in the two reports. A side on which there is none is
// empty.
type Change struct {
	ID  string  `json:"id"`
	Old Outcome `json:"old"`
	New Outcome `json:"new"`
}

// Outcome is how a case ended.
type Outcome struct {
	Status verdict.Status `json:"status"`
	Reason string         `json:"reason"`
}

// Compare tells what became of the cases of one report in another.
func Compare(before, after *Document) *Diff {
	d := &Diff{
		Schema: DiffSchema, Old: side(before), New: side(after),
		// Empty lists, not null, for scripts.
		Regressions: []Change{}, Repairs: []Change{}, Reasons: []Change{}, Others: []Change{}, Added: []Change{}, Removed: []Change{},
	}
	old, now := before.Cases, after.Cases
	for len(old) > 0 || len(now) > 0 {
		switch {
		case len(now) == 0 || len(old) > 0 && old[0].ID < now[0].ID:
			d.Removed = append(d.Removed, Change{ID: old[0].ID, Old: outcome(old[0])})
			old = old[1:]
		case len(old) == 0 || now[0].ID < old[0].ID:
			d.Added = append(d.Added, Change{ID: now[0].ID, New: outcome(now[0])})
			now = now[1:]
		default:
			d.compare(Change{ID: old[0].ID, Old: outcome(old[0]), New: outcome(now[0])})
			old, now = old[1:], now[1:]
		}
	}
	return d
}

func side(d *Document) DiffSide { return DiffSide{d.Subject, d.Suite, d.Spec, d.Verdict} }

func outcome(c Case) Outcome { return Outcome{c.Status, c.Reason} }

// badness orders the statuses that somebody has to act on; the others have 0.
func badness(s verdict.Status) int {
	switch s {
	case verdict.Warn:
		return 1
	case verdict.Blocked, verdict.HarnessError:
		return 2
	case verdict.Fail:
		return 3
	default:
		return 0
	}
}

// untried reports whether a run says nothing of a case.
func untried(s verdict.Status) bool { return s == verdict.NotSelected || s == verdict.Interrupted }

func (d *Diff) compare(c Change) {
	was, is := c.Old.Status, c.New.Status
	switch {
	case untried(was) || untried(is):
		d.Uncompared++
	case c.Old == c.New:
		d.Unchanged++
	case was == is:
		d.Reasons = append(d.Reasons, c)
	case badness(is) > badness(was), was == verdict.Pass:
		d.Regressions = append(d.Regressions, c)
	case badness(was) > 0 && is == verdict.Pass, was == verdict.Fail && is == verdict.Warn:
		d.Repairs = append(d.Repairs, c)
	default:
		d.Others = append(d.Others, c)
	}
}

// JSON is the difference for scripts.
func (d *Diff) JSON() ([]byte, error) { return encode(d) }

// Text writes the difference for people.
func (d *Diff) Text(w io.Writer, opts TextOptions) error {
	if opts.Width <= 0 {
		opts.Width = 100
	}
	p := &printer{opts: opts}
	p.printf("old  %s\nnew  %s\n\n", d.Old, d.New)
	if d.Old.Spec != d.New.Spec {
		p.WriteString(fold.Text(opts.Width, "", fmt.Sprintf("Note: the two were judged by different revisions, %s and %s.",
			Printable(d.Old.Spec.Revision), Printable(d.New.Spec.Revision))) + "\n")
	}
	p.changes(red, "REGRESSION", d.Regressions)
	p.changes(green, "REPAIR", d.Repairs)
	p.changes(yellow, "REASON", d.Reasons)
	p.changes(yellow, "CHANGE", d.Others)
	p.names("new case", d.Added, func(c Change) verdict.Status { return c.New.Status })
	p.names("removed case", d.Removed, func(c Change) verdict.Status { return c.Old.Status })
	color := green
	if len(d.Regressions) > 0 {
		color = red
	}
	p.printf("%s, %s, %s; %s unchanged",
		p.paint(color, plural(len(d.Regressions), "regression")), plural(len(d.Repairs), "repair"),
		plural(len(d.Reasons), "changed reason"), plural(d.Unchanged, "case"))
	if d.Uncompared > 0 {
		p.printf(", %d left out by one of the two", d.Uncompared)
	}
	p.printf("\n")
	_, err := io.WriteString(w, p.String())
	return err
}

// String names a side, safe to print.
func (s DiffSide) String() string {
	return Line(strings.TrimSpace(fmt.Sprintf("%s %s", s.Subject.Name, s.Subject.Version)) + ": " + strings.ReplaceAll(s.Verdict, "-", " "))
}

// changes shows cases with both of their outcomes.
func (p *printer) changes(color, label string, list []Change) {
	for _, c := range list {
		status := p.paint(statusColor(c.New.Status), string(c.New.Status))
		if c.Old.Status != c.New.Status {
			status = p.paint(statusColor(c.Old.Status), string(c.Old.Status)) + " → " + status
		}
		p.printf("%s  %s  %s\n", p.paint(color, label), p.paint(bold, c.ID), status)
		if c.Old.Reason != "" {
			p.field("was", c.Old.Reason)
		}
		if c.New.Reason != "" {
			p.field("is", c.New.Reason)
		}
		p.printf("\n")
	}
}

// names lists cases that only one side has.
func (p *printer) names(label string, list []Change, status func(Change) verdict.Status) {
	if len(list) == 0 {
		return
	}
	p.printf("%s\n", plural(len(list), label))
	for _, c := range list {
		s := status(c)
		p.printf("  %s %s\n", p.paint(statusColor(s), pad(string(s), len(verdict.HarnessError))), c.ID)
	}
	p.printf("\n")
}
