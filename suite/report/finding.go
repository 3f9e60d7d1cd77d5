package report

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"agentproof/docs/spec"
	"agentproof/suite/verdict"
)

const (
	// screenshotLimit and screenshotBudget bound one picture and all of them:
	// a page of more than some 40 MB is slow to open.
	screenshotLimit  = 4 << 20
	screenshotBudget = 24 << 20
	// transcriptLimit bounds what a page shows of a transcript.
	transcriptLimit = 64 << 10
)

// finding is everything that helps to mend a case.
type finding struct {
	Case
	Word, Filter, Took string
	Text               []span
	Explain, Try       string
	Command            string // runs it again; empty where nothing does
	Failures           []Failure
	Notes              []string
	Earlier, Wire      []wireExchange
	// Printed is what the agent printed when it failed.
	Printed    string
	Shot       template.URL
	NoShot     string
	Transcript *transcript
	// Said is what the agent printed.
	Said string
	// Brief is set for one of several cases that have one cause: the first of
	// them shows the evidence.
	Brief bool
}

// cause is a card of the page: cases that fail alike.
type cause struct {
	ID                string // of its element
	Status            verdict.Status
	Word, Title       string
	Share             string
	First             string // where what blocks the cases failed
	Clauses           []string
	Single            bool // the title is that of the only case
	Lead              finding
	Others            []finding
	More, MoreClauses string
}

// newCause gathers what there is about the cases of a group.
func (r *Report) newCause(g *group, clauses *spec.Spec, findings int, budget *int) cause {
	lead := g.lead()
	c := cause{
		ID: "cause-" + strings.ReplaceAll(lead.ID, "/", "-"), Status: g.Status, Word: word(g.Status), Title: g.title(),
		Share: share(len(g.Cases), findings), First: g.First, Clauses: g.clauses(), Lead: r.finding(lead, clauses, budget),
	}
	c.Single = c.Title == lead.ID
	for _, e := range g.Cases[1:] {
		c.Others = append(c.Others, r.brief(e, budget))
	}
	c.More = plural(len(c.Others), "more case")
	c.MoreClauses = plural(len(c.Clauses), "clause")
	return c
}

// brief is a case whose evidence is that of another, but for the exchange at
// which it failed and its screenshot.
func (r *Report) brief(e entry, budget *int) finding {
	e.AgentOutput, e.Notes = "", nil
	if len(e.Exchanges) > 0 {
		i := telling(e)
		e.Exchanges = e.Exchanges[i : i+1]
	}
	file := e.CaseRun.Transcript
	e.CaseRun.Transcript = ""
	f := r.finding(e, nil, budget)
	f.Brief, f.Explain, f.Try, f.Printed = true, "", "", ""
	if file != "" {
		f.Transcript = &transcript{Note: file}
	}
	return f
}

// span is a piece of a clause's text.
type span struct {
	Code bool
	Text string
}

type wireExchange struct {
	// Subject is empty where it is that of the exchange above.
	Subject           string
	Request, Response string
	Error             bool
	Took              string
	Notes             []string
	// InRequest and InResponse are what the JSON encodes or leaves out.
	InRequest, InResponse []wireField
}

type wireField struct{ Path, Text string }

func wireFields(fields map[string]string) []wireField {
	var list []wireField
	for _, path := range slices.Sorted(maps.Keys(fields)) {
		list = append(list, wireField{path, fields[path]})
	}
	return list
}

type transcript struct {
	Size  string
	Lines []transcriptLine
	Note  string
}

// transcriptLine is one message of a transcript, or a line as it stands where
// it is none: Kind is empty then.
type transcriptLine struct {
	Kind, Subject     string
	Arrow, When, Size string
	Text              string
}

// finding gathers what there is about a case. Pictures take from the budget.
func (r *Report) finding(e entry, clauses *spec.Spec, budget *int) finding {
	f := finding{
		Case: e.Case, Word: word(e.Status), Filter: filterOf(e), Took: duration(took(e.Seconds)),
		Explain: e.Explain, Try: e.Try, Command: r.command(e.ID, e.Area), Failures: e.Failures, Notes: e.Notes, Said: strings.TrimRight(e.AgentOutput, "\n"),
	}
	if clauses != nil {
		clause, _ := clauses.Clause(e.Clause)
		f.Text = spans(Plain(clause.Text))
	}
	for _, failure := range e.Failures {
		if f.Printed = strings.TrimSpace(failure.Printed); f.Printed != "" {
			break
		}
	}
	subject := ""
	for i, x := range e.Exchanges {
		shown := newWireExchange(x, subject)
		if i < telling(e) {
			f.Earlier = append(f.Earlier, shown)
		} else {
			f.Wire = append(f.Wire, shown)
		}
		subject = x.Subject
	}
	if e.Screenshot != "" {
		f.Shot, f.NoShot = r.screenshot(e.Screenshot, budget)
	}
	if e.CaseRun.Transcript != "" {
		f.Transcript = r.transcript(e.CaseRun.Transcript)
	}
	return f
}

// spans are a clause's text, in which code stands between backquotes.
func spans(text string) []span {
	var out []span
	for i, part := range strings.Split(text, "`") {
		if part != "" {
			out = append(out, span{i%2 == 1, part})
		}
	}
	return out
}

func newWireExchange(x Exchange, above string) wireExchange {
	w := wireExchange{
		Request: readable(x.Request), Response: readable(x.Response), Took: duration(took(x.Seconds)), Notes: x.Notes,
		InRequest: wireFields(x.InRequest), InResponse: wireFields(x.InResponse),
	}
	if x.Subject != above {
		w.Subject = x.Subject
	}
	if x.Error != "" {
		w.Response, w.Error = x.Error, true
	}
	return w
}

// readable is JSON on one line when it is short, and indented when not.
func readable(text json.RawMessage) string {
	const line = 240
	var b bytes.Buffer
	if len(text) <= line || json.Indent(&b, text, "", "  ") != nil {
		return string(text)
	}
	return b.String()
}

// open opens a file beside run.json, and nothing outside of its directory:
// whoever wrote run.json does not choose what of this machine a page shows.
func (r *Report) open(name string) (*os.File, int, error) {
	if r.dir == "" {
		return nil, 0, os.ErrNotExist
	}
	f, err := os.OpenInRoot(r.dir, filepath.FromSlash(name))
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no regular file")
	}
	if err != nil {
		_ = f.Close()
		return nil, 0, err
	}
	return f, int(info.Size()), nil
}

// screenshot is a picture as a URL, or why there is none.
func (r *Report) screenshot(name string, budget *int) (url template.URL, problem string) {
	f, size, err := r.open(name)
	if err != nil {
		return "", fmt.Sprintf("The screenshot %s cannot be shown: %s.", name, reason(err))
	}
	defer f.Close()
	if size > min(screenshotLimit, *budget) {
		return "", fmt.Sprintf("The screenshot is too large for this page: see %s.", name)
	}
	data, err := io.ReadAll(io.LimitReader(f, screenshotLimit))
	switch {
	case err != nil:
		return "", fmt.Sprintf("The screenshot %s cannot be shown: %s.", name, reason(err))
	case !bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		return "", fmt.Sprintf("The screenshot %s cannot be shown: it is no PNG.", name)
	}
	*budget -= len(data)
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(data)), ""
}

// transcript is the head of a transcript, line by line.
func (r *Report) transcript(name string) *transcript {
	f, size, err := r.open(name)
	if err != nil {
		return &transcript{Note: fmt.Sprintf("%s cannot be shown: %s.", name, reason(err))}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, transcriptLimit))
	if err != nil {
		return &transcript{Note: fmt.Sprintf("%s cannot be shown: %s.", name, reason(err))}
	}
	t := &transcript{Size: bytesText(size)}
	if size > len(data) {
		// Not in the middle of a message.
		data = data[:bytes.LastIndexByte(data, '\n')+1]
		t.Note = fmt.Sprintf("The first %s of %s; all of it is in %s.", bytesText(len(data)), bytesText(size), name)
	}
	for line := range bytes.Lines(data) {
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			t.Lines = append(t.Lines, newTranscriptLine(line))
		}
	}
	return t
}

// newTranscriptLine shows what a reader asks for first. A transcript has more.
func newTranscriptLine(line []byte) transcriptLine {
	var m struct {
		Micros        int64 `json:"us"`
		Kind, Dir     string
		Subject, Text string
		Size          int
		Message       json.RawMessage
		Beside        map[string]string
	}
	if err := json.Unmarshal(line, &m); err != nil || m.Kind == "" {
		return transcriptLine{Text: string(line)}
	}
	out := transcriptLine{
		Kind: m.Kind, Subject: m.Subject, Text: m.Text, When: fmt.Sprintf("%.3f ms", float64(m.Micros)/1000),
		Arrow: map[string]string{"to-agent": "→", "from-agent": "←"}[m.Dir],
	}
	if m.Size > 0 {
		out.Size = bytesText(m.Size)
	}
	if len(m.Message) > 0 {
		out.Text = strings.TrimSpace(out.Text + " " + readable(m.Message))
	}
	for _, f := range wireFields(m.Beside) {
		out.Text += "\n" + f.Path + "  " + f.Text
	}
	return out
}

// reason is an error of a file without its name and the call that failed.
func reason(err error) string {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err.Error()
	}
	return err.Error()
}

func bytesText(n int) string {
	switch {
	case n < 10<<10:
		return plural(n, "byte")
	case n < 10<<20:
		return fmt.Sprintf("%d KiB", n>>10)
	default:
		return fmt.Sprintf("%d MiB", n>>20)
	}
}
