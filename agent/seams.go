package agent

import (
	"context"

	"github.com/nats-io/nats.go"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// A Handler answers one request. It is called from many goroutines; ctx ends
// when the agent stops.
type Handler func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse

// A Middleware wraps the handler, the epoch fence included. It may change the
// request, answer itself, wait, or change the response.
type Middleware func(next Handler) Handler

// An ArrivalFunc is shown each request that decodes, in the order of arrival,
// and returns the context that its Handler gets: middleware runs on a goroutine
// of its own for every request, and so sees them in any order. It runs on the
// subscription's goroutine and must not wait.
type ArrivalFunc func(ctx context.Context, req *agentv1.ControlRequest) context.Context

// A ReplyFunc sends the response to one request, to its reply subject. ctx is
// that of the request's Handler.
type ReplyFunc func(ctx context.Context, to string, resp *agentv1.ControlResponse)

// PublishFunc sends one message. It must not keep data after it returned.
type PublishFunc func(subject string, data []byte) error

// Wire wraps the raw messages of an agent; what is nil changes nothing.
type Wire struct {
	// In wraps what takes a request off the broker. It runs on the
	// subscription's goroutine: a wait there delays every later request.
	In func(next nats.MsgHandler) nats.MsgHandler
	// Out wraps what sends replies, hellos and events.
	Out func(next PublishFunc) PublishFunc
}

// Terminals serves the pty operations. Errors become the reply's; one that
// carries no code of its own becomes OS.
type Terminals interface {
	Open(ctx context.Context, req *agentv1.PtyOpenRequest) (*agentv1.PtyOpenResponse, error)
	// Write is called for one terminal at a time, in the order of arrival
	// (envelope.order).
	Write(ctx context.Context, req *agentv1.PtyWriteRequest) (*agentv1.PtyWriteResponse, error)
	Resize(ctx context.Context, req *agentv1.PtyResizeRequest) (*agentv1.PtyResizeResponse, error)
	Close(ctx context.Context, req *agentv1.PtyCloseRequest) (*agentv1.PtyCloseResponse, error)
	// Active counts the open terminals, for the heartbeat.
	Active() int
	// Shutdown ends all terminals and their process trees. No other method is
	// called afterwards.
	Shutdown(ctx context.Context) error
}

// Desktop serves the desktop operations. The agent checks the consent to
// screen control before it calls Input.
type Desktop interface {
	// Status tells the display, nil if there is none, and then why.
	Status(ctx context.Context) (display *agentv1.Display, unavailable string)
	Ensure(ctx context.Context, req *agentv1.DesktopEnsureRequest) (*agentv1.DesktopEnsureResponse, error)
	// Input is called with an event in req.
	Input(ctx context.Context, req *agentv1.DesktopInputRequest) (*agentv1.DesktopInputResponse, error)
	Screenshot(ctx context.Context, req *agentv1.DesktopScreenshotRequest) (*agentv1.DesktopScreenshotResponse, error)
	// Shutdown gives back what the backend holds. No other method is called
	// afterwards.
	Shutdown(ctx context.Context) error
}

// A Goodbye is a cause for the context of Run: it names the reason that the
// agent gives when it goes offline.
type Goodbye struct {
	// Reason is USER_STOP if unspecified.
	Reason  agentv1.GoingOfflineReason
	Message string
}

// Error makes a Goodbye fit for context.CancelCauseFunc.
func (g *Goodbye) Error() string {
	if g.Message != "" {
		return g.Message
	}
	return "the agent is stopping"
}
