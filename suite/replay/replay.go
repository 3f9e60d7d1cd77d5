// Package replay sends the requests of a transcript again, to another agent or to
// the same one after a change, and compares what comes back.
package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/instance"
	"agentproof/suite/monitor"
	"agentproof/suite/record"
	"agentproof/suite/subject"
	"agentproof/suite/transcript"
	"agentproof/suite/wait"
	"agentproof/suite/wire"
)

// ErrNothingToReplay is returned by Run for a transcript without a request
// that can be sent again.
var ErrNothingToReplay = errors.New("the transcript holds no request that can be sent again")

// ErrNeedsOwnAgent is wrapped by Run's error when the case is not for an
// agent that somebody uses.
var ErrNeedsOwnAgent = errors.New("the transcript's case needs an agent of its own")

// Options says what a transcript is replayed against. Cases and Subject are
// required.
type Options struct {
	// Cases holds the case of the transcript, if there still is one.
	Cases   []engine.Case
	Subject subject.Subject
	// TimeoutScale stretches the harness's own limits; 0 means 1.
	TimeoutScale float64
	// HelperProgram is an executable that calls helper.Intercept.
	HelperProgram string
}

// Replayed is what came of one request of a transcript.
type Replayed struct {
	ID   int
	Op   string
	Size int
	// Skipped says why it was not sent, empty if it was.
	Skipped     string
	Differences []transcript.Difference
}

// Run starts an instance as the transcript's case had it, or uses the attached
// one, sends the requests again at their pace and compares the replies with
// those of the transcript. A request is sent when all replies have come that had
// come before it. The error wraps instance.ErrNeverReady when the agent never
// became ready.
func Run(ctx context.Context, opts Options, t *transcript.Transcript) ([]Replayed, error) {
	if !slices.ContainsFunc(t.Messages, func(m transcript.Message) bool { return m.Replayable() }) {
		return nil, ErrNothingToReplay
	}
	kase := &engine.Case{ID: t.Case}
	if i := slices.IndexFunc(opts.Cases, func(c engine.Case) bool { return c.ID == t.Case }); i >= 0 {
		kase = &opts.Cases[i]
	}
	conf := instance.Config{Subject: opts.Subject, TimeoutScale: opts.TimeoutScale, HelperProgram: opts.HelperProgram}
	inst, err := prepare(ctx, &conf, kase)
	if err != nil {
		return nil, err
	}
	defer inst.Stop(ctx)
	p := &replay{conf: &conf, kase: kase, inst: inst, sent: make(map[int]*resent)}
	inst.Hide(&p.mask, kase.ID, "")
	defer p.closeTerminals(ctx)
	for i := range t.Messages {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := p.step(ctx, &t.Messages[i]); err != nil {
			return nil, err
		}
	}
	return p.compare(), nil
}

// prepare makes an agent in the condition that the case needs. What the case
// does to its broker is no message, so the broker is there.
func prepare(ctx context.Context, conf *instance.Config, c *engine.Case) (*instance.Instance, error) {
	if conf.Subject.Attached != nil {
		if c.Launch != nil || c.Unsafe {
			return nil, fmt.Errorf("%w: leave out --attach and give the agent's command after --", ErrNeedsOwnAgent)
		}
		inst, err := instance.Attach(ctx, conf)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", instance.ErrNeverReady, err)
		}
		return inst, nil
	}
	l := instance.Launch{Display: c.Needs&engine.Desktop != 0}
	if c.Launch != nil {
		l = *c.Launch
	}
	l.BrokerDown, l.Unadmitted, l.Unawaited = false, false, false
	inst, err := instance.Start(ctx, conf, &l, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", instance.ErrNeverReady, err)
	}
	return inst, nil
}

const (
	// maxGap bounds the wait between two messages.
	maxGap = time.Minute
	// arrangeLimit bounds what is done beside the agent.
	arrangeLimit = time.Minute
	// lateLimit is how long a question is asked again, and askEvery how often.
	lateLimit = 2 * time.Second
	askEvery  = 50 * time.Millisecond
)

// replay is one replay under way.
type replay struct {
	conf  *instance.Config
	kase  *engine.Case
	inst  *instance.Instance
	mask  transcript.Mask
	order []*resent
	sent  map[int]*resent
	named int
	ptys  []string
	then  int64 // when the message before was sent or came
}

// resent is a request that was sent again, or not.
type resent struct {
	Replayed
	at      int64 // when it was sent first
	data    []byte
	reply   <-chan *nats.Msg
	want    *transcript.Message // the reply or the silence of then
	awaited bool
	got     []byte
	silence error
}

// step does what a message of the transcript says.
func (p *replay) step(ctx context.Context, m *transcript.Message) error {
	switch m.Kind {
	case transcript.Arranged:
		return p.arrange(ctx, m)
	case transcript.Request:
		// At the pace of then: some cases ask again and again until something
		// has happened.
		wait.For(ctx, min(time.Duration(m.Micros-p.then)*time.Microsecond, maxGap))
		p.then = m.Micros
		return p.send(m)
	case transcript.Reply, transcript.Silence:
		p.then = m.Micros
		r := p.sent[m.To]
		if r == nil || r.want != nil { // cut, or a second reply
			return nil
		}
		r.want = m
		if m.Kind == transcript.Reply {
			limit := p.conf.Scale(wire.OpLimit) + time.Duration(m.Micros-r.at)*time.Microsecond
			p.await(ctx, r, limit)
			return p.insist(ctx, r, limit)
		}
	}
	return nil
}

// arrange does beside the agent what the case did there. An agent on another
// machine is left as it is: its answers differ then, which is shown.
func (p *replay) arrange(ctx context.Context, m *transcript.Message) error {
	var argv []string
	if err := json.Unmarshal(p.mask.Fill([]byte(m.Text)), &argv); err != nil || len(argv) < 2 {
		return fmt.Errorf("the transcript has a line of the kind %s that is no command line", m.Kind)
	}
	if p.inst.LocalRoot() == "" {
		return nil
	}
	if i := slices.Index(argv, helper.Command); i == 2 && p.conf.HelperProgram != "" {
		argv[1] = p.conf.HelperProgram // that of the transcript may be gone
	}
	ctx, cancel := context.WithTimeout(ctx, p.conf.Scale(arrangeLimit))
	defer cancel()
	resp, err := p.inst.RunHere(ctx, argv[0], argv[1:]...)
	if err != nil {
		return fmt.Errorf("do what the case did beside the agent: %w", err)
	}
	p.named = record.NameIDs(&p.mask, p.named, &agentv1.ControlResponse{Result: &agentv1.ControlResponse_Exec{Exec: resp}})
	return nil
}

// insist asks again where a question was answered differently: what the case
// saw on a stream, and the replay does not see, may come late here.
func (p *replay) insist(ctx context.Context, r *resent, limit time.Duration) error {
	switch r.Op {
	case "fs_read", "fs_stat", "fs_list":
	default:
		return nil
	}
	limits := record.Limits(&p.mask)
	for late := time.Now().Add(lateLimit); time.Now().Before(late) && len(r.differences(limits)) > 0 && ctx.Err() == nil; {
		wait.For(ctx, askEvery)
		if err := p.publish(r); err != nil {
			return err
		}
		p.await(ctx, r, limit)
	}
	return nil
}

func (p *replay) send(m *transcript.Message) error {
	r := &resent{at: m.Micros, Replayed: Replayed{ID: m.ID, Size: m.Size}}
	p.order = append(p.order, r)
	p.sent[m.ID] = r
	if !m.Replayable() {
		r.Skipped, r.Op = m.CannotReplay, "request"
		return nil
	}
	data := p.mask.FillMessage(m.Raw, (&agentv1.ControlRequest{}).ProtoReflect().Descriptor())
	if r.Op = monitor.Peek(data).Op(); r.Op == "" {
		r.Op = "request"
	}
	r.data = data
	return p.publish(r)
}

func (p *replay) publish(r *resent) (err error) {
	header := nats.Header{wire.CaseHeader: {p.kase.ID}}
	if r.reply, err = p.inst.Send(r.data, header, nil); err != nil {
		return fmt.Errorf("send request %d again: %w", r.ID, err)
	}
	r.awaited, r.got, r.silence = false, nil, nil
	return nil
}

// await takes a reply, and what later requests need of it.
func (p *replay) await(ctx context.Context, r *resent, limit time.Duration) {
	if r.reply == nil || r.awaited {
		return
	}
	r.awaited = true
	msg, err := wire.Await(ctx, r.reply, limit)
	if err != nil {
		r.silence = err
		return
	}
	r.got = msg.Data
	resp := &agentv1.ControlResponse{}
	if proto.Unmarshal(msg.Data, resp) != nil {
		return
	}
	p.named = record.NameIDs(&p.mask, p.named, resp)
	if id := resp.GetPtyOpen().GetPtyId(); id != "" {
		p.ptys = append(p.ptys, id)
	}
}

// compare judges all requests. Those that nothing is known of are not compared.
func (p *replay) compare() []Replayed {
	limits := record.Limits(&p.mask)
	var out []Replayed
	for _, r := range p.order {
		if r.Skipped == "" && r.want == nil {
			r.Skipped = "the transcript does not tell what came of it"
		}
		if r.Skipped == "" {
			p.await(context.Background(), r, time.Millisecond) // one that was silent
			r.Differences = r.differences(limits)
		}
		out = append(out, r.Replayed)
	}
	return out
}

func (r *resent) differences(limits transcript.Limits) []transcript.Difference {
	then, now := string(r.want.Message), ""
	if r.want.Kind == transcript.Silence {
		then = ""
	}
	if r.silence == nil {
		text := transcript.Render(r.got, &agentv1.ControlResponse{}, limits).JSON
		now = string(text)
	}
	switch {
	case then == "" && now == "":
		return nil
	case then == "" || now == "":
		return []transcript.Difference{{Path: "reply", Want: shorten(then), Got: shorten(now)}}
	default:
		return transcript.Diff(r.want.Message, []byte(now))
	}
}

// shorten is the head of a text that a line has room for.
func shorten(text string) string {
	const room = 120
	if len(text) <= room {
		return text
	}
	return strings.ToValidUTF8(text[:room], "") + "…"
}

// closeTerminals leaves nothing open on an agent that goes on.
func (p *replay) closeTerminals(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	for _, id := range p.ptys {
		_ = p.inst.Notify(ctx, &agentv1.PtyCloseRequest{PtyId: id}, p.conf.Scale(wire.OpLimit))
	}
}
