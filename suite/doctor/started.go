package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"agentproof/fixtures/broker"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/instance"
	"agentproof/suite/subject"
	"agentproof/suite/wire"
)

// Started starts the subject as a run would and examines what it does, one step
// after the other. It tells whether all is well.
func (d *Doctor) Started(ctx context.Context, s subject.Subject) bool {
	e := &exam{Doctor: d}
	e.started(ctx, s)
	return !e.ill
}

func (e *exam) started(ctx context.Context, s subject.Subject) {
	output := &printed{limit: 64 << 10}
	inst, err := instance.Start(ctx, &instance.Config{Subject: output.by(s)}, &instance.Launch{Unawaited: true}, nil)
	if err != nil {
		advice := "correct the command: it is run as it stands, without a shell"
		if errors.Is(err, fs.ErrPermission) {
			advice = "make the program executable: chmod +x"
		}
		e.fail("start", err.Error(), advice)
		return
	}
	defer func() {
		if e.ill { // and may not know how to stop
			_ = inst.Process.Kill()
		}
		inst.Stop(ctx)
	}()
	e.ok("start", "the command runs")
	p := &patient{exam: e, inst: inst, relative: relativeNames(s.Argv), since: time.Now()}
	e.output = output.String
	if p.connected(ctx) && p.subscribed(ctx) && p.saidHello(ctx) {
		p.answers(ctx)
	}
	if refused := inst.Broker.Violations(); len(refused) > 0 {
		e.fail("permission", "the broker refused the agent a subject: "+refused[0],
			fmt.Sprintf("an agent may use agent.%s.> and _INBOX.> only: see 'conformance explain subject.scope'", inst.WorkspaceID))
	}
}

// patient is an agent that was started, and the broker that watches it.
type patient struct {
	*exam
	inst     *instance.Instance
	relative []string  // arguments of its command that depend on the directory
	since    time.Time // its start
}

// ended tells, as a failed step, that the agent is gone.
func (p *patient) ended(name, before string) bool {
	if !p.inst.Ended() {
		return false
	}
	advice := "an agent runs until it gets SIGTERM: see what it printed"
	if len(p.relative) > 0 {
		advice = fmt.Sprintf(`the agent starts in its workspace root, not here: write %s as "$PWD/%s"; if that is right, see what it printed`,
			p.relative[0], strings.TrimPrefix(p.relative[0], "./"))
	}
	p.fail(name, fmt.Sprintf("the agent ended with status %d after %v, before %s", p.inst.Process.ExitCode(),
		time.Since(p.since).Round(10*time.Millisecond), before), advice)
	return true
}

// relativeNames returns the arguments that name files of the present directory,
// which the agent does not find from its own. The program itself is found
// wherever it runs.
func relativeNames(argv []string) []string {
	var names []string
	for _, arg := range argv[min(1, len(argv)):] {
		if _, value, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(arg, "-") {
			arg = value
		}
		if arg == "" || filepath.IsAbs(arg) || strings.HasPrefix(arg, "-") {
			continue
		}
		if _, err := os.Stat(arg); err == nil {
			names = append(names, arg)
		}
	}
	return names
}

// agent is the connection that the agent's token made; nil for none.
func (p *patient) agent() *broker.Client {
	clients, err := p.inst.Broker.Clients()
	if err != nil {
		return nil
	}
	i := slices.IndexFunc(clients, func(c broker.Client) bool { return c.Workspace == p.inst.WorkspaceID })
	if i < 0 {
		return nil
	}
	return &clients[i]
}

// refusedLimit is how long an agent may go on with wrong credentials before
// they count: it may know more than one.
const refusedLimit = time.Second

// connected waits for the agent's connection.
func (p *patient) connected(ctx context.Context) bool {
	ctx, cancel := p.within(ctx, connectLimit)
	defer cancel()
	var refused time.Time
	in := until(ctx, func() bool {
		if refused.IsZero() && len(p.inst.Broker.Refusals()) > 0 {
			refused = time.Now()
		}
		return p.agent() != nil || p.inst.Ended() || !refused.IsZero() && time.Since(refused) > p.scale(refusedLimit)
	})
	refusals := p.inst.Broker.Refusals()
	switch {
	case in && p.agent() != nil:
		p.ok("connect", fmt.Sprintf("with the right token, after %v", time.Since(p.since).Round(10*time.Millisecond)))
		return true
	case len(refusals) > 0:
		p.fail("connect", "the broker refused the agent, which came with "+refusals[len(refusals)-1],
			"it must send $AGENTPROOF_NATS_TOKEN as the auth token of its CONNECT: see 'conformance explain connect.token'")
	case p.ended("connect", "it connected to the broker"):
	case p.strangers() > 0:
		p.fail("connect", fmt.Sprintf("the agent opened a connection and did not log in within %v", p.scale(connectLimit)),
			"it must speak the NATS protocol to $AGENTPROOF_NATS_URL, here without TLS")
	default:
		p.fail("connect", fmt.Sprintf("the agent runs and opened no connection within %v", p.scale(connectLimit)),
			"it must connect to $AGENTPROOF_NATS_URL, here "+p.inst.Broker.URL())
	}
	return false
}

// strangers counts the connections that nobody logged in on.
func (p *patient) strangers() int {
	clients, err := p.inst.Broker.Clients()
	if err != nil {
		return 0
	}
	n := 0
	for _, c := range clients {
		if !c.Control && c.Workspace == "" {
			n++
		}
	}
	return n
}

// subscribed waits for the subscription that requests come by.
func (p *patient) subscribed(ctx context.Context) bool {
	ctx, cancel := p.within(ctx, subscribeLimit)
	defer cancel()
	rpc := p.inst.Base + ".rpc"
	var last []string // what it was subscribed to when it was last seen
	if until(ctx, func() bool {
		if c := p.agent(); c != nil {
			last = c.Subscriptions
		}
		return slices.Contains(last, rpc) || p.inst.Ended()
	}) && slices.Contains(last, rpc) {
		p.ok("subscribe", "to "+rpc)
		return true
	}
	const advice = "the subject is agent.$AGENTPROOF_WORKSPACE_ID.$AGENTPROOF_AGENT_ID.rpc"
	switch {
	case p.ended("subscribe", "it subscribed to "+rpc):
	case len(last) > 0:
		p.fail("subscribe", fmt.Sprintf("the agent subscribed to %s, and to be expected was %s", strings.Join(last, ", "), rpc), advice)
	default:
		p.fail("subscribe", fmt.Sprintf("the agent is connected and subscribed to nothing within %v; to be expected was %s", p.scale(subscribeLimit), rpc), advice)
	}
	return false
}

// saidHello waits for the agent's introduction.
func (p *patient) saidHello(ctx context.Context) bool {
	ctx, cancel := p.within(ctx, helloLimit)
	defer cancel()
	subject := p.inst.Base + ".hello"
	got, _, err := p.inst.Watch.Await(ctx, 0, func(a wire.Announcement) bool { return a.Subject == subject })
	switch {
	case err != nil && p.ended("hello", "it said hello"):
	case err != nil:
		p.fail("hello", fmt.Sprintf("none came on %s within %v", subject, p.scale(helloLimit)),
			"the agent must publish a Hello after every connect: see 'conformance explain lifecycle.hello-after-subscribe'")
	case got.Err != nil:
		p.fail("hello", fmt.Sprintf("what came on %s is no Hello (%v)", subject, got.Err), "see docs/spec/wire.md")
	case got.Hello.GetAgentId() != p.inst.AgentID || got.Hello.GetWorkspaceId() != p.inst.WorkspaceID:
		p.fail("hello", fmt.Sprintf("the agent calls itself %q of %q, and is %q of %q",
			got.Hello.GetAgentId(), got.Hello.GetWorkspaceId(), p.inst.AgentID, p.inst.WorkspaceID),
			"it must name itself by $AGENTPROOF_AGENT_ID and $AGENTPROOF_WORKSPACE_ID")
	default:
		p.ok("hello", fmt.Sprintf("from version %q", got.Hello.GetAgentVersion()))
		return true
	}
	return false
}

// answers asks the agent as anybody would.
func (p *patient) answers(ctx context.Context) {
	nc, err := nats.Connect(p.inst.ControlURL, p.options()...)
	if err != nil {
		p.fail("agent", fmt.Sprintf("the suite's own broker cannot be reached (%v)", err), "try again: this is no fault of the agent")
		return
	}
	defer nc.Close()
	v := &visit{exam: p.exam, nc: nc, base: p.inst.Base, agentID: p.inst.AgentID, epoch: p.inst.HeldEpoch}
	if !v.listen() {
		return
	}
	v.event = p.events() // the watcher heard also what came before
	if v.ping(ctx) {
		v.heartbeat(ctx)
	}
}

// events are the agent's announcements since its start, one a call.
func (p *patient) events() func(context.Context) (*agentv1.AgentEvent, error) {
	mark := 0
	subject := p.inst.Base + ".events"
	return func(ctx context.Context) (*agentv1.AgentEvent, error) {
		got, next, err := p.inst.Watch.Await(ctx, mark, func(a wire.Announcement) bool { return a.Subject == subject })
		mark = next
		switch {
		case err != nil:
			return nil, err
		case got.Err != nil:
			return nil, &eventError{got.Err}
		}
		return got.Event, nil
	}
}
