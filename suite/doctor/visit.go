package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// visit is the part of an examination that talks to the agent.
type visit struct {
	*exam
	nc      *nats.Conn
	base    string // subject
	agentID string
	epoch   uint32 // on requests; 0 for none

	// event waits for what the agent announces on its events subject. An error
	// that is no *eventError means that nothing came.
	event func(context.Context) (*agentv1.AgentEvent, error)

	inbox   string
	replies *nats.Subscription   // of inbox
	others  []*nats.Subscription // of all agents, as far as that is permitted
}

// eventError says why an announcement does not decode.
type eventError struct{ err error }

func (e *eventError) Error() string { return e.err.Error() }

// listen subscribes to everything that will be waited for, and tells what the
// broker does not permit.
func (v *visit) listen() bool {
	v.inbox = nats.NewInbox()
	var err error
	if v.replies, err = v.subscribe(v.inbox); err != nil {
		v.fail("permission", fmt.Sprintf("the user may not subscribe to %s, where replies come", v.inbox),
			"let it subscribe to _INBOX.>, as a control plane must")
		return false
	}
	events, err := v.subscribe(v.base + ".events")
	if err != nil {
		v.fail("permission", fmt.Sprintf("the user may not subscribe to %s.events, where the agent's heartbeats come", v.base),
			"let it subscribe to agent.>, as a control plane must")
		return false
	}
	v.event = func(ctx context.Context) (*agentv1.AgentEvent, error) {
		msg, err := events.NextMsgWithContext(ctx)
		if err != nil {
			return nil, err
		}
		event := new(agentv1.AgentEvent)
		if err := proto.Unmarshal(msg.Data, event); err != nil {
			return nil, &eventError{err}
		}
		return event, nil
	}
	// For an agent that is not where it should be. Not agent.>, which holds the
	// rpc subject: the broker would count this as somebody who answers there.
	for _, kind := range []string{"hello", "events"} {
		if sub, err := v.subscribe("agent.*.*." + kind); err == nil {
			v.others = append(v.others, sub)
		}
	}
	return true
}

// subscribe returns when the broker has taken the subscription, or its refusal.
func (v *visit) subscribe(subject string) (*nats.Subscription, error) {
	sub, err := v.nc.SubscribeSync(subject)
	if err == nil {
		err = v.nc.FlushTimeout(v.scale(answerLimit))
	}
	if err == nil {
		err = v.refusal(subject)
	}
	return sub, err
}

// refusal is what the broker said about a subject, if it said anything.
func (v *visit) refusal(subject string) error {
	err := v.nc.LastError()
	if err != nil && errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), `"`+subject+`"`) {
		return err
	}
	return nil
}

// pingID marks the one request of a visit.
const pingID, pingNonce = "doctor", 20261

// ping asks the agent whether it is there.
func (v *visit) ping(ctx context.Context) bool {
	rpc := v.base + ".rpc"
	data, err := proto.Marshal(&agentv1.ControlRequest{
		RequestId: pingID, Epoch: v.epoch, Op: &agentv1.ControlRequest_Ping{Ping: &agentv1.PingRequest{Nonce: pingNonce}},
	})
	if err == nil {
		err = v.nc.PublishRequest(rpc, v.inbox, data)
	}
	if err == nil {
		err = v.nc.FlushTimeout(v.scale(answerLimit))
	}
	if err == nil {
		err = v.refusal(rpc)
	}
	if err != nil {
		v.fail("agent", fmt.Sprintf("nothing can be published on %s (%v)", rpc, err), "let the user publish to agent.>, as a control plane must")
		return false
	}
	limit, cancel := v.within(ctx, answerLimit)
	defer cancel()
	msg, err := v.replies.NextMsgWithContext(limit)
	switch {
	case errors.Is(err, nats.ErrNoResponders), err == nil && msg.Header.Get("Status") == "503":
		v.nobody(ctx, rpc)
		return false
	case err != nil:
		v.fail("agent", fmt.Sprintf("somebody is subscribed to %s and did not answer a ping within %v", rpc, v.scale(answerLimit)),
			"the agent hangs: look at its log and start it again; or something else, such as a subscriber to agent.>, takes its place")
		return false
	}
	v.ok("agent", "it answers on "+rpc)
	return v.understand(msg.Data)
}

// nobody says who is alive when the agent is not.
func (v *visit) nobody(ctx context.Context, rpc string) {
	if len(v.others) == 0 {
		v.fail("agent", "nobody serves "+rpc, "start the agent, or correct --workspace and --agent; this user may not see which others there are")
		return
	}
	alive := v.look(ctx)
	switch {
	case slices.Contains(alive, v.base):
		v.fail("agent", fmt.Sprintf("the agent is alive and not subscribed to %s", rpc), "look at its log: it says hello or sends heartbeats, and serves nothing")
	case len(alive) > 0:
		v.fail("agent", fmt.Sprintf("nobody serves %s, but %s alive", rpc, are(alive)), "correct --workspace and --agent, or start the agent that is missing")
	default:
		v.fail("agent", fmt.Sprintf("nobody serves %s, and no agent was heard within %v", rpc, v.scale(lookLimit)),
			"start the agent; if it runs, look at its log: it is connected to another broker or was refused by this one")
	}
}

// look lists the bases of agents that say something, and ends early when the
// right one does.
func (v *visit) look(ctx context.Context) []string {
	ctx, cancel := v.within(ctx, lookLimit)
	defer cancel()
	alive := make(map[string]bool)
	until(ctx, func() bool {
		for _, sub := range v.others {
			for {
				n, _, err := sub.Pending()
				if err != nil || n == 0 {
					break
				}
				msg, err := sub.NextMsgWithContext(ctx)
				if err != nil {
					break
				}
				alive[msg.Subject[:strings.LastIndexByte(msg.Subject, '.')]] = true
			}
		}
		return alive[v.base]
	})
	return slices.Sorted(maps.Keys(alive))
}

func are(names []string) string {
	const shown = 5
	text := strings.Join(names[:min(shown, len(names))], ", ")
	if more := len(names) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if len(names) == 1 {
		return text + " is"
	}
	return text + " are"
}

// understand judges the answer to the ping.
func (v *visit) understand(data []byte) bool {
	resp := new(agentv1.ControlResponse)
	err := proto.Unmarshal(data, resp)
	switch {
	case err != nil:
		v.fail("answer", fmt.Sprintf("its %d bytes are no ControlResponse (%v)", len(data), err), "the agent must answer in protobuf: see docs/spec/wire.md")
	case resp.GetError().GetCode() == agentv1.ErrorCode_ERROR_CODE_FENCED:
		held := resp.GetError().GetDetail()["held_epoch"]
		v.fail("answer", fmt.Sprintf("the agent holds the epoch %s, and refuses requests of the epoch %d", held, v.epoch), "give --held-epoch "+held)
	case resp.GetError() != nil:
		v.fail("answer", fmt.Sprintf("the agent refuses a ping: %s %q", resp.GetError().GetCode(), resp.GetError().GetMessage()), "look at the agent's log")
	case resp.GetPing() == nil:
		v.fail("answer", "the agent answers a ping with something else", "it must answer with a PingResponse: see 'conformance explain ping.nonce'")
	case resp.GetRequestId() != pingID, resp.GetPing().GetNonce() != pingNonce:
		v.fail("answer", fmt.Sprintf("the agent answers request %q with the nonce %d, and asked was %q with %d", resp.GetRequestId(), resp.GetPing().GetNonce(), pingID, pingNonce),
			"it must echo both: see 'conformance explain ping.nonce'")
	default:
		v.ok("answer", "it decodes, and echoes what was asked")
		return true
	}
	return false
}

// heartbeat waits for a sign of life that nobody asked for. Meanwhile a second
// answer to the ping has had all the time that it needs.
func (v *visit) heartbeat(ctx context.Context) {
	v.awaitHeartbeat(ctx)
	if n, _, err := v.replies.Pending(); err == nil && n > 0 {
		v.fail("alone", fmt.Sprintf("one ping got %d answers", n+1), "two agents serve "+v.base+": end one of them")
	}
}

func (v *visit) awaitHeartbeat(ctx context.Context) {
	ctx, cancel := v.within(ctx, heartbeatLimit)
	defer cancel()
	for {
		event, err := v.event(ctx)
		if bad, ok := errors.AsType[*eventError](err); ok {
			v.fail("heartbeat", fmt.Sprintf("what comes on %s.events is no AgentEvent (%v)", v.base, bad), "see docs/spec/wire.md")
			return
		}
		switch {
		case err != nil:
			v.fail("heartbeat", fmt.Sprintf("none came on %s.events within %v", v.base, v.scale(heartbeatLimit)),
				"the agent must send one every 5 s: see 'conformance explain lifecycle.heartbeat-first'")
			return
		case event.GetHeartbeat() == nil:
		case event.GetAgentId() != v.agentID:
			v.fail("heartbeat", fmt.Sprintf("the agent calls itself %q in its heartbeats, and is %q", event.GetAgentId(), v.agentID),
				"it must name itself as it was told: see 'conformance explain lifecycle.event-agent-id'")
			return
		default:
			v.ok("heartbeat", fmt.Sprintf("number %d", event.GetHeartbeat().GetSeq()))
			return
		}
	}
}
