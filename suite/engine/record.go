package engine

import (
	"bytes"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"agentproof/suite/transcript"
	"agentproof/suite/verdict"
)

const (
	// keptExchanges bounds what a failure can show; the latest are kept.
	keptExchanges = 8
	// keptMessages and keptBytes bound what is remembered of the first messages
	// of a case, and once more of the last; what lies between is cut.
	keptMessages = 1000
	keptBytes    = 2 << 20
	// wholeBytes is the size up to which a message is kept whole. What is
	// larger is kept as long as a failure can show it, and as text after that.
	wholeBytes = 64 << 10
)

// recorder remembers what went over the wire while a case ran, for the report
// and for the transcript, and what the monitors found in it. It is safe for
// concurrent use.
type recorder struct {
	start time.Time
	mask  transcript.Mask
	// digest is whether large messages are worth the work of keeping their
	// text: whether there will be a transcript.
	digest bool

	mu        sync.Mutex // guards the fields below
	base      string     // of the case's first instance
	calls     int
	names     int               // placeholders that are numbered
	ptys      map[string]string // channels of open terminals, by id
	closed    []string          // channels of those that were closed
	processes bool              // an operation that starts processes was asked for
	recent    []*call           // the latest calls, oldest first
	head      []*line
	tail      []*line
	headBytes int
	tailBytes int
	cut       int // messages between head and tail
	findings  []finding
	inboxes   map[string]bool // reply subjects of other connections, answered
	strays    []string        // what came on them and nobody waited for
	over      func(finding)   // takes findings after the case's end
}

// line is one message of a case. It is rendered when the case has ended, or
// when it grew old and is large.
type line struct {
	transcript.Message
	data     []byte
	rendered bool
	own      bool // on the agent's rpc subject
}

func newRecorder(digest bool) *recorder {
	return &recorder{start: time.Now(), digest: digest, inboxes: make(map[string]bool), ptys: make(map[string]string)}
}

// call is one request and what came of it. Its methods may be called from any
// goroutine.
type call struct {
	rec   *recorder
	sent  envelope
	valid bool // the request decodes
	line  *line
	reply *line
	start time.Time

	// guarded by rec.mu
	x       verdict.Exchange
	done    bool
	replies int
}

// sending is a request that is about to be sent.
type sending struct {
	subject string
	payload []byte
	header  nats.Header
	own     bool // it goes to the agent's rpc subject
	valid   bool // it decodes
	aside   bool // it is the suite's tidying up, which explains no failure
}

// request notes a request.
func (r *recorder) request(s sending) *call {
	now := time.Now()
	c := &call{
		rec: r, sent: peek(s.payload), valid: s.valid, start: now,
		x: verdict.Exchange{Subject: s.subject, Request: s.payload},
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	switch memberName(c.sent.op) {
	case "exec", "git", "pty_open":
		r.processes = true
	}
	c.line = r.add(&line{own: s.own, data: s.payload, Message: transcript.Message{
		Micros: now.Sub(r.start).Microseconds(), Kind: transcript.Request, Dir: transcript.ToAgent,
		ID: r.calls, Subject: s.subject, Header: s.header, Size: len(s.payload),
	}})
	if s.aside {
		return c
	}
	r.recent = append(r.recent, c)
	if len(r.recent) > keptExchanges {
		old := r.recent[0]
		r.recent = r.recent[1:]
		r.shrink(old.line)
		r.shrink(old.reply)
	}
	return c
}

// replied notes a reply that came at a time, and judges it. It returns false
// for one too many.
func (c *call) replied(data []byte, at time.Time) bool {
	c.rec.mu.Lock()
	defer c.rec.mu.Unlock()
	l := c.rec.add(&line{data: data, Message: transcript.Message{
		Micros: at.Sub(c.rec.start).Microseconds(), Kind: transcript.Reply, Dir: transcript.FromAgent,
		To: c.line.ID, Size: len(data),
	}})
	if c.replies++; c.replies > 1 {
		c.rec.find(secondReply)
		return false
	}
	c.reply = l
	if !c.done {
		c.done = true
		c.x.Response, c.x.Took = data, at.Sub(c.start)
	}
	if !slices.Contains(c.rec.recent, c) {
		c.rec.shrink(l)
	}
	c.rec.learn(c, data)
	for _, f := range judgeReply(c.sent, c.valid, data) {
		c.rec.find(f.finding)
	}
	return true
}

// taken makes a reply the outcome that is shown, also of a request that was
// given up once.
func (c *call) taken(data []byte) {
	c.rec.mu.Lock()
	defer c.rec.mu.Unlock()
	c.x.Response, c.x.Err = data, nil
}

// silent notes why a request has no reply.
func (c *call) silent(err error) {
	c.rec.mu.Lock()
	defer c.rec.mu.Unlock()
	took := time.Since(c.start)
	c.rec.add(&line{Message: transcript.Message{
		Micros: (c.start.Sub(c.rec.start) + took).Microseconds(), Kind: transcript.Silence, To: c.line.ID, Text: err.Error(),
	}})
	if !c.done {
		c.done = true
		c.x.Err, c.x.Took = err, took
	}
}

// exchange notes a request over another connection that is over already. The
// inbox is where replies to it arrive.
func (r *recorder) exchange(x verdict.Exchange, start time.Time, header nats.Header, inbox string, own bool) {
	c := r.request(sending{subject: x.Subject, payload: x.Request, header: header, own: own, valid: true})
	c.start = start
	r.mu.Lock()
	c.line.Micros = start.Sub(r.start).Microseconds()
	if x.Response != nil {
		r.inboxes[inbox] = true
	}
	r.mu.Unlock()
	if x.Response != nil {
		c.replied(x.Response, start.Add(x.Took))
	}
	if x.Err != nil {
		c.silent(x.Err)
	}
}

// stray notes a message on a reply subject of another connection that nobody
// waits for: one that is late, or one too many.
func (r *recorder) stray(inbox string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.strays = append(r.strays, inbox)
}

// heard notes what the agent sent by itself.
func (r *recorder) heard(kind string, msg *nats.Msg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(&line{data: msg.Data, Message: transcript.Message{
		Micros: time.Since(r.start).Microseconds(), Kind: kind, Dir: transcript.FromAgent,
		Subject: msg.Subject, Header: msg.Header, Size: len(msg.Data),
	}})
}

// streamed notes what a viewer of a channel saw or did. Frames that follow
// each other are one line.
func (r *recorder) streamed(dir, channel, what string, size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last := r.last(); last != nil && last.Kind == transcript.Stream &&
		last.Dir == dir && last.Subject == channel && last.Text == what {
		last.Count++
		last.Size += size
		return
	}
	r.add(&line{Message: transcript.Message{
		Micros: time.Since(r.start).Microseconds(), Kind: transcript.Stream, Dir: dir,
		Subject: channel, Text: what, Size: size, Count: 1,
	}})
}

func (r *recorder) last() *line {
	switch {
	case len(r.tail) > 0:
		return r.tail[len(r.tail)-1]
	case len(r.head) > 0:
		return r.head[len(r.head)-1]
	default:
		return nil
	}
}

// add remembers a line, and forgets another where there are too many. It is
// called with the lock held.
func (r *recorder) add(l *line) *line {
	size := min(len(l.data), wholeBytes)
	if len(r.head) < keptMessages && r.headBytes+size <= keptBytes && len(r.tail) == 0 {
		r.head, r.headBytes = append(r.head, l), r.headBytes+size
		return l
	}
	r.tail, r.tailBytes = append(r.tail, l), r.tailBytes+size
	for len(r.tail) > keptMessages || r.tailBytes > keptBytes && len(r.tail) > 1 {
		r.tailBytes -= min(r.tail[0].Size, wholeBytes)
		r.tail = r.tail[1:]
		r.cut++
	}
	return l
}

// shrink turns a large line into text, without the lock for nobody else looks
// at its content. What no transcript will show is dropped.
func (r *recorder) shrink(l *line) {
	if l == nil || len(l.data) <= wholeBytes {
		return
	}
	if r.digest {
		r.render(l)
	}
	l.data = nil
}

// exchanges are the latest for the report.
func (r *recorder) exchanges() []verdict.Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []verdict.Exchange
	for _, c := range r.recent {
		if c.done {
			out = append(out, c.x)
		}
	}
	return out
}

// find keeps what a monitor found, or passes it on when the case is over. It
// is called with the lock held.
func (r *recorder) find(f finding) {
	if r.over != nil {
		r.over(f)
		return
	}
	if slices.Contains(r.findings, f) {
		return
	}
	r.findings = append(r.findings, f)
	r.add(&line{Message: transcript.Message{
		Micros: time.Since(r.start).Microseconds(), Kind: transcript.Finding, Text: f.String(),
	}})
}

// found returns what the monitors found so far.
func (r *recorder) found() []finding {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, inbox := range r.strays {
		if r.inboxes[inbox] {
			r.find(secondReply)
		}
	}
	r.strays = nil
	return slices.Clone(r.findings)
}

// close passes what is found from now on to late.
func (r *recorder) close(late func(finding)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = late
}

// used tells whether anything went over the wire.
func (r *recorder) used() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.head) > 0
}

// adopt takes what was found elsewhere for the case's.
func (r *recorder) adopt(findings []finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range findings {
		r.find(f)
	}
}

// channels are those of the case's terminals: of the ones that are still open
// by the terminal's id, and of the ones that were closed.
func (r *recorder) channels() (open map[string]string, closed []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.ptys), slices.Clone(r.closed)
}

// startsProcesses tells whether the case asked for something that starts
// processes.
func (r *recorder) startsProcesses() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.processes
}

// mentions tells whether a request of the case holds a name.
func (r *recorder) mentions(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range slices.Concat(r.head, r.tail) {
		if l.Kind == transcript.Request && bytes.Contains(l.data, []byte(name)) {
			return true
		}
	}
	return false
}
