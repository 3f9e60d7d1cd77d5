package doctor

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"agentproof/suite/subject"
)

// How much of an agent's output is shown: the cause of a failure often comes
// first and its consequences last.
const (
	firstLines = 6
	lastLines  = 8
)

// printed keeps both ends of what an agent prints. It is safe for concurrent
// use.
type printed struct {
	limit int // bytes of each end

	mu      sync.Mutex
	head    []byte
	tail    []byte
	dropped int // lines between the two
}

// by returns s with its output copied to p.
func (p *printed) by(s subject.Subject) subject.Subject {
	start := s.Start
	s.Start = func(ctx context.Context, env subject.Environment) (subject.Process, error) {
		if env.Output == nil {
			env.Output = p
		} else {
			env.Output = io.MultiWriter(p, env.Output)
		}
		return start(ctx, env)
	}
	return s
}

func (p *printed) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(len(data), p.limit-len(p.head))
	p.head = append(p.head, data[:n]...)
	p.tail = append(p.tail, data[n:]...)
	if over := len(p.tail) - p.limit; over > p.limit { // now and then, not at every byte
		p.dropped += bytes.Count(p.tail[:over], []byte("\n"))
		p.tail = bytes.Clone(p.tail[over:])
	}
	return len(data), nil
}

// String returns the first and the last lines, and how many lie between.
func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines := strings.Split(strings.TrimRight(string(p.head)+string(p.tail), "\n"), "\n")
	omitted := len(lines) - firstLines - lastLines + p.dropped
	if omitted <= 1 { // one line takes no more room than its omission
		return strings.Join(lines, "\n")
	}
	first, last := lines[:firstLines], lines[max(firstLines, len(lines)-lastLines):]
	return strings.Join(first, "\n") + fmt.Sprintf("\n… %d lines more …\n", omitted) + strings.Join(last, "\n")
}
