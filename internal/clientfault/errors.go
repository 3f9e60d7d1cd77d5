package clientfault

const errorsFile = "session/errors.go"

func errorsTold() []Fault {
	const (
		fenced  = "session.error.fenced/nothing-ran"
		missing = "session.error.missing-file/is-no-missing-machine"
		other   = "session.error.other/os-error-is-no-flag"
		nobody  = "session.rpc.offline/no-such-agent"
		build   = "newControlError"
	)
	return []Fault{
		lie("takes a machine that refuses for gone", fenced, "no error to be a provider's not-found",
			Edit{errorsFile, "IsProviderNotFound", `false`, `true`}),
		lie("sends no epoch", fenced, "ErrFenced; got none",
			Edit{"session/session.go", "Session.Do", `Epoch: s.cfg.Epoch`, `Epoch: 0`}),
		lie("does not flag a fence", fenced, "the flag Fenced true",
			Edit{errorsFile, build, `c.sentinel == ErrFenced`, `false`}),
		lie("calls a fence final", fenced, "retryable true",
			Edit{errorsFile, "conditionOf",
				`condition{"", ErrFenced, true, true, "the operation was resolved against a stale epoch"}`,
				`condition{"", ErrFenced, true, false, "the operation was resolved against a stale epoch"}`}),
		lie("takes every failure for an agent that is offline", missing, "no offline agent",
			Edit{errorsFile, "ControlError.Unwrap", `conditionOf(e.Code).sentinel`, `errors.Join(conditionOf(e.Code).sentinel, ErrAgentOffline)`}),
		lie("does not flag a missing file", missing, "the flag OSNotFound true",
			Edit{errorsFile, build, `c.sentinel == ErrNotExist`, `false`}),
		lie("makes text of what went wrong with a read", other, "a *ControlError for reading a directory",
			Edit{"session/files.go", "Session.ReadFile", `"read %s: %w"`, `"read %s: %v"`}),
		lie("flags every failure as an agent that is offline", other, "no flag and no reason",
			Edit{errorsFile, build, `c.sentinel == ErrAgentOffline`, `true`}),
		lie("takes an agent that is offline for a missing file", nobody, "no missing file in ErrAgentOffline",
			Edit{errorsFile, "ControlError.Unwrap", `conditionOf(e.Code).sentinel`, `errors.Join(conditionOf(e.Code).sentinel, fs.ErrNotExist)`}),
		lie("tells the condition and nothing else", nobody, "a *ControlError",
			Edit{"session/session.go", "Session.Do", `return nil, newControlError(resp.GetError())`, `return nil, newControlError(resp.GetError()).Unwrap()`}),
		lie("asks to try again with an agent that is offline", nobody, "retryable false",
			Edit{errorsFile, "conditionOf",
				`condition{ReasonAgentOffline, ErrAgentOffline, true, false, "the machine's agent is offline"}`,
				`condition{ReasonAgentOffline, ErrAgentOffline, true, true, "the machine's agent is offline"}`}),
		lie("does not flag an agent that is offline", nobody, "the flag AgentOffline true",
			Edit{errorsFile, build, `c.sentinel == ErrAgentOffline`, `false`}),
		lie("gives no reasons", nobody, "the reason",
			Edit{errorsFile, build, `Reason: c.reason`, `Reason: ""`}),
		lie("makes text of what went wrong with a write", "session.rpc.oversize-request/refused-and-alive", "a *ControlError",
			Edit{"session/files.go", "Session.WriteFile", `"write %s: %w"`, `"write %s: %v"`}),
	}
}
