package record

import (
	"encoding/json"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/helper"
	"agentproof/suite/transcript"
	"agentproof/suite/verdict"
)

// Limits is what a transcript shows of a message: enough to compare what a
// helper reports, and not so much that nobody reads it.
func Limits(mask *transcript.Mask) transcript.Limits {
	return transcript.Limits{Bytes: 16383, Items: 200, Digest: true, Mask: mask}
}

// Knows makes what is particular to an agent a placeholder. It is called when a
// case begins on one, and again for what was learnt since. hide adds to the
// mask; the suffix, which is empty for the agent of a case's first subject base,
// tells the placeholders of several agents apart.
func (r *Recorder) Knows(base string, hide func(mask *transcript.Mask, suffix string)) {
	r.mu.Lock()
	if r.base == "" {
		r.base = base
	}
	suffix := ""
	if r.base != base {
		suffix = "-beside" // another agent of the same case
	}
	r.mu.Unlock()
	hide(&r.mask, suffix)
}

// learn makes ids that a reply gives out placeholders, for later requests use
// them, and keeps track of terminals. It is called with the lock held.
func (r *Recorder) learn(c *Call, reply []byte) {
	op := c.sent.Op()
	switch op {
	case "pty_open", "pty_close", "desktop_ensure", "exec":
	default:
		return
	}
	req, resp := &agentv1.ControlRequest{}, &agentv1.ControlResponse{}
	if proto.Unmarshal(c.line.data, req) != nil || proto.Unmarshal(reply, resp) != nil {
		return
	}
	r.names = NameIDs(&r.mask, r.names, resp)
	if p := resp.GetPtyOpen(); p != nil {
		r.ptys[p.GetPtyId()] = p.GetChannel().GetChannelId()
	}
	id := req.GetPtyClose().GetPtyId()
	if channel, open := r.ptys[id]; open && op == "pty_close" && resp.GetError().GetCode() != agentv1.ErrorCode_ERROR_CODE_FENCED {
		delete(r.ptys, id)
		r.closed = append(r.closed, channel)
	}
}

// NameIDs makes what a response gives out for later requests placeholders,
// which are numbered in the order of the responses: the ids of terminals and
// channels, and the directories that helpers make elsewhere. count is how many
// responses were numbered before, and the result how many are now.
func NameIDs(mask *transcript.Mask, count int, resp *agentv1.ControlResponse) int {
	channel := resp.GetPtyOpen().GetChannel()
	if channel == nil {
		channel = resp.GetDesktopEnsure().GetChannel()
	}
	var place helper.Place
	if out := resp.GetExec().GetStdout(); len(out) < 4096 && json.Unmarshal(out, &place) != nil {
		place.Path = ""
	}
	if channel == nil && !strings.Contains(place.Path, "/agentproof-") {
		return count
	}
	count++
	n := strconv.Itoa(count)
	mask.Add("{place-"+n+"}", place.Path)
	mask.Add("{display}", resp.GetDesktopEnsure().GetDisplay().GetId())
	mask.Add("{terminal-"+n+"}", resp.GetPtyOpen().GetPtyId())
	mask.Add("{channel-"+n+"}", channel.GetChannelId())
	return count
}

// Transcript renders what is remembered of a case that had a result, judged by a
// revision of the specification.
func (r *Recorder) Transcript(res *verdict.Result, revision string) *transcript.Transcript {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &transcript.Transcript{Header: transcript.Header{
		Case: res.ID, Clause: res.Clause, Status: string(res.Status),
		Base: string(r.mask.Hide([]byte(r.base))), Revision: revision,
	}}
	for _, l := range r.head {
		t.Messages = append(t.Messages, r.render(l))
	}
	if r.cut > 0 {
		t.Messages = append(t.Messages, transcript.Message{
			Micros: r.tail[0].Micros, Kind: transcript.Cut, Count: r.cut,
			Text: "more messages than a transcript keeps",
		})
	}
	for _, l := range r.tail {
		t.Messages = append(t.Messages, r.render(l))
	}
	return t
}

// render turns a line into what a transcript shows of it.
func (r *Recorder) render(l *line) transcript.Message {
	if l.rendered {
		return l.Message
	}
	l.rendered = true
	l.Subject = string(r.mask.Hide([]byte(l.Subject)))
	l.Text = string(r.mask.Hide([]byte(l.Text)))
	var m proto.Message
	switch l.Kind {
	case transcript.Request:
		m = &agentv1.ControlRequest{}
		r.replayable(l)
	case transcript.Reply:
		m = &agentv1.ControlResponse{}
	case transcript.Hello:
		m = &agentv1.Hello{}
	case transcript.Event:
		m = &agentv1.AgentEvent{}
	default:
		return l.Message
	}
	shown := transcript.Render(l.data, m, Limits(&r.mask))
	l.Message.Message, l.Notes, l.Beside = shown.JSON, shown.Notes, shown.Beside
	l.data = nil
	return l.Message
}

// replayable keeps what is needed to send a request again, or says why that
// cannot be.
func (r *Recorder) replayable(l *line) {
	switch {
	case !l.own:
		l.CannotReplay = "it went to another subject than the agent's, or came from another connection than the suite's"
	case len(l.data) > wholeBytes:
		l.CannotReplay = "it is larger than what a transcript keeps"
	case len(l.data) == 0:
		l.Empty = true
	default:
		raw := r.mask.HideMessage(l.data, (&agentv1.ControlRequest{}).ProtoReflect().Descriptor())
		if r.mask.ShowsSecret(raw) {
			l.CannotReplay = "it holds a secret where no placeholder can stand"
			return
		}
		l.Raw = raw
	}
}
