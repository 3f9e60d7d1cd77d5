package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
	"agentproof/session/internal/machine"
	"agentproof/session/natsrpc"
)

func TestStateIsWhatTheRunDeclared(t *testing.T) {
	t.Parallel()
	for name, env := range map[string]map[string]string{"nothing": nil, "a variable": {"A": "1"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config()
			cfg.Environment = env
			s, err := session.New(natsrpc.New(natsrpc.Config{}), cfg)
			if err != nil {
				t.Fatal(err)
			}
			declared := map[string]string{}
			for k, v := range env {
				declared[k] = v
				env[k] = "changed by its owner"
			}
			want := session.State{
				AgentID: machine.AgentID, InstanceID: machine.AgentID,
				Manifest:    session.Manifest{Root: "/workspace", Entries: map[string]any{}, Environment: declared},
				Environment: declared,
			}
			if diff := cmp.Diff(want, s.State()); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
			s.State().Environment["B"] = "by a reader"
			s.State().Manifest.Entries["b"] = "by a reader"

			entries := map[string]any{"a": 1}
			s.SetManifest(session.Manifest{Root: "/elsewhere", Entries: entries, Environment: map[string]string{"C": "3"}})
			entries["b"] = "by its owner"
			want.Manifest.Root, want.Manifest.Entries = "/elsewhere", map[string]any{"a": 1}
			if diff := cmp.Diff(want, s.State()); diff != "" {
				t.Errorf("state with another manifest (-want +got):\n%s", diff)
			}
			s.SetManifest(session.Manifest{})
			want.Manifest.Root, want.Manifest.Entries = "", map[string]any{}
			if diff := cmp.Diff(want, s.State()); diff != "" {
				t.Errorf("state with an empty manifest (-want +got):\n%s", diff)
			}
		})
	}
}

// countingRPC counts how often it is made and closed.
type countingRPC struct{ made, closed int }

func (c *countingRPC) factory() session.ControlRPC { c.made++; return c }
func (c *countingRPC) Close() error                { c.closed++; return io.ErrUnexpectedEOF }
func (c *countingRPC) Request(context.Context, string, *agentv1.ControlRequest, time.Duration) (*agentv1.ControlResponse, error) {
	return &agentv1.ControlResponse{}, nil
}

func TestTheFactoryRunsOnceWhenTheFirstSessionIsBound(t *testing.T) {
	t.Parallel()
	rpc := &countingRPC{}
	c := session.NewClient(rpc.factory, config())
	if rpc.made != 0 {
		t.Fatal("the factory ran before a session was bound")
	}
	for range 2 {
		if _, err := c.Create(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Resume(nil); err != nil {
			t.Fatal(err)
		}
	}
	if rpc.made != 1 {
		t.Errorf("the factory ran %d times", rpc.made)
	}
	if err := c.Close(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Close = %v, want the ControlRPC's error", err)
	}
	if err := c.Close(); err != nil || rpc.closed != 1 {
		t.Errorf("a second Close = %v, the ControlRPC was closed %d times", err, rpc.closed)
	}
	if _, err := c.Create(); !errors.Is(err, session.ErrClosed) {
		t.Errorf("Create after Close: %v, want %v", err, session.ErrClosed)
	}
}

func TestAClosedClientNeverConnects(t *testing.T) {
	t.Parallel()
	rpc := &countingRPC{}
	c := session.NewClient(rpc.factory, config())
	if err := c.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if _, err := c.Resume(nil); !errors.Is(err, session.ErrClosed) || rpc.made != 0 {
		t.Errorf("Resume = %v, the factory ran %d times", err, rpc.made)
	}
}

func TestResume(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ state, own, want string }{
		"the id at the top":                       {`{"agentId":"a"}`, "own", "a"},
		"the provider state's id":                 {`{"providerState":{"agentId":"a"}}`, "own", "a"},
		"the top wins":                            {`{"agentId":"a","providerState":{"agentId":"b"}}`, "own", "a"},
		"null at the top is no id":                {`{"agentId":null,"providerState":{"agentId":"b"}}`, "own", "b"},
		"an empty id falls to the client's":       {`{"agentId":""}`, "own", "own"},
		"an empty top does not ask further":       {`{"agentId":"","providerState":{"agentId":"b"}}`, "own", "own"},
		"a number falls to the client's":          {`{"agentId":7}`, "own", "own"},
		"a provider's number as well":             {`{"providerState":{"agentId":{}}}`, "own", "own"},
		"a provider state that is none":           {`{"providerState":"x"}`, "own", "own"},
		"an empty object":                         {`{}`, "own", "own"},
		"null":                                    {`null`, "own", "own"},
		"nothing":                                 {``, "own", "own"},
		"other keys are no business of ours":      {`{"agentId":"a","manifest":{"x":1}}`, "", "a"},
		"without any id it is an error":           {`{}`, "", ""},
		"an empty one and none is an error":       {`{"agentId":""}`, "", ""},
		"an id that is no subject token":          {`{"agentId":"a.b"}`, "own", ""},
		"a state that is no object is an error":   {`["a"]`, "own", ""},
		"a state that is no JSON is an error too": {`{`, "own", ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config()
			cfg.AgentID = tc.own
			c := session.NewClient((&countingRPC{}).factory, cfg)
			s, err := c.Resume([]byte(tc.state))
			if tc.want == "" {
				if err == nil {
					t.Errorf("Resume bound %q", s.AgentID())
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if s.AgentID() != tc.want || s.Subject() != "agent.ws-1."+tc.want+".rpc" {
				t.Errorf("bound %q on %s, want %q", s.AgentID(), s.Subject(), tc.want)
			}
		})
	}
}

func TestWithoutAnAgentTheErrorSaysSo(t *testing.T) {
	t.Parallel()
	cfg := config()
	cfg.AgentID = ""
	c := session.NewClient((&countingRPC{}).factory, cfg)
	if _, err := c.Create(); err == nil || !strings.Contains(err.Error(), "no agent id") {
		t.Errorf("Create: %v", err)
	}
	if _, err := c.Resume(nil); err == nil || !strings.Contains(err.Error(), "no agent id") {
		t.Errorf("Resume: %v", err)
	}
	if _, err := session.BuildBackendSession((&countingRPC{}).factory, cfg); err == nil {
		t.Error("BuildBackendSession made a session of no agent")
	}
	if _, err := session.NewClient(nil, config()).Create(); err == nil {
		t.Error("Create made a session without a ControlRPC")
	}
}

func TestOnlyTheAgentIDIsPersisted(t *testing.T) {
	t.Parallel()
	cfg := config()
	cfg.Environment = map[string]string{"SECRET": "x"}
	c := session.NewClient((&countingRPC{}).factory, cfg)
	s, err := c.Create()
	if err != nil {
		t.Fatal(err)
	}
	s.SetManifest(session.Manifest{Root: "/x"})
	data, err := c.Serialize(s)
	if err != nil {
		t.Fatal(err)
	}
	if string(data) != `{"agentId":"agent-1"}` {
		t.Errorf("serialized %s", data)
	}
	got, err := c.Deserialize(data)
	if err != nil || got != (session.SerializedState{AgentID: "agent-1"}) {
		t.Errorf("Deserialize = %+v, %v", got, err)
	}
	again, err := json.Marshal(got)
	if err != nil || string(again) != string(data) {
		t.Errorf("round trip = %s, %v, want %s", again, err, data)
	}
}

func TestWhatAClientCannotDo(t *testing.T) {
	t.Parallel()
	c := session.NewClient((&countingRPC{}).factory, config())
	if c.SupportsDefaultOptions() || c.CanPersistOwnedSessionState() || c.BackendID() != "selfhosted" {
		t.Errorf("SupportsDefaultOptions %v, CanPersistOwnedSessionState %v, BackendID %q",
			c.SupportsDefaultOptions(), c.CanPersistOwnedSessionState(), c.BackendID())
	}
}

func TestABackendSessionReachesItsMachine(t *testing.T) {
	t.Parallel()
	rpc, _ := newRPC(t, machine.Pong)
	bs, err := session.BuildBackendSession(func() session.ControlRPC { return rpc }, config())
	if err != nil {
		t.Fatal(err)
	}
	if !bs.Session.Ping(t.Context(), 0) {
		t.Error("no answer")
	}
	if err := bs.Client.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if bs.Session.Ping(t.Context(), 0) {
		t.Error("an answer after Close")
	}
	_, err = bs.Session.Exec(t.Context(), session.ExecParams{Cmd: "true"})
	wantSentinel(t, err, session.ErrAgentOffline)
}
