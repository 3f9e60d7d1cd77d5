package engine

import (
	"context"

	"github.com/nats-io/nats.go"

	"agentproof/session"
	"agentproof/session/natsrpc"
	"agentproof/suite/verdict"
	"agentproof/suite/wire"
)

// Session is the control plane's session with the agent under test, over a
// connection of the case's own. cfg's identity is filled in where it is empty.
func (t *T) Session(cfg session.Config) *session.Session {
	if cfg.WorkspaceID == "" {
		cfg.WorkspaceID = t.inst.WorkspaceID
	}
	if cfg.AgentID == "" {
		cfg.AgentID = t.inst.AgentID
		cfg.SubjectBase = t.inst.Base
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = t.Scale(wire.OpLimit)
	}
	s, err := session.New(t.ControlRPC(), cfg)
	if err != nil {
		t.Harness(err)
	}
	return s
}

// ControlRPC is a connection of the control plane, closed after the case.
// What goes over it is recorded.
func (t *T) ControlRPC(opts ...nats.Option) *natsrpc.Client {
	client := natsrpc.New(natsrpc.Config{
		URLs:    []string{t.inst.ControlURL},
		Name:    "agentproof session",
		Options: append(t.inst.NATSOptions(), opts...),
		Trace: natsrpc.Trace{
			Header: map[string]string{wire.CaseHeader: t.kase.ID},
			Observe: func(x natsrpc.Exchange) {
				t.rec.Exchange(verdict.Exchange{Subject: x.Subject, Request: x.Request, Response: x.Response, Err: x.Err, Took: x.Duration},
					x.Start, t.header(), x.Reply, x.Subject == t.inst.Base+".rpc")
			},
		},
		Stray: t.rec.Stray,
	})
	t.Cleanup(func(context.Context) { _ = client.Close() })
	return client
}
