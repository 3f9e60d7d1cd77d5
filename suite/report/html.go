package report

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"agentproof/docs/spec"
	"agentproof/suite/verdict"
)

//go:embed page
var pageFiles embed.FS

// HTML writes the report as one page that needs nothing but itself. Clauses
// gives the words of the specification; without it there are their ids.
func (r *Report) HTML(w io.Writer, clauses *spec.Spec) error {
	t, err := template.New("page.html").Funcs(template.FuncMap{"inc": func(n int) int { return n + 1 }}).
		ParseFS(pageFiles, "page/page.html")
	if err != nil {
		return fmt.Errorf("read the page's template: %w", err)
	}
	p, err := r.page(clauses)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return fmt.Errorf("render the page: %w", err)
	}
	// The template escapes what means something in HTML; this is for bytes that
	// mean nothing anywhere. The page's own text has none of them.
	_, err = io.WriteString(w, Printable(b.String()))
	return err
}

// page is what the template shows.
type page struct {
	Style      template.CSS
	Script     template.JS
	ScriptHash template.HTMLAttr // for the page's content security policy
	Icon       template.URL

	Doc Document
	Run Run

	Subject, About    string
	Title, Detail     string
	Tone, Seal        string
	Strength, Took    string
	Digest            string
	Selected          int
	Started           time.Time
	Segments, Columns []segment
	Filters           []segment
	Notices           []string
	Profiles          []profileCard
	Areas             []areaRow
	Problems          []verdict.BaselineProblem
	Findings, Known   []cause
	Index             bool // there are enough causes for an index
	NoFindings        string
	Missing           []missingCases
	Rows              []caseRow
}

// segment is a status and how many cases have it.
type segment struct {
	Status verdict.Status
	Word   string
	Count  int
}

type profileCard struct {
	Name, Result string
	Tone, Seal   string
	Segments     []segment
}

type areaRow struct {
	Name            string
	Segments, Cells []segment
}

// missingCases are cases that were not judged, for one reason.
type missingCases struct {
	Status        verdict.Status
	Word          string
	Reason, Cases string
	IDs           []string
}

type caseRow struct {
	Case
	Word, Filter, Took string
	Said               []string
	// Detailed is set when there is a finding about the case.
	Detailed bool
}

func (r *Report) page(clauses *spec.Spec) (*page, error) {
	style, err := pageFiles.ReadFile("page/page.css")
	if err != nil {
		return nil, fmt.Errorf("read the page's style: %w", err)
	}
	script, err := pageFiles.ReadFile("page/page.js")
	if err != nil {
		return nil, fmt.Errorf("read the page's script: %w", err)
	}
	hash := sha256.Sum256(script)
	p := &page{
		Style: template.CSS(style), Script: template.JS(script),
		ScriptHash: template.HTMLAttr("'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"),
		Doc:        r.Document, Run: r.Run,
		Subject: r.subject(), About: r.about(), Selected: r.selected(),
		Strength: strength(r.Document.Suite.Strength), Took: duration(took(r.Run.Seconds)), Started: r.Run.Started.UTC(),
		Digest:   short(r.Document.Suite.Digest),
		Segments: segments(r.Document.Totals), Columns: r.columnTotals(r.Document.Totals),
		Notices: r.notices(), NoFindings: "Nothing is broken.",
	}
	p.Title, p.Detail = r.headline()
	p.Tone, p.Seal = r.tone()
	p.Icon = icon(p.Tone)
	for _, pr := range r.Document.Profiles {
		p.Profiles = append(p.Profiles, r.card(pr))
	}
	for _, a := range r.areas() {
		p.Areas = append(p.Areas, areaRow{a.Name, segments(a.Totals), r.columnTotals(a.Totals)})
	}
	if r.Document.Baseline != nil {
		p.Problems = r.Document.Baseline.Problems
	}
	r.addCases(p, clauses)
	return p, nil
}

// addCases fills in the parts that are about single cases.
func (r *Report) addCases(p *page, clauses *spec.Spec) {
	list := r.entries()
	shots := screenshotBudget
	findings := r.findings()
	for _, g := range r.groups() {
		if g.Known {
			p.Known = append(p.Known, r.newCause(&g, clauses, len(list), &shots))
		} else {
			p.Findings = append(p.Findings, r.newCause(&g, clauses, findings, &shots))
		}
	}
	p.Index = len(p.Findings) > 3
	if len(p.Known) > 0 {
		p.NoFindings = "Nothing is broken beside the known failures below."
	}
	for _, s := range []verdict.Status{verdict.NotClaimed, verdict.Untestable, verdict.Interrupted} {
		p.Missing = append(p.Missing, missing(list, s)...)
	}
	filters := make(map[string]int)
	for _, e := range list {
		row := caseRow{Case: e.Case, Word: word(e.Status), Filter: filterOf(e), Took: duration(took(e.Seconds)), Detailed: broken(e.Status)}
		if !row.Detailed {
			row.Said = e.Notes
		}
		filters[row.Filter]++
		p.Rows = append(p.Rows, row)
	}
	for _, s := range append(verdict.Statuses(), knownFilter) {
		if n := filters[string(s)]; n > 0 {
			p.Filters = append(p.Filters, segment{s, word(s), n})
		}
	}
}

// knownFilter is what known failures are filtered by, as others by status.
const knownFilter = "known"

func filterOf(e entry) string {
	if e.Known {
		return knownFilter
	}
	return string(e.Status)
}

// broken tells whether a status has a finding.
func broken(s verdict.Status) bool {
	return s == verdict.Fail || s == verdict.HarnessError || s == verdict.Blocked || s == verdict.Warn
}

func word(s verdict.Status) string { return strings.ReplaceAll(string(s), "-", " ") }

// segments are the statuses that occur.
func segments(totals map[verdict.Status]int) []segment {
	var out []segment
	for _, s := range verdict.Statuses() {
		if n := totals[s]; n > 0 && s != verdict.NotSelected {
			out = append(out, segment{s, word(s), n})
		}
	}
	return out
}

// columnTotals are the totals of the statuses that tables have.
func (r *Report) columnTotals(totals map[verdict.Status]int) []segment {
	var out []segment
	for _, s := range columns(r) {
		out = append(out, segment{s, word(s), totals[s]})
	}
	return out
}

func missing(list []entry, status verdict.Status) []missingCases {
	var out []missingCases
	index := make(map[string]int)
	for _, e := range list {
		if e.Status != status {
			continue
		}
		i, ok := index[e.Reason]
		if !ok {
			i = len(out)
			index[e.Reason] = i
			out = append(out, missingCases{Status: status, Word: word(status), Reason: e.Reason})
		}
		out[i].IDs = append(out[i].IDs, e.ID)
		out[i].Cases = plural(len(out[i].IDs), "case")
	}
	return out
}

// headline is the verdict and what there is to say beside it.
func (r *Report) headline() (title, detail string) {
	title = r.sentence()
	if i := strings.IndexAny(title, ",;"); i > 0 {
		title, detail = title[:i], strings.TrimSpace(title[i+1:])
	}
	if detail != "" {
		detail = strings.ToUpper(detail[:1]) + detail[1:] + "."
	}
	return strings.ToUpper(title[:1]) + title[1:], detail
}

// tone is the colour and the picture of the whole report.
func (r *Report) tone() (tone, seal string) {
	switch {
	case r.color() == red:
		return "bad", "fail"
	case r.Verdict() == verdict.NotConformant: // nothing but known failures
		return "unsure", "fail"
	case r.ExitCode() == 0:
		return "good", "pass"
	default:
		return "unsure", "untestable"
	}
}

// icon is a dot in the colour of the verdict, for the browser's tab.
func icon(tone string) template.URL {
	color := map[string]string{"good": "1a7f3c", "bad": "c62828", "unsure": "b8860b"}[tone]
	return template.URL(`data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='%23` +
		color + `'/%3E%3C/svg%3E`)
}

// card is one profile.
func (r *Report) card(pr Profile) profileCard {
	totals := make(map[verdict.Status]int)
	for _, res := range r.judged.Results {
		if res.Profile == pr.Name {
			totals[res.Status]++
		}
	}
	c := profileCard{Name: pr.Name, Result: strings.ReplaceAll(pr.Result, "-", " "), Segments: segments(totals)}
	switch pr.Result {
	case verdict.Conformant:
		c.Tone, c.Seal = "good", "pass"
	case verdict.NotConformant:
		c.Tone, c.Seal = "bad", "fail"
	case verdict.Incomplete:
		c.Tone, c.Seal = "unsure", "untestable"
	default:
		c.Tone, c.Seal = "none", "not-claimed"
	}
	return c
}

// notices say what keeps a reader from taking the verdict for more than it is.
func (r *Report) notices() []string {
	var out []string
	if s := r.Document.Selection; s.Filtered() {
		var parts []string
		add := func(flag string, values ...string) {
			for _, v := range values {
				parts = append(parts, flag+" "+v)
			}
		}
		add("--profile", s.Profiles...)
		add("--case", s.Cases...)
		add("--skip", s.Skip...)
		if s.Level != "" {
			add("--level", s.Level)
		}
		out = append(out, fmt.Sprintf("A filtered run (%s): %s left out, and it certifies nothing.",
			strings.Join(parts, ", "), count(r.Document.Totals[verdict.NotSelected], "case was", "cases were")))
	}
	if n := r.Document.Totals[verdict.Interrupted]; n > 0 {
		out = append(out, fmt.Sprintf("The run was interrupted: %s no verdict, and it certifies nothing.", count(n, "case has", "cases have")))
	}
	if b := r.Document.Baseline; b != nil {
		out = append(out, fmt.Sprintf("A run with a baseline of %s, which certifies nothing.", count(b.Entries, "known failure", "known failures")))
	}
	return out
}

// short is the beginning of a digest.
func short(digest string) string {
	algorithm, hex, _ := strings.Cut(digest, ":")
	return algorithm + ":" + hex[:min(12, len(hex))]
}
