package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/monitor"
	"agentproof/suite/record"
	"agentproof/suite/verdict"
	"agentproof/suite/wire"
)

// header names the case on the wire.
func (t *T) header() nats.Header { return nats.Header{wire.CaseHeader: {t.kase.ID}} }

// SendRaw sends bytes on the rpc subject and returns the reply's bytes. The
// error is errors.Is-comparable to the transport's causes; the case decides
// what it means.
func (t *T) SendRaw(ctx context.Context, payload []byte, header nats.Header, limit time.Duration) ([]byte, error) {
	if header == nil {
		header = t.header()
	}
	valid := proto.Unmarshal(payload, &agentv1.ControlRequest{}) == nil
	return t.exchange(ctx, record.Sending{Payload: payload, Header: header, Valid: valid}, limit)
}

func (t *T) exchange(ctx context.Context, s record.Sending, limit time.Duration) ([]byte, error) {
	reply, c, err := t.send(s)
	if err != nil {
		return nil, err
	}
	msg, err := wire.Await(ctx, reply, limit)
	if err != nil {
		c.Silent(err)
		return nil, err
	}
	return msg.Data, nil
}

// send publishes a request on the agent's rpc subject. Every reply to it is
// recorded and judged.
func (t *T) send(s record.Sending) (<-chan *nats.Msg, *record.Call, error) {
	s.Subject, s.Own = t.inst.Base+".rpc", true
	t.mu.Lock()
	t.sent = outputMark{t.inst, t.inst.OutputMark()}
	t.mu.Unlock()
	c := t.rec.Request(s)
	reply, err := t.inst.Send(s.Payload, s.Header, func(reply []byte, at time.Time) {
		if second := monitor.SecondReply(); !c.Replied(reply, at) && t.kase.Clause == second.Clause {
			// At once: what follows may be a consequence.
			t.mu.Lock()
			t.settleLocked(verdict.Fail, second.String(), second.Cause)
			t.mu.Unlock()
		}
	})
	if err != nil {
		c.Silent(err)
	}
	return reply, c, err
}

// Pending is a request whose reply was not awaited yet.
type Pending struct {
	t     *T
	req   *agentv1.ControlRequest
	reply <-chan *nats.Msg
	call  *record.Call
}

// Start sends a request without waiting. A request without an id gets one. It
// ends the case if the request cannot be sent.
func (t *T) Start(req *agentv1.ControlRequest) *Pending {
	if req.GetRequestId() == "" {
		req.RequestId = uuid.NewString()
	}
	payload, err := proto.Marshal(req)
	if err != nil {
		t.Harness(fmt.Errorf("encode a %s request: %w", opName(req), err))
	}
	p := &Pending{t: t, req: req}
	if p.reply, p.call, err = t.send(record.Sending{Payload: payload, Header: t.header(), Valid: true}); err != nil {
		t.transport(req, err)
	}
	return p
}

// Answered tells whether the reply has come and was not taken yet.
func (p *Pending) Answered() bool { return len(p.reply) > 0 }

// Response waits for the reply and checks the envelope: the id is echoed,
// there is one of result and error, and the result is the op's. It ends the
// case when no reply comes within the limit.
func (p *Pending) Response(ctx context.Context, limit time.Duration) *agentv1.ControlResponse {
	if silent := p.t.set.Silent; silent != nil && silent(opName(p.req)) {
		p.t.transport(p.req, wire.ErrNoReply)
	}
	resp, err := p.Try(ctx, limit)
	if err != nil {
		p.t.transport(p.req, err)
	}
	return resp
}

// Try is Response for a case that expects trouble: it returns the error of a
// reply that does not come, and nothing else.
func (p *Pending) Try(ctx context.Context, limit time.Duration) (*agentv1.ControlResponse, error) {
	living, cancel := p.t.inst.Living(ctx)
	defer cancel()
	msg, err := wire.Await(living, p.reply, limit)
	if err != nil {
		p.call.Silent(err)
		return nil, err
	}
	p.call.Taken(msg.Data)
	resp := &agentv1.ControlResponse{}
	for _, b := range p.call.Judge(msg.Data) {
		p.t.breach(b)
	}
	if err := proto.Unmarshal(msg.Data, resp); err != nil {
		p.t.breach(monitor.Undecodable(len(msg.Data)))
	}
	return resp, nil
}

// transport ends the case over a request that got no reply.
func (t *T) transport(req *agentv1.ControlRequest, err error) {
	op := opName(req)
	if !t.inst.Connected() && t.inst.Broker == nil {
		t.Harness(fmt.Errorf("the connection to the broker was lost: %w", err))
	}
	switch {
	case t.kase.Clause != monitor.Crashed().Clause &&
		(t.inst.Crashed() || errors.Is(err, wire.ErrNoResponder) && t.inst.AwaitCrash()):
		t.breach(monitor.Breach{Finding: monitor.Crashed(), Fatal: true})
	case errors.Is(err, wire.ErrNoResponder):
		t.fatal(op, "a reply to "+op, "no responder on the subject: the agent is not subscribed")
	case errors.Is(err, wire.ErrNoReply):
		t.unanswered(op)
	default:
		t.Harness(fmt.Errorf("send a %s request: %w", op, err))
	}
}

// NoReply is the failure of an operation that gets no reply.
func NoReply(op string) verdict.Failure {
	return verdict.Failure{Want: "a reply to " + op + " in time", Got: "none", Cause: op}
}

// unanswered ends the case over an operation that got no reply.
func (t *T) unanswered(op string) {
	before := t.verdict()
	f := NoReply(op)
	t.fail(op, f.Want, f.Got)
	t.mu.Lock()
	if t.status.Outweighs(before) {
		t.mute = op
	}
	t.mu.Unlock()
	runtime.Goexit()
}

// breach is about a reply that breaks a clause. It fails a case that judges the
// clause; the monitors have it for that case otherwise, and it blocks this one
// where the reply is good for nothing else.
func (t *T) breach(b monitor.Breach) {
	switch {
	case b.Clause == t.kase.Clause:
		t.fail(b.Cause, b.Want, b.Got)
	case b.Fatal:
		t.Given().fail(b.Cause, b.Want, b.Got)
	}
	if b.Fatal {
		runtime.Goexit()
	}
}

// Do sends a request and waits for its reply.
func (t *T) Do(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
	return t.Start(req).Response(ctx, t.Scale(wire.OpLimit))
}

// Call sends an operation's message and returns the whole response.
func (t *T) Call(ctx context.Context, op proto.Message) *agentv1.ControlResponse {
	return t.Do(ctx, wire.NewRequest(op))
}

// Refused sends an operation that the agent must refuse with the code, and
// returns the error. It ends the case when the agent does anything else.
func (t *T) Refused(ctx context.Context, op proto.Message, code agentv1.ErrorCode) *agentv1.AgentError {
	return t.WantError(t.Call(ctx, op), code)
}

// WantError checks that a response is an error with the code.
func (t *T) WantError(resp *agentv1.ControlResponse, code agentv1.ErrorCode) *agentv1.AgentError {
	want := "the error " + codeName(code)
	if resp.GetError() == nil {
		name, _ := resultOf(resp)
		t.Fatalf(want, "a result of %s", name)
	}
	if got := resp.GetError().GetCode(); got != code {
		t.Fatalf(want, "%s", t.says(resp.GetError()))
	}
	return resp.GetError()
}

// Must sends an operation that the agent must carry out, and returns its
// result.
func Must[R proto.Message](ctx context.Context, t *T, op proto.Message) R {
	return MustOf[R](t, t.Call(ctx, op))
}

// MustOf is the result of a response that must be one.
func MustOf[R proto.Message](t *T, resp *agentv1.ControlResponse) R {
	if e := resp.GetError(); e != nil {
		t.fatal(opOf[R](), "a result", "the error "+t.says(e))
	}
	name, result := resultOf(resp)
	r, ok := result.(R)
	if !ok {
		t.fatal(opOf[R](), "a result of "+opOf[R](), "a result of "+name)
	}
	return r
}

// codeName is the wire's name without its prefix, as the spec writes it.
func codeName(code agentv1.ErrorCode) string {
	const prefix = "ERROR_CODE_"
	if name := code.String(); len(name) > len(prefix) && name[:len(prefix)] == prefix {
		return name[len(prefix):]
	}
	return fmt.Sprintf("code %d", int32(code))
}
