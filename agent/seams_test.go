package agent_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"agentproof/agent"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func TestArrivalSeesRequestsInTheirOrder(t *testing.T) {
	t.Parallel()
	const n = 200
	var arrived []string // by the subscription's goroutine alone
	type key struct{}
	var mu sync.Mutex // guards handled and replied
	handled, replied := make(map[string]any), make(map[string]any)
	note := func(m map[string]any, id string, v any) {
		mu.Lock()
		defer mu.Unlock()
		m[id] = v
	}
	s := start(t, func(c *agent.Config) {
		c.Arrival = func(ctx context.Context, req *agentv1.ControlRequest) context.Context {
			arrived = append(arrived, req.GetRequestId())
			return context.WithValue(ctx, key{}, len(arrived))
		}
		c.Middleware = []agent.Middleware{func(next agent.Handler) agent.Handler {
			return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
				note(handled, req.GetRequestId(), ctx.Value(key{}))
				return next(ctx, req)
			}
		}}
		c.Replies = func(next agent.ReplyFunc) agent.ReplyFunc {
			return func(ctx context.Context, to string, resp *agentv1.ControlResponse) {
				note(replied, resp.GetRequestId(), ctx.Value(key{}))
				next(ctx, to, resp)
			}
		}
	})
	inbox := s.cp.NewInbox()
	replies, err := s.cp.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	var sent []string
	for i := range n {
		req := pingRequest(1)
		req.RequestId = strconv.Itoa(i)
		sent = append(sent, req.GetRequestId())
		if err := s.cp.PublishRequest(s.base+".rpc", inbox, mustMarshal(t, req)); err != nil {
			t.Fatal(err)
		}
	}
	for range n {
		s.next(replies, new(agentv1.ControlResponse))
	}
	if !slices.Equal(arrived, sent) {
		t.Errorf("they arrived as %q", arrived)
	}
	mu.Lock()
	defer mu.Unlock()
	for i, id := range sent {
		if handled[id] != i+1 || replied[id] != i+1 {
			t.Errorf("request %d: the handler was given %v, the reply %v", i+1, handled[id], replied[id])
		}
	}
}

func TestRepliesMayBeNoneOrMany(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *agent.Config) {
		c.Replies = func(next agent.ReplyFunc) agent.ReplyFunc {
			return func(ctx context.Context, to string, resp *agentv1.ControlResponse) {
				for range resp.GetPing().GetNonce() {
					next(ctx, to, resp)
				}
			}
		}
	})
	inbox := s.cp.NewInbox()
	replies, err := s.cp.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	for _, nonce := range []uint64{0, 3} {
		msg := &nats.Msg{Subject: s.base + ".rpc", Reply: inbox, Data: mustMarshal(t, pingRequest(nonce))}
		if err := s.cp.PublishMsg(msg); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		resp := new(agentv1.ControlResponse)
		if s.next(replies, resp); resp.GetPing().GetNonce() != 3 {
			t.Errorf("reply %v, want the one with the nonce 3", resp)
		}
	}
	s.stop(nil)
	s.waitStopped()
	if n, _, err := replies.Pending(); n != 0 || err != nil {
		t.Errorf("%d more replies, error %v", n, err)
	}
}

func TestDrainRefusesNewWorkAndLetsTheOldEnd(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.nextEvent() // the first heartbeat
	reply := make(chan *agentv1.ControlResponse, 1)
	go func() {
		resp, err := s.try(mustMarshal(t, execRequest(&agentv1.ExecRequest{
			Command: []string{"sh", "-c", "echo $$ >pid; until test -e go; do sleep 0.02; done; echo done"}})))
		if err != nil {
			t.Error(err)
		}
		reply <- resp
	}()
	s.awaitPID("pid")
	s.agent.Drain()
	s.agent.Drain()
	if beat := s.nextEvent().GetHeartbeat(); !beat.GetDraining() || beat.GetSeq() != 2 {
		t.Errorf("after the first heartbeat came %v, want the second, draining", beat)
	}
	s.failed(s.call(execRequest(&agentv1.ExecRequest{Command: []string{"true"}})), agentv1.ErrorCode_ERROR_CODE_DRAINING)
	if resp := s.call(pingRequest(4)); resp.GetPing().GetNonce() != 4 {
		t.Errorf("ping: %v", resp)
	}
	if err := os.WriteFile(filepath.Join(s.root, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := string((<-reply).GetExec().GetStdout()); got != "done\n" {
		t.Errorf("the command that ran already: stdout %q", got)
	}
	s.stop(nil)
	s.waitStopped()
	s.goodbye()
}
