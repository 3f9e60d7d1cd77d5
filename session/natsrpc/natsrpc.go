// Package natsrpc carries session requests over NATS. One Client holds one
// connection, made when the first request needs it and shared by all callers.
//
// A request is sent at most once and never late: what the connection cannot
// take at once is refused, nothing waits for a reconnect, and nothing is
// repeated (session.rpc.at-most-once).
package natsrpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
)

// Config says how to reach the broker. The zero value is a client without a
// broker: every machine is offline to it.
type Config struct {
	// URLs are tried in turn. They may hold credentials of their own.
	URLs []string
	// User and Password, or Token, authenticate the control plane.
	User, Password string
	Token          string
	// Name is what the broker's monitoring shows.
	Name string
	// DialTimeout bounds the connection to one URL; 0 means 2 s.
	DialTimeout time.Duration
	// DrainTimeout bounds each of the two steps of Close; 0 means 5 s.
	DrainTimeout time.Duration
	// Options are applied after the client's own, except that nothing can make
	// it keep requests for a later connection.
	Options []nats.Option
	// Trace marks and shows the requests made through the Client itself.
	Trace Trace
	// Stray, when set, is called with the reply subject of every reply that
	// nobody waits for: one that is late, or one too many. It must not block.
	Stray func(reply string)
}

// Trace marks the requests of one user of a connection and shows them to it.
type Trace struct {
	// Header goes out with every request; agents ignore it
	// (envelope.headers-ignored).
	Header map[string]string
	// Observe, when set, is called once for each request before Request
	// returns, by the goroutine that made it. It must be safe for concurrent
	// use and must not change the bytes.
	Observe func(Exchange)
}

// Exchange is one request as it went over the wire.
type Exchange struct {
	Subject  string
	Reply    string // the subject that replies arrive on; empty if it was not sent
	Request  []byte // nil if it could not be encoded
	Response []byte // nil without a reply
	// Err is why there is no reply, or none that decodes: ctx's error,
	// nats.ErrNoResponders, or whatever else the transport ran into.
	Err      error
	Start    time.Time
	Duration time.Duration
}

// A Client is a session.ControlRPC. It is safe for concurrent use.
type Client struct {
	link   *link
	tracer tracer
}

var _ session.ControlRPC = (*Client)(nil)

// New returns a client; it connects at the first request.
func New(cfg Config) *Client {
	l := newLink(cfg)
	return &Client{link: l, tracer: newTracer(l, cfg.Trace)}
}

// Request implements session.ControlRPC.
func (c *Client) Request(ctx context.Context, subject string, req *agentv1.ControlRequest, timeout time.Duration) (*agentv1.ControlResponse, error) {
	return c.tracer.Request(ctx, subject, req, timeout)
}

// With returns a ControlRPC with a trace of its own over the same connection.
// It works until the Client is closed.
func (c *Client) With(t Trace) session.ControlRPC {
	tr := newTracer(c.link, t)
	return &tr
}

// Close refuses new requests, lets those under way finish within the drain
// timeout, and drains the connection. It may be called more than once.
func (c *Client) Close() error { return c.link.close() }

// tracer makes requests under one Trace.
type tracer struct {
	link       *link
	header     nats.Header
	headerSize int // as it counts toward the max payload
	observe    func(Exchange)
}

func newTracer(l *link, t Trace) tracer {
	tr := tracer{link: l, observe: t.Observe}
	for key, value := range t.Header {
		if tr.header == nil {
			tr.header = nats.Header{}
		}
		tr.header.Set(key, value)
	}
	tr.headerSize = (&nats.Msg{Header: tr.header}).Size()
	return tr
}

func (t *tracer) Request(ctx context.Context, subject string, req *agentv1.ControlRequest, timeout time.Duration) (*agentv1.ControlResponse, error) {
	x := Exchange{Subject: subject, Start: time.Now()}
	resp, err := t.exchange(ctx, timeout, req, &x)
	if t.observe != nil {
		x.Err, x.Duration = err, time.Since(x.Start)
		t.observe(x)
	}
	// Compared with ==, for ctx's own error comes unwrapped, while one of the
	// dial may well match context.DeadlineExceeded: net's timeouts do.
	switch err {
	case nil:
		return resp, nil
	case context.Canceled:
		return nil, err
	case context.DeadlineExceeded:
		return timedOut(req, &x), nil
	default:
		return refused(req, &x, err), nil
	}
}

func (t *tracer) exchange(ctx context.Context, timeout time.Duration, req *agentv1.ControlRequest, x *Exchange) (*agentv1.ControlResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	data, err := proto.Marshal(req)
	if err != nil {
		return nil, &protocolError{"the request cannot be encoded", err}
	}
	x.Request = data
	msg := nats.Msg{Subject: x.Subject, Header: t.header, Data: data}
	reply, err := t.link.request(ctx, timeout, &msg, t.headerSize+len(data))
	x.Reply = msg.Reply
	if err != nil {
		return nil, err
	}
	x.Response = reply.Data
	if t.observe != nil {
		reply.Data = bytes.Clone(reply.Data) // the observer may keep its own
	}
	resp, err := decode(reply.Data)
	if err != nil {
		return nil, &protocolError{"the agent's reply does not decode", err}
	}
	return resp, nil
}

// protocolError is bytes that are no message, or a message that has no bytes.
type protocolError struct {
	what string
	err  error
}

func (e *protocolError) Error() string { return e.what + ": " + e.err.Error() }
func (e *protocolError) Unwrap() error { return e.err }

// payloadError is a request that the broker would not take.
type payloadError struct{ size, limit int64 }

func (e *payloadError) Error() string {
	return fmt.Sprintf("the request of %d bytes is above the broker's max payload of %d", e.size, e.limit)
}

// timedOut is the response when the caller's time was up first. It is
// retryable by the caller alone, who may have run the operation already.
func timedOut(req *agentv1.ControlRequest, x *Exchange) *agentv1.ControlResponse {
	waited := time.Since(x.Start).Round(time.Millisecond)
	return &agentv1.ControlResponse{RequestId: req.GetRequestId(), Error: &agentv1.AgentError{
		Code:      agentv1.ErrorCode_ERROR_CODE_TIMEOUT,
		Retryable: true,
		Message:   fmt.Sprintf("no reply on %s after %v; the operation may still be running", x.Subject, waited),
	}}
}

// refused is the response when the transport failed. A missing machine is
// never "not found" (session.rpc.offline).
func refused(req *agentv1.ControlRequest, x *Exchange, err error) *agentv1.ControlResponse {
	e := &agentv1.AgentError{Code: agentv1.ErrorCode_ERROR_CODE_AGENT_OFFLINE, Message: err.Error()}
	if tooLarge, ok := errors.AsType[*payloadError](err); ok {
		e.Code = agentv1.ErrorCode_ERROR_CODE_PAYLOAD_TOO_LARGE
		e.Detail = map[string]string{
			"op":            session.OpName(req),
			"encoded_bytes": strconv.FormatInt(tooLarge.size, 10),
			"max_payload":   strconv.FormatInt(tooLarge.limit, 10),
		}
	} else if _, ok := errors.AsType[*protocolError](err); ok {
		e.Code = agentv1.ErrorCode_ERROR_CODE_PROTOCOL
	} else if errors.Is(err, nats.ErrNoResponders) {
		e.Message = "no agent answers on " + x.Subject
	}
	return &agentv1.ControlResponse{RequestId: req.GetRequestId(), Error: e}
}
