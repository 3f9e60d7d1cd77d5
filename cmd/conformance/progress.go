package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"agentproof/internal/cli"
	"agentproof/suite/report"
	"agentproof/suite/runner"
	"agentproof/suite/verdict"
)

const (
	// redrawEvery keeps the clock of a progress line going while cases wait.
	redrawEvery = time.Second
	// reportEvery is how often a log gets a line: often enough to see that a
	// run goes on, and what holds it up, without filling the log.
	reportEvery = 15 * time.Second
	// reportRunning bounds how many running cases such a line names.
	reportRunning = 4
)

// progressLine shows where a run is, and failures as they happen: on one line of
// a terminal that it rewrites, elsewhere on a line at times. Its methods are safe
// for concurrent use.
type progressLine struct {
	w        io.Writer
	terminal bool
	color    bool
	stop     chan struct{}
	ended    sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	start   time.Time
	current runner.Progress
	broken  int
}

// newProgressLine starts a line, which close must end.
func newProgressLine(w io.Writer) *progressLine {
	p := &progressLine{w: w, start: time.Now(), stop: make(chan struct{})}
	if _, ok := cli.Terminal(w); ok && os.Getenv("TERM") != "dumb" {
		p.terminal, p.color = true, cli.Colors(w)
		p.draw()
	}
	p.ended.Go(p.tick)
	return p
}

func (p *progressLine) tick() {
	every := reportEvery
	if p.terminal {
		every = redrawEvery
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			p.mu.Lock()
			if p.terminal {
				p.draw()
			} else {
				fmt.Fprintln(p.w, p.text())
			}
			p.mu.Unlock()
		case <-p.stop:
			return
		}
	}
}

// update shows the run's progress.
func (p *progressLine) update(now runner.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current = now
	if last := now.Last; last != nil && (last.Status == verdict.Fail || last.Status == verdict.HarnessError) {
		p.broken++
		p.failed(last)
	}
	p.draw()
}

// failed prints one line about a failure; the report has the rest.
func (p *progressLine) failed(res *verdict.Result) {
	reason, _, _ := strings.Cut(report.Printable(res.Reason), "\n")
	p.println(fmt.Sprintf("%s  %s  %s", strings.ToUpper(string(res.Status)), res.ID, reason))
}

// say prints a line above the progress.
func (p *progressLine) say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.println(text)
	p.draw()
}

func (p *progressLine) println(text string) {
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
	fmt.Fprintln(p.w, cut(text, cli.Width(p.w)))
}

// cut shortens text to a number of columns.
func cut(text string, columns int) string {
	if utf8.RuneCountInString(text) <= columns {
		return text
	}
	return string([]rune(text)[:columns-1]) + "…"
}

// close ends the line and leaves nothing of it.
func (p *progressLine) close() {
	close(p.stop)
	p.ended.Wait()
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// draw rewrites a terminal's line.
func (p *progressLine) draw() {
	if !p.terminal {
		return
	}
	// The last column stays free: some terminals would move on to a new line.
	text := cut(p.text(), cli.Width(p.w)-1)
	if p.color && p.broken > 0 {
		text = strings.Replace(text, p.failures(), "\x1b[31m"+p.failures()+"\x1b[0m", 1)
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s", text)
}

func (p *progressLine) failures() string { return fmt.Sprintf("%d failed", p.broken) }

// text is the line without colours.
func (p *progressLine) text() string {
	seconds := time.Since(p.start).Seconds()
	if p.current.Total == 0 {
		return fmt.Sprintf("starting the agent  %.0f s", seconds)
	}
	parts := []string{fmt.Sprintf("%d/%d", p.current.Done, p.current.Total)}
	if p.terminal {
		parts = append([]string{bar(p.current.Done, p.current.Total)}, parts...)
	}
	if p.broken > 0 {
		parts = append(parts, p.failures())
	}
	parts = append(parts, fmt.Sprintf("%.0f s", seconds))
	running := p.current.Running
	if n := len(running) - reportRunning; n > 0 && !p.terminal {
		running = append(slices.Clone(running[:reportRunning]), fmt.Sprintf("and %d more", n))
	}
	return strings.Join(append(parts, running...), "  ")
}

const barWidth = 24

// bar is done of total, in eighths of a column.
func bar(done, total int) string {
	eighths := done * barWidth * 8 / total
	line := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		line += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return "▕" + line + strings.Repeat(" ", barWidth-utf8.RuneCountInString(line)) + "▏"
}
