package engine

import (
	"fmt"
	"strings"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/verdict"
)

// finding is what a monitor has against the subject: a clause that it broke in
// whatever case, or something that it left behind.
type finding struct {
	// clause is the one that is broken; its level decides between a failure
	// and a warning. A leak only names the clause whose case accounts for it
	// where no other case can: it is always a warning, for no clause forbids
	// all of it.
	clause string
	leak   bool
	verdict.Failure
}

func (f finding) String() string {
	if f.leak {
		return "leak: " + f.Failure.String()
	}
	return f.Failure.String()
}

// broke makes a finding about a clause, which it names.
func broke(clause, want, got string) finding {
	return finding{clause: clause, Failure: verdict.Failure{Want: want + " (" + clause + ")", Got: got}}
}

var secondReply = broke("subject.rpc", "one reply to one request", "a second reply")

// envelope is what a monitor looks at of a request or a response.
type envelope struct {
	id      string
	op      protowire.Number // the member of the op or the result; 0 is none
	ops     int              // how many there are
	failed  bool             // an error is set
	decodes bool             // as far as it was looked at
}

// peek reads an envelope without decoding what is in it, which may be large.
func peek(data []byte) envelope {
	const id, second, firstOp = 1, 2, 10
	e := envelope{}
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return envelope{}
		}
		size := protowire.ConsumeFieldValue(number, kind, data[n:])
		if size < 0 {
			return envelope{}
		}
		if kind == protowire.BytesType {
			content, _ := protowire.ConsumeBytes(data[n:])
			switch {
			case number == id:
				e.id = string(content)
			case number == second:
				e.failed = true
			case number >= firstOp && memberName(number) != "":
				e.op = number
				e.ops++
			}
		}
		data = data[n+size:]
	}
	e.decodes = true
	return e
}

// memberName is the name of an operation, which is also that of its result.
func memberName(number protowire.Number) string {
	members := (*agentv1.ControlResponse)(nil).ProtoReflect().Descriptor().Oneofs().ByName("result").Fields()
	if f := members.ByNumber(number); f != nil {
		return string(f.Name())
	}
	return ""
}

// breach is a finding in a reply; fatal when nothing else in it can be judged.
type breach struct {
	finding
	fatal bool
}

// judgeReply says what a reply breaks, whatever the operation. What a request that
// does not decode, or that holds several operations, is answered with is for
// cases to say.
func judgeReply(sent envelope, valid bool, reply []byte) []breach {
	got := peek(reply)
	if !got.decodes {
		f := finding{clause: "envelope.result-xor-error", Failure: verdict.Failure{
			Want: "a reply that decodes as a ControlResponse", Got: fmt.Sprintf("%d bytes that do not", len(reply)),
		}}
		return []breach{{f, true}}
	}
	var out []breach
	if valid && got.id != sent.id {
		out = append(out, breach{broke("envelope.request-id", "the request's id echoed", "another id"), false})
	}
	switch {
	case got.failed && got.op != 0:
		out = append(out, breach{broke("envelope.result-xor-error", "a result or an error, not both", "both"), false})
	case !got.failed && got.op == 0:
		out = append(out, breach{broke("envelope.result-xor-error", "a result or an error", "neither"), true})
	case valid && sent.ops <= 1 && got.op != 0 && got.op != sent.op:
		out = append(out, breach{broke("envelope.result-matches-op",
			"a result of "+memberName(sent.op), "one of "+memberName(got.op)), true})
	}
	return out
}

// watchdog judges what an agent does by itself. It is safe for concurrent use.
type watchdog struct {
	base, agent string
	// disturbed counts what may cost the agent's messages or the runner's
	// sight of them: outages, cut connections. Gaps across one mean nothing.
	disturbed func() int
	// gaps is whether a gap in the heartbeats can be judged at all: whether
	// the agent's connection is the run's own.
	gaps bool

	mu        sync.Mutex // guards the fields below
	found     []finding
	seq       uint64 // of the last heartbeat; 0 after a Hello and at the start
	greeted   bool   // a Hello came, and no heartbeat since
	uptime    uint64
	calm      int // disturbed at the last heartbeat or Hello
	heartbeat bool
}

// find keeps a finding once.
func (w *watchdog) find(f finding) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keep(f)
}

func (w *watchdog) keep(f finding) {
	for _, known := range w.found {
		if known == f {
			return
		}
	}
	w.found = append(w.found, f)
}

// findings are those so far.
func (w *watchdog) findings() []finding {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]finding(nil), w.found...)
}

// announced judges a Hello or an event.
func (w *watchdog) announced(a Announcement) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case a.Err != nil:
		w.keep(broke("lifecycle.hello", "announcements that decode", "one that does not"))
	case a.Hello != nil:
		w.greeted, w.seq, w.uptime, w.heartbeat = true, 0, 0, false
		w.calm = w.disturbed()
	case a.Event != nil:
		if a.Event.GetAgentId() != w.agent {
			w.keep(broke("lifecycle.event-agent-id", "events with the agent's own id", "one with another"))
		}
		if h := a.Event.GetHeartbeat(); h != nil {
			w.beat(h)
		}
	}
}

// beat judges a heartbeat by the one before.
func (w *watchdog) beat(h *agentv1.Heartbeat) {
	disturbed := w.disturbed()
	calm := disturbed == w.calm
	w.calm = disturbed
	switch {
	case w.greeted && calm && w.gaps && h.GetSeq() != 1:
		w.keep(broke("lifecycle.heartbeat-seq", "seq 1 in the first heartbeat after a Hello", "another"))
	case w.heartbeat && calm && h.GetSeq() <= w.seq:
		w.keep(broke("lifecycle.heartbeat-seq", "a seq that grows by 1 from heartbeat to heartbeat", "one that does not grow"))
	case w.heartbeat && calm && w.gaps && h.GetSeq() != w.seq+1:
		w.keep(broke("lifecycle.heartbeat-seq", "a seq that grows by 1 from heartbeat to heartbeat", "a gap"))
	}
	if w.heartbeat && calm && h.GetUptimeMs() < w.uptime {
		w.keep(broke("lifecycle.heartbeat-uptime", "an uptime that never decreases", "one that does"))
	}
	w.greeted, w.heartbeat, w.seq, w.uptime = false, true, h.GetSeq(), h.GetUptimeMs()
}

// published judges a message under the workspace's subjects, as a broker's
// observer sees it. The runner's own name their case.
// It tells whether the message is the agent's and nobody asked for it.
func (w *watchdog) published(subject string, named bool) bool {
	if named || subject == w.base+".hello" || subject == w.base+".events" {
		return false
	}
	got := strings.ReplaceAll(subject, w.base, "<base>")
	w.find(broke("subject.scope", "messages on <base>.hello and <base>.events only, beside replies", "one on "+got))
	return true
}
