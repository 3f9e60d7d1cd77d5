package session_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/testing/protocmp"

	"agentproof/fixtures/broker"
	"agentproof/fixtures/broker/brokertest"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
	"agentproof/session/internal/machine"
	"agentproof/session/natsrpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// config is the session's configuration in every test that needs no other.
func config() session.Config {
	return session.Config{
		WorkspaceID: machine.WorkspaceID,
		AgentID:     machine.AgentID,
		WorkingDir:  "/home/me/project/",
		Relay:       session.Relay{Host: "relay.example"},
	}
}

// newRPC connects to a broker of its own, on which handle answers.
func newRPC(t *testing.T, handle machine.Handler) (session.ControlRPC, *machine.Machine) {
	t.Helper()
	b := brokertest.Start(t, broker.Config{})
	m := machine.Serve(t, b, handle)
	rpc := natsrpc.New(natsrpc.Config{URLs: []string{b.ControlURL()}})
	t.Cleanup(func() {
		if err := rpc.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return rpc, m
}

func newSession(t *testing.T, cfg session.Config, handle machine.Handler) (*session.Session, *machine.Machine) {
	t.Helper()
	rpc, m := newRPC(t, handle)
	s, err := session.New(rpc, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s, m
}

// answer is a handler that always gives the same response.
func answer(resp *agentv1.ControlResponse) machine.Handler {
	return func(*agentv1.ControlRequest) *agentv1.ControlResponse { return resp }
}

func TestIDsThatAreNoSubjectTokensAreRefused(t *testing.T) {
	t.Parallel()
	rpc := natsrpc.New(natsrpc.Config{})
	for name, id := range map[string]string{
		"empty":                    "",
		"a blank":                  "a b",
		"a tab":                    "a\tb",
		"a newline":                "a\n",
		"a no-break space":         "a\u00a0b",
		"a control character":      "a\x01",
		"a C1 control character":   "a\u0085",
		"bytes that are not UTF-8": "a\xff",
		"a dot":                    "a.b",
		"a wildcard":               "*",
		"a wildcard inside":        "a*b",
		"the tail wildcard":        ">",
		"the tail wildcard inside": "a>",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfgs := map[string]session.Config{
				"workspace": {WorkspaceID: id, AgentID: "agent"},
				"agent":     {WorkspaceID: "ws", AgentID: id},
			}
			if id != "" && id != "a.b" {
				cfgs["base"] = session.Config{WorkspaceID: "ws", AgentID: "agent", SubjectBase: "agent." + id + ".x"}
			}
			for which, cfg := range cfgs {
				if _, err := session.New(rpc, cfg); !errors.Is(err, session.ErrInvalidID) {
					t.Errorf("as %s: err = %v, want %v", which, err, session.ErrInvalidID)
				}
			}
		})
	}
	if _, err := session.New(rpc, session.Config{WorkspaceID: "ws", AgentID: "agent", SubjectBase: "agent..x"}); !errors.Is(err, session.ErrInvalidID) {
		t.Errorf("a base with an empty token: err = %v, want %v", err, session.ErrInvalidID)
	}
	if _, err := session.New(rpc, session.Config{WorkspaceID: "Ws-1_ä", AgentID: "a:b/c$"}); err != nil {
		t.Errorf("legal ids: %v", err)
	}
	if _, err := session.New(nil, config()); err == nil {
		t.Error("a session without a ControlRPC")
	}
}

func TestRequestsGoToTheSubjectBase(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"":                             "agent.ws-1.agent-1.rpc",
		"agent.ws-1.agent-1":           "agent.ws-1.agent-1.rpc",
		"agent.ws-1.a.connection.uuid": "agent.ws-1.a.connection.uuid.rpc",
	} {
		cfg := config()
		cfg.SubjectBase = base
		s, err := session.New(natsrpc.New(natsrpc.Config{}), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if s.Subject() != want || s.WorkspaceID() != machine.WorkspaceID || s.AgentID() != machine.AgentID {
			t.Errorf("base %q: subject %q of workspace %q and agent %q, want %q", base, s.Subject(), s.WorkspaceID(), s.AgentID(), want)
		}
	}
}

func TestEveryRequestHasAFreshIDAndTheEpoch(t *testing.T) {
	t.Parallel()
	for _, epoch := range []uint32{0, 7} {
		cfg := config()
		cfg.Epoch = epoch
		s, m := newSession(t, cfg, machine.Pong)
		for range 3 {
			s.Ping(t.Context(), 0)
		}
		ids := map[string]bool{}
		for _, req := range m.Requests() {
			ids[req.GetRequestId()] = true
			if id, err := uuid.Parse(req.GetRequestId()); err != nil || id.Version() != 4 || id.String() != req.GetRequestId() {
				t.Errorf("request id %q is no UUID v4", req.GetRequestId())
			}
			if req.GetEpoch() != epoch {
				t.Errorf("epoch = %d, want %d", req.GetEpoch(), epoch)
			}
		}
		if len(ids) != 3 {
			t.Errorf("3 requests had %d ids", len(ids))
		}
	}
}

func TestTheTimeoutIsTheConfigs(t *testing.T) {
	t.Parallel()
	for given, want := range map[time.Duration]time.Duration{
		0: 30 * time.Second, -1: 30 * time.Second, 5 * time.Minute: 5 * time.Minute,
	} {
		var got time.Duration
		rpc := rpcFunc(func(_ context.Context, timeout time.Duration) { got = timeout })
		cfg := config()
		cfg.Timeout = given
		s, err := session.New(rpc, cfg)
		if err != nil {
			t.Fatal(err)
		}
		s.Ping(t.Context(), 0)
		if got != want {
			t.Errorf("timeout %v: the request got %v, want %v", given, got, want)
		}
	}
}

// rpcFunc looks at what a session hands to its transport, which no machine on
// the other side can see, and answers nothing.
type rpcFunc func(ctx context.Context, timeout time.Duration)

func (f rpcFunc) Request(ctx context.Context, _ string, _ *agentv1.ControlRequest, timeout time.Duration) (*agentv1.ControlResponse, error) {
	f(ctx, timeout)
	return nil, ctx.Err()
}

func TestACancelledCallReturnsTheContextsError(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 1)
	s, m := newSession(t, config(), func(*agentv1.ControlRequest) *agentv1.ControlResponse {
		asked <- struct{}{}
		return nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if _, err := s.ExecCommand(ctx, session.ExecCommandParams{Cmd: "true"}); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want %v", err, context.Canceled)
	}
	if n := len(m.Requests()); n != 1 {
		t.Errorf("sent %d times, want once", n)
	}
}

func TestDoSendsAnyOp(t *testing.T) {
	t.Parallel()
	want := &agentv1.GitResponse{ExitCode: 1, Stdout: []byte("out")}
	s, m := newSession(t, config(), answer(&agentv1.ControlResponse{Result: &agentv1.ControlResponse_Git{Git: want}}))
	req := &agentv1.ControlRequest{
		RequestId: "mine", Epoch: 99,
		Op: &agentv1.ControlRequest_Git{Git: &agentv1.GitRequest{Cwd: "/workspace/x"}},
	}
	resp, err := s.Do(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, resp.GetGit(), protocmp.Transform()); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	sent := m.Requests()[0]
	if sent.GetRequestId() == "mine" || sent.GetEpoch() != 0 || sent.GetGit().GetCwd() != "/workspace/x" {
		t.Errorf("sent %v, want an id and epoch of the session's and the op as it was", sent)
	}
	if req.GetRequestId() != "mine" {
		t.Error("the caller's request was changed")
	}
}

func TestSessionsAreSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	rpc, m := newRPC(t, machine.Pong)
	s, err := session.New(rpc, config())
	if err != nil {
		t.Fatal(err)
	}
	const callers, calls = 16, 10
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for range calls {
				if !s.Ping(t.Context(), 0) {
					t.Error("a ping got no answer")
				}
				s.SetManifest(session.Manifest{Root: strings.Repeat("x", i), Entries: map[string]any{"a": i}})
				if st := s.State(); len(st.Manifest.Entries) > 1 || st.Environment == nil {
					t.Errorf("state = %+v", st)
				}
			}
		})
	}
	wg.Wait()
	if n := len(m.Requests()); n != callers*calls {
		t.Errorf("the machine got %d requests, want %d", n, callers*calls)
	}
}
