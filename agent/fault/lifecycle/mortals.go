package lifecycle

import (
	"context"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// mortals are agents that end although nobody told them to.
func mortals() []fault.Mutant {
	const up = "lifecycle.stays-up/"
	mutant := func(does, id, says string, quit func(context.Context, *agent.Config, func())) fault.Mutant {
		return fault.Mutant{Name: does, Case: up + id, Says: says + "; got one that ended by itself", Also: []string{up + "*"}, Quit: quit}
	}
	return []fault.Mutant{
		mutant("ends over garbage", "odd-requests", "runs on after garbage",
			onMessage(func(data []byte) bool { return strings.HasPrefix(string(data), "GET ") })),
		mutant("ends over its last odd request, a moment later", "odd-requests", "runs on after odd requests", hesitant),
		mutant("ends over a large message", "huge-and-deep-messages", "runs on after garbage as large as the broker allows",
			onMessage(func(data []byte) bool { return len(data) > 512<<10 })),
		mutant("ends over messages within each other", "huge-and-deep-messages", "runs on after 100,000 groups within each other", onMessage(nesting)),
		mutant("ends with its caller", "callers-that-leave", "runs on after callers that left", abandoned),
		mutant("ends with its connection", "an-outage", "runs on after a cut connection", onConnection(2)),
		mutant("ends with its broker", "an-outage", "runs on after an outage of its broker", onConnection(3)),
		mutant("ends with its relay", "a-lost-relay", "runs on after the end of its relay", bereft),
	}
}

// onMessage ends the agent over messages that match, and answers none of them.
func onMessage(match func([]byte) bool) func(context.Context, *agent.Config, func()) {
	return func(_ context.Context, cfg *agent.Config, quit func()) {
		cfg.Wire.In = func(next nats.MsgHandler) nats.MsgHandler {
			return func(msg *nats.Msg) {
				if match(msg.Data) {
					quit()
					return
				}
				next(msg)
			}
		}
	}
}

// nesting tells a message that holds many groups within each other.
func nesting(data []byte) bool {
	const deep = 1000
	return len(data) > 4*deep && proto.Unmarshal(data, &agentv1.ControlRequest{}) != nil && data[0] == 0x52
}

// hesitant ends a moment after input without an event.
func hesitant(ctx context.Context, cfg *agent.Config, quit func()) {
	cfg.Middleware = append(cfg.Middleware, fault.After(func(req *agentv1.ControlRequest, _ *agentv1.ControlResponse) {
		if r := req.GetDesktopInput(); r != nil && r.GetEvent() == nil {
			time.AfterFunc(200*time.Millisecond, quit)
		}
	}))
}

// abandoned ends when the command of a caller that left has ended.
func abandoned(_ context.Context, cfg *agent.Config, quit func()) {
	cfg.Middleware = append(cfg.Middleware, fault.After(func(req *agentv1.ControlRequest, _ *agentv1.ControlResponse) {
		if strings.HasSuffix(req.GetExec().GetCwd(), "callers-that-leave") {
			quit()
		}
	}))
}

// onConnection ends the agent as soon as it has its n-th connection.
func onConnection(n int32) func(context.Context, *agent.Config, func()) {
	return func(_ context.Context, cfg *agent.Config, quit func()) {
		var number atomic.Int32
		cfg.Wire.In = func(next nats.MsgHandler) nats.MsgHandler {
			if number.Add(1) == n {
				quit()
			}
			return next
		}
	}
}

// bereft looks after the relay once a terminal is open, and ends with it.
func bereft(ctx context.Context, cfg *agent.Config, quit func()) {
	relay, err := url.Parse(cfg.RelayURL)
	if err != nil {
		return
	}
	gone := func() bool {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", relay.Host)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}
	cfg.Middleware = append(cfg.Middleware, fault.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if req.GetPtyOpen() == nil || resp.GetError() != nil {
			return
		}
		go func() {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for ctx.Err() == nil && !gone() {
				<-tick.C
			}
			quit()
		}()
	}))
}
