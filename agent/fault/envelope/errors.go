package envelope

import (
	"bytes"

	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// oversize are agents that do not say properly what was too large.
func oversize() []fault.Mutant {
	const reply = "envelope.oversize-reply/"
	all := []string{reply + "*"}
	detail := func(edit func(map[string]string)) func(*agent.Config) {
		return errorsOf(tooLarge, func(e *agentv1.AgentError) { edit(e.Detail) })
	}
	mutants := []fault.Mutant{
		{Name: "names no operation", Case: reply + "details", Says: "the detail op", Config: detail(func(d map[string]string) { delete(d, "op") })},
		{Name: "tells another limit", Case: reply + "details", Says: "max_payload",
			Config: detail(func(d map[string]string) { d["max_payload"] = "1048576" })},
		{Name: "tells the limit as the size", Case: reply + "details", Says: "encoded_bytes above the limit",
			Config: detail(func(d map[string]string) { d["encoded_bytes"] = d["max_payload"] })},
		{Name: "tells sizes in kilobytes", Case: reply + "details", Says: "a decimal detail encoded_bytes",
			Config: detail(func(d map[string]string) { d["encoded_bytes"] = "48k" })},
		{Name: "keeps half of the limit", Case: reply + "just-below-is-sent", Says: "PAYLOAD_TOO_LARGE",
			Fault: fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if proto.Size(resp) > 8<<10 {
					resp.Result, resp.Error = nil, &agentv1.AgentError{Code: tooLarge}
				}
			}), Also: []string{reply + "details"}},
		{Name: "comes back after what was too large", Case: reply + "connection-stays", Says: "a Hello", Config: returning},
	}
	for id, what := range map[string]string{"file": "file", "list": "list", "command-output": "output", "one-byte-over": "reply"} {
		mutants = append(mutants, fault.Mutant{Name: "has no word for a " + what + " that is too large", Case: reply + id,
			Says: "want the error PAYLOAD_TOO_LARGE; got OS", Also: all,
			Config: errorsOf(tooLarge, func(e *agentv1.AgentError) { e.Code = agentv1.ErrorCode_ERROR_CODE_OS })})
	}
	return mutants
}

// returning says hello with every reply that tells of a size.
func returning(cfg *agent.Config) {
	hello := "agent." + cfg.WorkspaceID + "." + cfg.AgentID + ".hello"
	cfg.Wire.Out = func(next agent.PublishFunc) agent.PublishFunc {
		return func(to string, data []byte) error {
			if bytes.Contains(data, []byte("max_payload")) {
				_ = next(hello, nil)
			}
			return next(to, data)
		}
	}
}

// retryable are agents that advise the wrong thing.
func retryable() []fault.Mutant {
	var mutants []fault.Mutant
	for id, code := range map[string]agentv1.ErrorCode{
		"fenced":            agentv1.ErrorCode_ERROR_CODE_FENCED,
		"not-found":         agentv1.ErrorCode_ERROR_CODE_NOT_FOUND,
		"os":                agentv1.ErrorCode_ERROR_CODE_OS,
		"protocol":          protocol,
		"payload-too-large": tooLarge,
		"unsupported":       agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED,
		"consent-required":  agentv1.ErrorCode_ERROR_CODE_CONSENT_REQUIRED,
	} {
		mutants = append(mutants, fault.Mutant{Name: "turns the advice on " + id + " round", Case: "envelope.retryable/" + id, Says: "want retryable",
			Config: errorsOf(code, func(e *agentv1.AgentError) { e.Retryable = !e.GetRetryable() })})
	}
	return mutants
}
