package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

const (
	// opLimit is how long an operation may take that has nothing to wait for.
	opLimit = 20 * time.Second
	// keptExchanges bounds what a failure can show; the latest are kept.
	keptExchanges = 8
)

// Exchange is one request on the wire and what came of it.
type Exchange struct {
	Subject  string
	Request  []byte
	Response []byte
	Err      error
	Took     time.Duration
}

// keep remembers an exchange for the report.
func (t *T) keep(x Exchange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.exchanges = append(t.exchanges, x)
	if over := len(t.exchanges) - keptExchanges; over > 0 {
		t.exchanges = t.exchanges[over:]
	}
}

// header names the case on the wire.
func (t *T) header() nats.Header { return nats.Header{caseHeader: {t.kase.ID}} }

// SendRaw sends bytes on the rpc subject and returns the reply's bytes. The
// error is errors.Is-comparable to the transport's causes; the case decides
// what it means.
func (t *T) SendRaw(ctx context.Context, payload []byte, header nats.Header, limit time.Duration) ([]byte, error) {
	if header == nil {
		header = t.header()
	}
	x := Exchange{Subject: t.inst.Base + ".rpc", Request: payload}
	start := time.Now()
	reply, err := t.inst.wire.send(x.Subject, payload, header, t.secondReply)
	if err == nil {
		var msg *nats.Msg
		if msg, err = await(ctx, reply, limit); err == nil {
			x.Response = msg.Data
		}
	}
	x.Err, x.Took = err, time.Since(start)
	t.keep(x)
	return x.Response, err
}

func (t *T) secondReply() {
	view := &T{state: t.state, place: t.place}
	view.Errorf("one reply to one request (subject.rpc)", "a second reply")
}

// Pending is a request whose reply was not awaited yet.
type Pending struct {
	t     *T
	req   *agentv1.ControlRequest
	reply <-chan *nats.Msg
	x     Exchange
	start time.Time
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
	p := &Pending{t: t, req: req, start: time.Now(), x: Exchange{Subject: t.inst.Base + ".rpc", Request: payload}}
	p.reply, err = t.inst.wire.send(p.x.Subject, payload, t.header(), t.secondReply)
	if err != nil {
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
	resp, err := p.Try(ctx, limit)
	if err != nil {
		p.t.transport(p.req, err)
	}
	return resp
}

// Try is Response for a case that expects trouble: it returns the error of a
// reply that does not come, and nothing else.
func (p *Pending) Try(ctx context.Context, limit time.Duration) (*agentv1.ControlResponse, error) {
	msg, err := await(ctx, p.reply, limit)
	p.x.Err, p.x.Took = err, time.Since(p.start)
	if err == nil {
		p.x.Response = msg.Data
	}
	p.t.keep(p.x)
	if err != nil {
		return nil, err
	}
	resp := &agentv1.ControlResponse{}
	if err := proto.Unmarshal(msg.Data, resp); err != nil {
		p.t.Fatalf("a reply that decodes as a ControlResponse", "%d bytes that do not", len(msg.Data))
	}
	p.t.checkEnvelope(p.req, resp)
	return resp, nil
}

func (t *T) checkEnvelope(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
	t.Check(resp.GetRequestId() == req.GetRequestId(),
		"the request's id echoed (envelope.request-id)", "another id")
	name, result := resultOf(resp)
	switch {
	case resp.GetError() != nil && result != nil:
		t.Errorf("a result or an error, not both (envelope.result-xor-error)", "both")
	case resp.GetError() == nil && result == nil:
		t.Fatalf("a result or an error (envelope.result-xor-error)", "neither")
	case result != nil && name != opName(req):
		t.Fatalf("a result of "+opName(req)+" (envelope.result-matches-op)", "one of %s", name)
	}
}

// transport ends the case over a request that got no reply.
func (t *T) transport(req *agentv1.ControlRequest, err error) {
	op := opName(req)
	if !t.inst.wire.nc.IsConnected() && t.inst.Broker == nil {
		t.Harness(fmt.Errorf("the connection to the broker was lost: %w", err))
	}
	switch {
	case errors.Is(err, ErrNoResponder):
		t.Fatalf("a reply to "+op, "no responder on the subject: the agent is not subscribed")
	case errors.Is(err, ErrNoReply):
		t.Fatalf("a reply to "+op+" in time", "none")
	default:
		t.Harness(fmt.Errorf("send a %s request: %w", op, err))
	}
}

// Do sends a request and waits for its reply.
func (t *T) Do(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
	return t.Start(req).Response(ctx, t.Scale(opLimit))
}

// Call sends an operation's message and returns the whole response.
func (t *T) Call(ctx context.Context, op proto.Message) *agentv1.ControlResponse {
	return t.Do(ctx, NewRequest(op))
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
		t.Fatalf(want, "%s: %s", codeName(got), resp.GetError().GetMessage())
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
		t.Fatalf("a result", "the error %s: %s", codeName(e.GetCode()), e.GetMessage())
	}
	_, result := resultOf(resp)
	r, ok := result.(R)
	if !ok {
		t.Fatalf(fmt.Sprintf("a %T", r), "a %T", result)
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
