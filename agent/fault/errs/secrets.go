package errs

import (
	"encoding/base64"
	"strings"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// secrets are agents whose errors quote what callers trust them with.
func secrets() []fault.Mutant {
	request := errors(always, func(r *agentv1.ControlRequest, e *agentv1.AgentError) { e.Message += r.String() })
	stdin := errors(always, func(r *agentv1.ControlRequest, e *agentv1.AgentError) {
		if text := string(r.GetExec().GetStdin()); text != "" {
			e.Detail = map[string]string{"stdin": text}
		}
	})
	content := errors(always, func(r *agentv1.ControlRequest, e *agentv1.AgentError) {
		e.Message += base64.StdEncoding.EncodeToString(r.GetFsWrite().GetContent())
	})
	const others = "error.no-secrets/*"
	return []fault.Mutant{
		fault.New("quotes commands", "error.no-secrets/exec", "in the message", request, others),
		fault.New("quotes stdin", "error.no-secrets/exec", "in a detail", stdin, "error.no-secrets/fenced"),
		fault.New("quotes variables", "error.no-secrets/variable-that-cannot-be-set", "in the message", request, others),
		fault.New("quotes content in base64", "error.no-secrets/fs-write", "in the message", content, "error.no-secrets/fenced"),
		fault.New("quotes what a terminal is opened with", "error.no-secrets/terminals", "in the message", request, others),
		fault.New("quotes what it fences", "error.no-secrets/fenced", "in the message", request, others),
		{Name: "quotes bytes that it cannot decode", Case: "error.no-secrets/undecodable-request", Says: "in the message",
			Config: func(cfg *agent.Config) { cfg.Wire.In = quoting }},
	}
}

// quoting answers bytes that do not decode with those bytes.
func quoting(next nats.MsgHandler) nats.MsgHandler {
	return func(msg *nats.Msg) {
		if proto.Unmarshal(msg.Data, &agentv1.ControlRequest{}) == nil {
			next(msg)
			return
		}
		reply, err := proto.Marshal(&agentv1.ControlResponse{Error: &agentv1.AgentError{
			Code: agentv1.ErrorCode_ERROR_CODE_PROTOCOL, Message: strings.ToValidUTF8(string(msg.Data), "\uFFFD"),
		}})
		if err == nil {
			_ = msg.Respond(reply)
		}
	}
}
