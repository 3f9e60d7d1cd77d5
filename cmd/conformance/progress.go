package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"agentproof/internal/cli"
	"agentproof/suite/runner"
	"agentproof/suite/verdict"
)

// redrawEvery keeps the clock of a progress line going while cases wait.
const redrawEvery = time.Second

// progressLine shows where a run is, on one line of a terminal that it
// rewrites. On anything else it is silent. Its methods are safe for concurrent
// use.
type progressLine struct {
	w     io.Writer // nil for silence
	color bool
	stop  chan struct{}
	ended sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	start   time.Time
	current runner.Progress
	broken  int
}

// newProgressLine starts a line, which close must end.
func newProgressLine(w io.Writer) *progressLine {
	p := &progressLine{start: time.Now(), stop: make(chan struct{})}
	if _, ok := cli.Terminal(w); !ok || os.Getenv("TERM") == "dumb" {
		return p
	}
	p.w, p.color = w, cli.Colors(w)
	p.draw()
	p.ended.Go(p.tick)
	return p
}

func (p *progressLine) tick() {
	ticker := time.NewTicker(redrawEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			p.mu.Lock()
			p.draw()
			p.mu.Unlock()
		case <-p.stop:
			return
		}
	}
}

// update shows what the run says.
func (p *progressLine) update(now runner.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current = now
	if last := now.Last; last != nil && (last.Status == verdict.Fail || last.Status == verdict.HarnessError) {
		p.broken++
	}
	p.draw()
}

// close ends the line and leaves nothing of it.
func (p *progressLine) close() {
	close(p.stop)
	p.ended.Wait()
	if p.w != nil {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

func (p *progressLine) draw() {
	if p.w == nil {
		return
	}
	text := p.text()
	// The last column stays free: some terminals would move on to a new line.
	if room := cli.Width(p.w) - 1; utf8.RuneCountInString(text) > room {
		text = string([]rune(text)[:room-1]) + "…"
	}
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
	parts := []string{bar(p.current.Done, p.current.Total), fmt.Sprintf("%d/%d", p.current.Done, p.current.Total)}
	if p.broken > 0 {
		parts = append(parts, p.failures())
	}
	parts = append(parts, fmt.Sprintf("%.0f s", seconds))
	parts = append(parts, p.current.Running...)
	return strings.Join(parts, "  ")
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
