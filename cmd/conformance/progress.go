package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"agentproof/suite/engine"
)

// progressLine shows where a run is, on one line that it rewrites. It is
// silent unless it writes to a terminal.
type progressLine struct {
	w     io.Writer
	fd    int
	start time.Time
	bad   int
	drawn bool
}

func newProgressLine(w io.Writer) *progressLine {
	p := &progressLine{start: time.Now()}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.w, p.fd = w, int(f.Fd())
	}
	return p
}

func (p *progressLine) update(pr engine.Progress) {
	if pr.Last != nil && (pr.Last.Status == engine.Fail || pr.Last.Status == engine.HarnessError) {
		p.bad++
	}
	if p.w == nil {
		return
	}
	width, _, err := term.GetSize(p.fd)
	if err != nil || width < 20 {
		width = 80
	}
	text := fmt.Sprintf("%3d/%d", pr.Done, pr.Total)
	if p.bad > 0 {
		text += fmt.Sprintf("  %d failed", p.bad)
	}
	text += fmt.Sprintf("  %2.0f s", time.Since(p.start).Seconds())
	if len(pr.Running) > 0 {
		text += "  " + strings.Join(pr.Running, " ")
	}
	if r := []rune(text); len(r) > width-1 {
		text = string(r[:width-2]) + "…"
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s", text)
	p.drawn = true
}

func (p *progressLine) clear() {
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
