package sessions

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
	"agentproof/suite/engine"
	"agentproof/suite/wait"
	"agentproof/suite/wire"
)

func transportCases() []engine.Case {
	return []engine.Case{
		{
			ID: "session.rpc.offline/no-such-agent", Clause: "session.rpc.offline",
			Explain: "A machine that nobody answers for is offline. Taken for gone, it would be replaced by a rival box while it is only asleep.",
			Try:     "fakeagent call --nats URL --workspace ws --agent nobody ping",
			Run:     noSuchAgent,
		},
		{
			ID: "session.rpc.offline/broker-away", Clause: "session.rpc.offline", Launch: &engine.Launch{},
			Explain: "An outage of the broker says nothing about the machine behind it.",
			Run:     brokerAway,
		},
		{
			ID: "session.rpc.no-buffering/nothing-runs-after-the-outage", Clause: "session.rpc.no-buffering", Needs: engine.Filesystem, Launch: &engine.Launch{},
			Explain: "A write that was refused during an outage and happens minutes later destroys what was done since.",
			Run:     nothingAfterTheOutage,
		},
		{
			ID: "session.rpc.redial/works-after-the-outage", Clause: "session.rpc.redial", Launch: &engine.Launch{},
			Explain: "A control plane runs for weeks; its connection must mend itself.",
			Run:     worksAfterTheOutage,
		},
		{
			ID: "session.rpc.timeout/is-reconnecting-and-runs-once", Clause: "session.rpc.timeout", Needs: fsAndExec,
			Explain: "A caller whose time is over must know that the command may still run, and nobody may run it twice.",
			Try:     "fakeagent call --timeout 1s exec 'sleep 3; echo ran >>log'",
			Run:     timeoutRunsOnce,
		},
		{
			ID: "session.rpc.cancelled/returns-at-once", Clause: "session.rpc.cancelled", Needs: engine.Exec, Background: true,
			Explain: "A user who gives up must not wait for a command that goes on.",
			Run:     cancelled,
		},
		{
			ID: "session.rpc.oversize-request/refused-and-alive", Clause: "session.rpc.oversize-request", Needs: engine.Filesystem,
			Launch:  &engine.Launch{MaxPayload: 1 << 20},
			Explain: "A broker ends the connection of a client that sends too much; one large file must not cut off every session.",
			Run:     oversizeRequest,
		},
		{
			ID: "session.op.concurrent/many-callers", Clause: "session.op.concurrent", Needs: engine.Filesystem,
			Explain: "A model's tools run side by side over one session; no answer may reach another's caller.",
			Run:     manyCallers,
		},
		{
			ID: "session.client.build/one-construction", Clause: "session.client.build",
			Explain: "Worker and viewer must build the same session from the same persisted state.",
			Run:     buildBackendSession,
		},
	}
}

func noSuchAgent(ctx context.Context, t *engine.T) {
	s := t.Session(session.Config{AgentID: "nobody"})
	_, err := s.ReadFile(ctx, session.ReadFileParams{Path: "x"})
	is(t, err, session.ErrAgentOffline, "ErrAgentOffline")
	notRetryable(t, err)
	engine.Equal(t, "Ping", s.Ping(ctx, 0), false)
}

func notRetryable(t *engine.T, err error) {
	e, found := errors.AsType[*session.ControlError](err)
	if !found {
		t.Fatalf("a *ControlError", "%s", condition(err))
	}
	engine.Equal(t, "retryable", e.Retryable, false)
	engine.Equal(t, "the flag AgentOffline", e.AgentOffline, true)
	engine.Equal(t, "the reason", e.Reason, session.ReasonAgentOffline)
}

func brokerAway(ctx context.Context, t *engine.T) {
	s := t.Session(session.Config{Timeout: t.Scale(2 * time.Second)})
	outage(ctx, t, s)
	_, err := s.ReadFile(ctx, session.ReadFileParams{Path: "x"})
	is(t, err, session.ErrAgentOffline, "ErrAgentOffline")
	notRetryable(t, err)
}

// outage takes the broker away from a session that works, and returns a mark
// from before. It waits until the session has noticed: what was on its way when
// the connection broke ends as a timeout.
func outage(ctx context.Context, t *engine.T, s *session.Session) int {
	engine.Equal(t, "Ping before the outage", s.Ping(ctx, 0), true)
	mark := t.Instance().Watch.Mark()
	t.Instance().Broker.Stop()
	if !wait.Until(ctx, t.Scale(10*time.Second), func(ctx context.Context) bool { return !s.Ping(ctx, 0) }) {
		t.Fatalf("the session to notice that its broker is away", "pings that are answered")
	}
	return mark
}

// restore brings the broker back and waits for the agent's next Hello.
func restore(ctx context.Context, t *engine.T, mark int) {
	inst := t.Instance()
	if err := inst.Restore(ctx); err != nil {
		t.Harness(err)
	}
	limit, cancel := context.WithTimeout(ctx, t.Scale(20*time.Second))
	defer cancel()
	if _, _, err := inst.Watch.Await(limit, mark, wire.IsHello); err != nil {
		t.Given().Fatalf("the agent back after the outage", "no Hello")
	}
}

// once is a dialer of one connection, and of more when it is open.
type once struct{ used, open atomic.Bool }

func (o *once) Dial(network, address string) (net.Conn, error) {
	if o.used.Load() && !o.open.Load() {
		return nil, errors.New("there was a connection")
	}
	conn, err := net.DialTimeout(network, address, 2*time.Second)
	o.used.Store(err == nil)
	return conn, err
}

func nothingAfterTheOutage(ctx context.Context, t *engine.T) {
	// The agent is to be back first, or nobody hears what the session kept.
	var dialer once
	inst := t.Instance()
	s, err := session.New(t.ControlRPC(nats.SetCustomDialer(&dialer)), session.Config{
		WorkspaceID: inst.WorkspaceID, AgentID: inst.AgentID, SubjectBase: inst.Base, Timeout: t.Scale(2 * time.Second),
	})
	if err != nil {
		t.Harness(err)
	}
	mark := outage(ctx, t, s)
	_, err = s.WriteFile(ctx, session.WriteFileParams{Path: "ghost.txt", Content: []byte("late")})
	is(t, err, session.ErrAgentOffline, "ErrAgentOffline")
	restore(ctx, t, mark)
	dialer.open.Store(true)
	// Once the same connection carries pings and writes again, all that it had
	// kept would have gone out before.
	if !wait.Until(ctx, t.Scale(20*time.Second), func(ctx context.Context) bool { return s.Ping(ctx, 0) }) {
		t.Fatalf("the session back after the outage", "no ping answered")
	}
	write(ctx, t, s, t.Path(ctx, "after.txt"), "")
	absent(ctx, t, "nothing written after the refusal", "ghost.txt")
}

func worksAfterTheOutage(ctx context.Context, t *engine.T) {
	s := t.Session(session.Config{Timeout: t.Scale(2 * time.Second)})
	mark := outage(ctx, t, s)
	restore(ctx, t, mark)
	back := wait.Until(ctx, t.Scale(20*time.Second), func(ctx context.Context) bool { return s.Ping(ctx, 0) })
	t.Check(back, "the same session to work after the outage", "no ping answered")
}

func timeoutRunsOnce(ctx context.Context, t *engine.T) {
	s := t.Session(session.Config{WorkingDir: t.Dir(ctx), Timeout: 500 * time.Millisecond})
	cmd := "echo ran >>log; " + shellQuote(t.Helper(ctx, "sleep", "2s")) + "; : >done"
	_, err := s.Exec(ctx, session.ExecParams{Cmd: cmd})
	is(t, err, session.ErrReconnecting, "ErrReconnecting")
	if e, found := errors.AsType[*session.ControlError](err); found {
		engine.Equal(t, "retryable", e.Retryable, true)
	}
	log := t.Path(ctx, "log")
	if !t.AwaitFile(ctx, t.Path(ctx, "done"), t.Scale(10*time.Second)) {
		t.Untestable("the agent ends a command whose caller left, so there is nothing to count")
	}
	wrote, _ := t.Look(ctx, log)
	engine.Equal(t, "what the command wrote", string(wrote), "ran\n")
}

func cancelled(ctx context.Context, t *engine.T) {
	s := in(ctx, t)
	engine.Equal(t, "Ping", s.Ping(ctx, 0), true)
	started := t.Path(ctx, "started")
	ctx2, cancel := context.WithCancel(ctx)
	defer cancel()
	result := make(chan error, 1)
	cmd := ": >started; " + shellQuote(t.Helper(ctx, "sleep", "5s"))
	go func() {
		_, err := s.Exec(ctx2, session.ExecParams{Cmd: cmd})
		result <- err
	}()
	// No second operation is needed to see it: the agent may serve one at a time.
	if !t.AwaitFile(ctx, started, t.Scale(10*time.Second)) {
		t.Given().Fatalf("the command to start", "no trace of it")
	}
	cancel()
	select {
	case err := <-result:
		t.Check(errors.Is(err, context.Canceled), "context.Canceled", "%s", condition(err))
	case <-time.After(t.Scale(3 * time.Second)):
		t.Errorf("a cancelled call to return at once", "it waits for the command")
	}
	engine.Equal(t, "Ping over the same connection", s.Ping(ctx, 0), true)
}

func oversizeRequest(ctx context.Context, t *engine.T) {
	s := t.Session(session.Config{})
	engine.Equal(t, "Ping", s.Ping(ctx, 0), true)
	_, err := s.WriteFile(ctx, session.WriteFileParams{Path: "big", Content: make([]byte, 2<<20)})
	e, found := errors.AsType[*session.ControlError](err)
	if !found {
		t.Fatalf("a *ControlError", "%s", condition(err))
	}
	engine.Equal(t, "the code", e.Code, agentv1.ErrorCode_ERROR_CODE_PAYLOAD_TOO_LARGE)
	engine.Equal(t, "the detail op", e.Detail["op"], "fs_write")
	engine.Equal(t, "the detail max_payload", e.Detail["max_payload"], "1048576")
	t.Check(len(e.Detail["encoded_bytes"]) == len("2097152"), "the detail encoded_bytes", "%q", e.Detail["encoded_bytes"])
	engine.Equal(t, "Ping over the same connection", s.Ping(ctx, 0), true)
	absent(ctx, t, "nothing written", "big")
}

func manyCallers(ctx context.Context, t *engine.T) {
	s := in(ctx, t)
	var wg sync.WaitGroup
	var mixed sync.Map
	for i := range 64 {
		name := strings.Repeat("n", i+1)
		wg.Go(func() {
			if _, err := s.WriteFile(ctx, session.WriteFileParams{Path: name, Content: []byte(name)}); err != nil {
				mixed.Store("a write failed", true)
				return
			}
			data, err := s.ReadFile(ctx, session.ReadFileParams{Path: name})
			if err != nil {
				mixed.Store("a read failed", true)
			} else if string(data) != name {
				mixed.Store("another caller's answer", true)
			}
		})
	}
	wg.Wait()
	mixed.Range(func(what, _ any) bool {
		t.Errorf("every caller to get its own answer", "%s", what)
		return true
	})
}

func buildBackendSession(ctx context.Context, t *engine.T) {
	inst := t.Instance()
	rpc := t.ControlRPC()
	connect := func() session.ControlRPC { return rpc }
	b, err := session.BuildBackendSession(connect, session.Config{
		WorkspaceID: inst.WorkspaceID, AgentID: inst.AgentID, SubjectBase: inst.Base, Timeout: t.Scale(10 * time.Second),
	})
	if err != nil {
		t.Fatalf("a session built without asking the broker", "%s", condition(err))
	}
	engine.Equal(t, "Ping", b.Session.Ping(ctx, 0), true)
	state := ok[[]byte](t, "serializing")(b.Client.Serialize(b.Session))
	engine.Equal(t, "the persisted state", string(state), `{"agentId":"`+inst.AgentID+`"}`)
	// The state says which machine it is, whatever the viewer was told.
	viewer := session.NewClient(connect, session.Config{WorkspaceID: inst.WorkspaceID, AgentID: "another", SubjectBase: inst.Base})
	again := ok[*session.Session](t, "resuming")(viewer.Resume(state))
	engine.Same(t, "the agent of the state in a resumed session", again.AgentID(), inst.AgentID)
}
