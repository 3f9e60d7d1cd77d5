package sessions

import (
	"strings"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// findsAll reads an empty file where there is none.
func findsAll() agent.Middleware {
	return fault.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if req.GetFsRead() != nil && resp.GetError().GetCode() == notFound {
			resp.Error, resp.Result = nil, &agentv1.ControlResponse_FsRead{FsRead: &agentv1.FsReadResponse{}}
		}
	})
}

// unreachable refuses the pings of callers that name their requests, as
// sessions do.
func unreachable() agent.Middleware {
	return fault.Refuse(failedOS, func(req *agentv1.ControlRequest) bool { return req.GetPing() != nil && req.GetRequestId() != "" })
}

// forNobody answers for an agent that does not exist.
func forNobody(answer func(*agentv1.ControlRequest, *agentv1.ControlResponse)) func(*agent.Config) {
	return func(cfg *agent.Config) {
		subject := "agent." + cfg.WorkspaceID + ".nobody.rpc"
		cfg.NATSOptions = append(cfg.NATSOptions, nats.ConnectHandler(func(nc *nats.Conn) {
			_, _ = nc.Subscribe(subject, func(msg *nats.Msg) {
				req := &agentv1.ControlRequest{}
				if proto.Unmarshal(msg.Data, req) != nil {
					return
				}
				resp := &agentv1.ControlResponse{RequestId: req.GetRequestId()}
				answer(req, resp)
				if data, err := proto.Marshal(resp); err == nil {
					_ = msg.Respond(data)
				}
			})
		}))
	}
}

// deafWhenBack hears nothing on any connection but the first.
func deafWhenBack(cfg *agent.Config) {
	var connections atomic.Int32
	cfg.Wire.In = func(next nats.MsgHandler) nats.MsgHandler {
		if connections.Add(1) == 1 {
			return next
		}
		return func(*nats.Msg) {}
	}
}

func transports() []fault.Mutant {
	const offline, timeout = "session.rpc.offline/", "session.rpc.timeout/is-reconnecting-and-runs-once"
	missing := func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		resp.Error = &agentv1.AgentError{Code: notFound}
	}
	pong := func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		resp.Result = &agentv1.ControlResponse_Ping{Ping: &agentv1.PingResponse{Nonce: req.GetPing().GetNonce()}}
	}
	return []fault.Mutant{
		{Name: "says that another agent's file is missing", Case: offline + "no-such-agent", Says: "an error that is ErrAgentOffline", Config: forNobody(missing)},
		mutant("refuses the pings of a session", offline+"broker-away", "Ping before the outage true", unreachable()),
		{Name: "hears nothing when it is back", Case: "session.rpc.no-buffering/nothing-runs-after-the-outage", Says: "the session back after the outage",
			Scale: soon, Config: deafWhenBack},
		{Name: "is of no use when it is back", Case: "session.rpc.redial/works-after-the-outage", Says: "the same session to work after the outage",
			Scale: soon, Config: deafWhenBack},
		mutant("answers a line that has only begun", timeout, "ErrReconnecting; got none", hasty),
		mutant("does twice what takes long", timeout, "what the command wrote",
			lines(func(r *agentv1.ExecRequest) {
				r.Command[0] = strings.Replace(r.Command[0], "echo ran >>log", "echo ran >>log; echo ran >>log", 1)
			})),
		mutant("answers before it is given up", "session.rpc.cancelled/returns-at-once", "context.Canceled", hasty),
		mutant("refuses the pings of a large sender", "session.rpc.oversize-request/refused-and-alive", "Ping true", unreachable()),
		mutant("mixes up its callers", "session.op.concurrent/many-callers", "another caller's answer", mixed()),
		mutant("refuses the pings of a resumed session", "session.client.build/one-construction", "Ping true", unreachable()),
		mutant("refuses a probe", "session.op.ping/true-and-false", "Ping of the agent true", unreachable()),
		{Name: "answers pings for others", Case: "session.op.ping/true-and-false", Says: "Ping of nobody false", Config: forNobody(pong)},
	}
}

func errorsTold() []fault.Mutant {
	const stale, missing = "session.error.fenced/nothing-ran", "session.error.missing-file/is-no-missing-machine"
	return []fault.Mutant{
		mutant("lets stale sessions write", stale, "ErrFenced; got none", fault.Before(func(req *agentv1.ControlRequest) {
			if req.GetFsWrite() != nil {
				req.Epoch = 0
			}
		})),
		mutant("calls a missing file broken", missing, "an error that is ErrNotExist", fault.Recode(notFound, failedOS)),
		mutant("calls a directory a wrong request", "session.error.other/os-error-is-no-flag", "the code",
			fault.Recode(failedOS, agentv1.ErrorCode_ERROR_CODE_PROTOCOL)),
	}
}
