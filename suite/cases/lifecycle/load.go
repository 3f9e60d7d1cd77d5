package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/wait"
	"agentproof/suite/wire"
)

const (
	// longLife is beyond the end of every case here.
	longLife = "5m"
	// beginLimit is how long a command may take to begin.
	beginLimit = 20 * time.Second
	// besideLimit is how long a command is waited for that need not begin.
	besideLimit = 2 * time.Second
)

// How a command of load takes signals: as shells do, or by ignoring all that
// politely ask it to end.
const (
	polite   = ""
	stubborn = `trap "" TERM INT HUP; `
)

// load starts commands that run beyond the case's end, and returns when they
// run. Only the first has to: an agent that serves one request at a time keeps
// the others waiting, and is as busy.
func load(ctx context.Context, t *engine.T, manners ...string) {
	argv := t.Helper(ctx, "sleep", longLife)
	var begun []string
	for i, manner := range manners {
		name := fmt.Sprintf("begun-%d", i)
		script := manner + `echo > "$0"; "$@"; "$@"; "$@"`
		t.Start(wire.NewRequest(&agentv1.ExecRequest{
			Command: append([]string{"/bin/sh", "-c", script, name}, argv...),
			Cwd:     t.Dir(ctx),
		}))
		begun = append(begun, t.Path(ctx, name))
	}
	if !t.AwaitFile(ctx, begun[0], t.Scale(beginLimit)) {
		t.Given().Fatalf("a command that begins", "none")
	}
	for _, name := range begun[1:] {
		if !t.AwaitFile(ctx, name, besideLimit) {
			return
		}
	}
}

// linger is load for a case that needs time between an agent's first sign that it
// stops and its end. A stubborn command has more children at every attempt, and
// there is a stubborn terminal where the agent has any: it keeps no other request
// waiting.
func linger(ctx context.Context, t *engine.T) {
	if t.Instance().Hello().GetCapabilities().GetPty() {
		const begun = "terminal-begun"
		argv := append([]string{"/bin/sh", "-c", stubborn + `echo > "$0"; "$@"; "$@"`, begun}, t.Helper(ctx, "sleep", longLife)...)
		opened := t.Start(wire.NewRequest(&agentv1.PtyOpenRequest{Command: argv, Cwd: t.Dir(ctx)}))
		if resp, err := opened.Try(ctx, t.Scale(beginLimit)); err == nil && resp.GetPtyOpen() != nil {
			t.AwaitFile(ctx, t.Path(ctx, begun), besideLimit)
		}
	}
	children := fmt.Sprintf(`n=%d; while [ $n -gt 0 ]; do "$@" & n=$((n-1)); done; `, t.Window(8))
	load(ctx, t, stubborn+children, stubborn, stubborn)
}

// family starts a command with descendants of these kinds and returns when all
// of them run.
func family(ctx context.Context, t *engine.T, kinds ...string) helper.Tree {
	args := append([]string{"tree", "--file", "tree.json", "--sleep", longLife, "--for", longLife}, kinds...)
	t.Start(wire.NewRequest(&agentv1.ExecRequest{Command: t.Helper(ctx, args...), Cwd: t.Dir(ctx)}))
	var tree helper.Tree
	if !t.AwaitJSON(ctx, t.Path(ctx, "tree.json"), t.Scale(beginLimit), &tree) {
		t.Given().Fatalf("a report of the processes that were started", "none")
	}
	return tree
}

// tap hears what the agent announces and replies, to whomever, in the order in
// which the broker passed it on.
type tap struct {
	t    *engine.T
	nc   *engine.Conn
	msgs chan *nats.Msg
}

// endOfTape is the subject that a tap marks its own end with.
const endOfTape = "agentproof.end"

func listen(t *engine.T) *tap {
	// The buffer is larger than anything that a case makes happen.
	c := &tap{t: t, nc: t.Dial(), msgs: make(chan *nats.Msg, 64<<10)}
	base := t.Instance().Base
	for _, subject := range []string{base + ".hello", base + ".events", nats.InboxPrefix + ">", endOfTape} {
		if _, err := c.nc.ChanSubscribe(subject, c.msgs); err != nil {
			t.Harness(fmt.Errorf("listen on %s: %w", subject, err))
		}
	}
	if err := c.nc.FlushTimeout(beginLimit); err != nil {
		t.Harness(fmt.Errorf("listen to the agent: %w", err))
	}
	return c
}

// all returns what was heard of an agent that has exited. When the broker
// knows that it is gone, it has read all that the agent sent.
func (c *tap) all(ctx context.Context) []*nats.Msg {
	gone := wait.Until(ctx, c.t.Scale(beginLimit), func(ctx context.Context) bool {
		_, err := c.t.SendRaw(ctx, nil, nil, time.Second)
		return errors.Is(err, wire.ErrNoResponder)
	})
	if !gone {
		c.t.Given().Fatalf("no responder after the agent's end", "one")
	}
	if err := c.nc.Publish(endOfTape, nil); err != nil {
		c.t.Harness(fmt.Errorf("mark the end: %w", err))
	}
	var heard []*nats.Msg
	for {
		select {
		case msg := <-c.msgs:
			if msg.Subject == endOfTape {
				return heard
			}
			heard = append(heard, msg)
		case <-ctx.Done():
			c.t.Harness(fmt.Errorf("listen to the broker: %w", context.Cause(ctx)))
		}
	}
}

// isGoodbye tells whether a message is the agent's goodbye.
func isGoodbye(t *engine.T, msg *nats.Msg) bool {
	event := &agentv1.AgentEvent{}
	return msg.Subject == t.Instance().Base+".events" &&
		proto.Unmarshal(msg.Data, event) == nil && event.GetGoingOffline() != nil
}
