// Package record remembers what went over the wire while a case ran, and what the
// monitors found in it.
package record

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/monitor"
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

// Recorder remembers what went over the wire while a case ran, for the report
// and for the transcript, and what the monitors found in it. It is bounded, and
// safe for concurrent use.
type Recorder struct {
	start time.Time
	mask  transcript.Mask
	// digest is whether large messages are worth the work of keeping their
	// text: whether there will be a transcript.
	digest bool

	mu         sync.Mutex // guards the fields below
	base       string     // of the case's first instance
	calls      int
	names      int               // placeholders that are numbered
	ptys       map[string]string // channels of open terminals, by id
	closed     []string          // channels of those that were closed
	processes  bool              // an operation that starts processes was asked for
	recent     []*Call           // the latest calls, oldest first
	head       []*line
	tail       []*line
	headBytes  int
	tailBytes  int
	cut        int // messages between head and tail
	unanswered int // requests without a reply
	findings   []monitor.Finding
	inboxes    map[string]bool       // reply subjects of other connections, answered
	strays     []string              // what came on them and nobody waited for
	over       func(monitor.Finding) // takes findings after the case's end
}

// line is one message of a case. It is rendered when the case has ended, or
// when it grew old and is large.
type line struct {
	transcript.Message
	data     []byte
	rendered bool
	own      bool // on the agent's rpc subject
}

// New begins a record. digest is whether there will be a transcript.
func New(digest bool) *Recorder {
	return &Recorder{start: time.Now(), digest: digest, inboxes: make(map[string]bool), ptys: make(map[string]string)}
}

// Call is one request and what came of it. It is safe for concurrent use.
type Call struct {
	rec   *Recorder
	sent  monitor.Envelope
	valid bool // the request decodes
	line  *line
	reply *line
	start time.Time

	// guarded by rec.mu
	x       verdict.Exchange
	done    bool
	replies int
}

// Sending is a request that is about to be sent.
type Sending struct {
	Subject string
	Payload []byte
	Header  nats.Header
	Own     bool // it goes to the agent's rpc subject
	Valid   bool // it decodes
	Aside   bool // it is the suite's tidying up, which explains no failure
}

// Request notes a request.
func (r *Recorder) Request(s Sending) *Call {
	now := time.Now()
	c := &Call{
		rec: r, sent: monitor.Peek(s.Payload), valid: s.Valid, start: now,
		x: verdict.Exchange{Subject: s.Subject, Request: s.Payload},
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	r.unanswered++
	switch c.sent.Op() {
	case "exec", "git", "pty_open":
		r.processes = true
	}
	c.line = r.add(&line{own: s.Own, data: s.Payload, Message: transcript.Message{
		Micros: now.Sub(r.start).Microseconds(), Kind: transcript.Request, Dir: transcript.ToAgent,
		ID: r.calls, Subject: s.Subject, Header: s.Header, Size: len(s.Payload),
	}})
	if s.Aside {
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

// Replied notes a reply that came at a time, and judges it. It returns false
// for one too many.
func (c *Call) Replied(data []byte, at time.Time) bool {
	c.rec.mu.Lock()
	defer c.rec.mu.Unlock()
	l := c.rec.add(&line{data: data, Message: transcript.Message{
		Micros: at.Sub(c.rec.start).Microseconds(), Kind: transcript.Reply, Dir: transcript.FromAgent,
		To: c.line.ID, Size: len(data),
	}})
	if c.replies++; c.replies == 1 {
		c.rec.unanswered--
	} else {
		c.rec.find(monitor.SecondReply())
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
	for _, b := range c.Judge(data) {
		c.rec.find(b.Finding)
	}
	return true
}

// Judge says what a reply to the request breaks, whatever the operation.
func (c *Call) Judge(reply []byte) []monitor.Breach {
	return monitor.JudgeReply(c.sent, c.valid, reply)
}

// Taken makes a reply the outcome that is shown, also of a request that was
// given up once.
func (c *Call) Taken(data []byte) {
	c.rec.mu.Lock()
	defer c.rec.mu.Unlock()
	c.x.Response, c.x.Err = data, nil
}

// Silent notes why a request has no reply.
func (c *Call) Silent(err error) {
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

// Exchange notes a request over another connection that is over already. The
// inbox is where replies to it arrive.
func (r *Recorder) Exchange(x verdict.Exchange, start time.Time, header nats.Header, inbox string, own bool) {
	c := r.Request(Sending{Subject: x.Subject, Payload: x.Request, Header: header, Own: own, Valid: true})
	c.start = start
	r.mu.Lock()
	c.line.Micros = start.Sub(r.start).Microseconds()
	if x.Response != nil {
		r.inboxes[inbox] = true
	}
	r.mu.Unlock()
	if x.Response != nil {
		c.Replied(x.Response, start.Add(x.Took))
	}
	if x.Err != nil {
		c.Silent(x.Err)
	}
}

// Stray notes a message on a reply subject of another connection that nobody
// waits for: one that is late, or one too many.
func (r *Recorder) Stray(inbox string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.strays = append(r.strays, inbox)
}

// Heard notes what the agent sent by itself; kind is the transcript's.
func (r *Recorder) Heard(kind string, msg *nats.Msg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(&line{data: msg.Data, Message: transcript.Message{
		Micros: time.Since(r.start).Microseconds(), Kind: kind, Dir: transcript.FromAgent,
		Subject: msg.Subject, Header: msg.Header, Size: len(msg.Data),
	}})
}

// Streamed notes what a viewer of a channel saw or did, in which direction of the
// transcript's, and how many bytes that was. Frames that follow
// each other are one line.
func (r *Recorder) Streamed(dir, channel, what string, size int) {
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

// Arranged notes a program that ran beside the agent, and how it ended. A
// transcript has it so that a replay can do the same.
func (r *Recorder) Arranged(dir string, argv []string, resp *agentv1.ExecResponse) {
	text, err := json.Marshal(append([]string{dir}, argv...))
	if err != nil {
		return // strings always encode
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names = NameIDs(&r.mask, r.names, &agentv1.ControlResponse{Result: &agentv1.ControlResponse_Exec{Exec: resp}})
	r.add(&line{Message: transcript.Message{
		Micros: time.Since(r.start).Microseconds(), Kind: transcript.Arranged, Text: string(text),
	}})
}

func (r *Recorder) last() *line {
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
func (r *Recorder) add(l *line) *line {
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
func (r *Recorder) shrink(l *line) {
	if l == nil || len(l.data) <= wholeBytes {
		return
	}
	if r.digest {
		r.render(l)
	}
	l.data = nil
}

// Exchanges are the latest for the report.
func (r *Recorder) Exchanges() []verdict.Exchange {
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
func (r *Recorder) find(f monitor.Finding) {
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

// Found returns what the monitors found so far.
func (r *Recorder) Found() []monitor.Finding {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, inbox := range r.strays {
		if r.inboxes[inbox] {
			r.find(monitor.SecondReply())
		}
	}
	r.strays = nil
	return slices.Clone(r.findings)
}

// Close passes what is found from now on to late, which is called with the
// Recorder locked.
func (r *Recorder) Close(late func(monitor.Finding)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = late
}

// Used tells whether anything went over the wire.
func (r *Recorder) Used() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.head) > 0
}

// Adopt takes what was found elsewhere for the case's.
func (r *Recorder) Adopt(findings []monitor.Finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range findings {
		r.find(f)
	}
}

// Channels are those of the case's terminals: of the ones that are still open
// by the terminal's id, and of the ones that were closed.
func (r *Recorder) Channels() (open map[string]string, closed []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.ptys), slices.Clone(r.closed)
}

// Pending reports whether a request has no reply: the agent may still be at work
// on it.
func (r *Recorder) Pending() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.unanswered > 0
}

// StartsProcesses tells whether the case asked for something that starts
// processes.
func (r *Recorder) StartsProcesses() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.processes
}

// Mentions tells whether a request of the case holds a name.
func (r *Recorder) Mentions(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range slices.Concat(r.head, r.tail) {
		if l.Kind == transcript.Request && bytes.Contains(l.data, []byte(name)) {
			return true
		}
	}
	return false
}
