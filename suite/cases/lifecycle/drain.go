package lifecycle

import (
	"context"
	"errors"
	"slices"
	"syscall"
	"time"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wait"
	"agentproof/suite/wire"
)

// drainedOperations is what a draining agent is asked.
func drainedOperations(ctx context.Context, t *engine.T) []proto.Message {
	name := t.Path(ctx, "file")
	return []proto.Message{
		&agentv1.FsStatRequest{Path: name},
		&agentv1.PingRequest{},
		&agentv1.ExecRequest{Command: t.Helper(ctx, "exit", "0"), Cwd: t.Dir(ctx)},
		&agentv1.FsWriteRequest{Path: name, Content: []byte("x")},
		&agentv1.MetricsRequest{},
		&agentv1.FsListRequest{Path: t.Dir(ctx)},
		&agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_RAW, Args: []string{"version"}, Cwd: t.Dir(ctx)},
		&agentv1.PtyWriteRequest{PtyId: "none"},
		&agentv1.DesktopScreenshotRequest{},
	}
}

// drains asks for operations between the first sign of draining and the
// goodbye, while what is stubborn keeps the agent from leaving at once. Until
// that sign it asks for one at a time, to provoke it, and then for all at once:
// the time may be short.
func drains(ctx context.Context, t *engine.T) {
	linger(ctx, t)
	ops := drainedOperations(ctx, t)
	d := drain{t: t, mark: signal(t, syscall.SIGTERM)}
	for i := 0; !d.over() && ctx.Err() == nil; i++ {
		if d.began {
			d.ask(ctx, ops...)
		} else {
			d.ask(ctx, ops[i%len(ops)])
		}
	}
	exit(ctx, t)
	lastWord(ctx, t, d.mark) // what was sent before it has come
	d.over()
	d.take(ctx)
	t.Logf("%d operations while the agent drained", d.judged)
	switch {
	case d.judged > 0:
	case d.began:
		t.Missed("the agent was gone before it had answered anything that it was asked while it drained")
	case d.answered == 0:
		t.Missed("the agent was gone before it could be asked for anything")
	default:
		t.NotClaimed("the agent does not drain")
	}
}

// drain is what a case knows of an agent's draining.
type drain struct {
	t        *engine.T
	mark     int  // of the signal
	began    bool // a sign of it was seen
	sent     []drainRequest
	answered int // requests that the agent took note of
	judged   int // those among them that were sent while it drained, pings aside
}

// drainRequest is a request whose reply was not judged yet.
type drainRequest struct {
	*engine.Pending
	op    proto.Message
	began bool // draining had begun before it was sent
}

// over reports whether the agent has said goodbye, or is gone.
func (d *drain) over() bool {
	seen := d.t.Instance().Watch.Since(d.mark)
	d.began = d.began || count(seen, func(a wire.Announcement) bool { return a.Event.GetHeartbeat().GetDraining() }) > 0
	return d.t.Instance().Ended() || count(seen, wire.IsGoodbye) > 0
}

// ask sends operations and judges the replies. It returns when all have come,
// and sooner at the first sign of draining and at the agent's end.
func (d *drain) ask(ctx context.Context, ops ...proto.Message) {
	began := d.began
	for _, op := range ops {
		d.sent = append(d.sent, drainRequest{Pending: d.t.Start(wire.NewRequest(op)), op: op, began: began})
	}
	promptly(ctx, func() bool {
		over := d.over()
		d.take(ctx)
		return over || len(d.sent) == 0 || d.began != began
	})
}

// promptly waits for a condition for a second at most. It looks more often than
// wait.Until does: an agent may be gone a few milliseconds after its first sign
// that it stops.
func promptly(ctx context.Context, holds func() bool) {
	for until := time.Now().Add(time.Second); !holds() && time.Now().Before(until) && ctx.Err() == nil; {
		wait.For(ctx, time.Millisecond)
	}
}

// take judges the replies that have come.
func (d *drain) take(ctx context.Context) {
	d.sent = slices.DeleteFunc(d.sent, func(r drainRequest) bool {
		if r.Answered() {
			d.judge(ctx, r)
			return true
		}
		return false
	})
}

func (d *drain) judge(ctx context.Context, r drainRequest) {
	resp, err := r.Try(ctx, time.Second)
	if err != nil {
		if errors.Is(err, wire.ErrNoResponder) && !d.t.Instance().Ended() {
			d.answered++ // by the broker: the agent keeps no subscription while it stops
		}
		return
	}
	d.answered++
	refused := resp.GetError().GetCode() == agentv1.ErrorCode_ERROR_CODE_DRAINING
	if refused {
		d.began = true
		d.t.Check(resp.GetError().GetRetryable(), "a retryable DRAINING", "one that is not")
	}
	switch _, ping := r.op.(*agentv1.PingRequest); {
	case ping:
		d.t.Check(resp.GetPing() != nil, "a ping that is answered while the agent drains", "%s", engine.Outcome(resp))
	case r.began:
		d.judged++
		d.t.Check(refused, "the error DRAINING for every op but ping", "%s", engine.Outcome(resp))
	}
}
