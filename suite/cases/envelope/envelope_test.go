package envelope_test

import (
	"bytes"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/cases/envelope"
	"agentproof/suite/helper"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	os.Exit(m.Run())
}

// before changes raw requests.
func before(edit func(msg *nats.Msg)) func(*agent.Config) {
	return func(cfg *agent.Config) {
		cfg.Wire.In = func(next nats.MsgHandler) nats.MsgHandler {
			return func(msg *nats.Msg) {
				edit(msg)
				next(msg)
			}
		}
	}
}

// after changes replies when all else of the agent has seen them.
func after(edit func(*agentv1.ControlResponse)) func(*agent.Config) {
	return func(cfg *agent.Config) {
		cfg.Wire.Out = func(next agent.PublishFunc) agent.PublishFunc {
			return func(to string, data []byte) error {
				resp := &agentv1.ControlResponse{}
				if strings.HasPrefix(to, nats.InboxPrefix) && proto.Unmarshal(data, resp) == nil {
					edit(resp)
					data, _ = proto.Marshal(resp)
				}
				return next(to, data)
			}
		}
	}
}

// code changes the errors of one code.
func code(c agentv1.ErrorCode, edit func(*agentv1.ControlResponse)) func(*agent.Config) {
	return after(func(resp *agentv1.ControlResponse) {
		if resp.GetError().GetCode() == c {
			edit(resp)
		}
	})
}

func decodes(data []byte) bool { return proto.Unmarshal(data, &agentv1.ControlRequest{}) == nil }

// aPing is the request that stands in for what is none.
var aPing = []byte{10<<3 | 2, 0}

func TestCasesNoticeAReplyThatIsNotTheRequests(t *testing.T) {
	t.Parallel()
	op := func(edit func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse)) agent.Middleware {
		return trial.After(edit)
	}
	trial.Noticed(t, envelope.Cases(), []trial.Mutant{
		{Name: "drops ids", Case: "envelope.request-id/on-a-result", Says: "the request_id",
			Fault: op(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if req.GetPing() != nil {
					resp.RequestId = ""
				}
			})},
		{Name: "drops ids of errors", Case: "envelope.request-id/on-an-error", Says: "the request_id",
			Fault: op(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if resp.GetError() != nil {
					resp.RequestId = ""
				}
			})},
		{Name: "makes ids up", Case: "envelope.request-id/empty-stays-empty", Says: "the request_id",
			Fault: op(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if resp.GetRequestId() == "" {
					resp.RequestId = "made-up"
				}
			})},
		{Name: "trims ids", Case: "envelope.request-id/any-text", Says: "white space",
			Fault: op(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				resp.RequestId = strings.TrimSpace(resp.GetRequestId())
			})},
		{Name: "cuts ids", Case: "envelope.request-id/any-text", Says: "10,000 bytes",
			Fault: op(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				resp.RequestId = resp.GetRequestId()[:min(len(resp.GetRequestId()), 256)]
			})},
		{Name: "leaves empty results out", Case: "envelope.result-xor-error/empty-results-are-present", Says: "neither",
			Fault: op(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if req.GetFsMove() != nil {
					resp.Result = nil
				}
			})},
		{Name: "adds half a result to errors", Case: "envelope.result-xor-error/an-error-comes-alone", Says: "both",
			Fault: op(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if resp.GetError() != nil {
					resp.Result = &agentv1.ControlResponse_FsRead{FsRead: &agentv1.FsReadResponse{}}
				}
			})},
		{Name: "calls a failed command an error too", Case: "envelope.result-xor-error/a-result-comes-alone", Says: "both",
			Fault: op(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if resp.GetExec().GetExitCode() != 0 {
					resp.Error = &agentv1.AgentError{}
				}
			})},
		{Name: "answers mkdir as remove", Case: "envelope.result-matches-op/every-operation", Says: `a result of "fs_mkdir"`,
			Fault: op(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if req.GetFsMkdir() != nil && strings.HasSuffix(req.GetFsMkdir().GetPath(), "every-operation/dir") {
					resp.Result = &agentv1.ControlResponse_FsRemove{FsRemove: &agentv1.FsRemoveResponse{}}
				}
			})},
	})
}

func TestCasesNoticeARequestThatIsNone(t *testing.T) {
	t.Parallel()
	lenient := before(func(msg *nats.Msg) {
		if !decodes(msg.Data) {
			msg.Data = aPing
		}
	})
	salvaging := before(func(msg *nats.Msg) {
		for !decodes(msg.Data) {
			msg.Data = msg.Data[:len(msg.Data)-1]
		}
	})
	replacing := before(func(msg *nats.Msg) {
		for _, b := range []string{"\xff", "\xc3"} {
			msg.Data = bytes.ReplaceAll(msg.Data, []byte(b), []byte("?"))
		}
	})
	initiated := func(id string, answer *agentv1.ControlResponse, is func(*agentv1.ControlRequest) bool) trial.Mutant {
		return trial.Mutant{Name: "answers " + id, Case: id, Says: "a result of",
			Fault: trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if is(req) {
					resp.Error, resp.Result = nil, answer.GetResult()
				}
			})}
	}
	trial.Noticed(t, envelope.Cases(), []trial.Mutant{
		{Name: "takes garbage for a ping", Case: "envelope.undecodable/garbage", Says: "a result of ping", Config: lenient},
		{Name: "takes long garbage for a ping", Case: "envelope.undecodable/random", Says: "a result of ping",
			Config: before(func(msg *nats.Msg) {
				if len(msg.Data) > 1000 && !decodes(msg.Data) {
					msg.Data = aPing
				}
			})},
		{Name: "runs what is left of a request", Case: "envelope.undecodable/truncated", Says: "the request_id", Config: salvaging},
		{Name: "mends ids", Case: "envelope.undecodable/malformed-id", Says: "a result of ping", Config: replacing},
		{Name: "mends arguments", Case: "envelope.undecodable/malformed-argument", Says: "NOT_FOUND", Config: replacing},
		{Name: "calls garbage worth another try", Case: "envelope.undecodable/garbage", Says: "retryable false",
			Config: code(agentv1.ErrorCode_ERROR_CODE_PROTOCOL, func(r *agentv1.ControlResponse) { r.Error.Retryable = true })},
		{Name: "loses its wits over garbage", Case: "envelope.undecodable/agent-serves-on", Says: "the nonce of a ping",
			Config: func() func(*agent.Config) {
				var hurt atomic.Bool
				return before(func(msg *nats.Msg) {
					if !decodes(msg.Data) {
						hurt.Store(true)
					} else if hurt.Load() {
						req := &agentv1.ControlRequest{}
						_ = proto.Unmarshal(msg.Data, req)
						req.Op = &agentv1.ControlRequest_Ping{Ping: &agentv1.PingRequest{}}
						msg.Data, _ = proto.Marshal(req)
					}
				})
			}()},
		{Name: "takes nothing for a ping", Case: "envelope.no-op/empty-payload", Says: "a result of ping",
			Config: before(func(msg *nats.Msg) {
				if len(msg.Data) == 0 {
					msg.Data = aPing
				}
			})},
		{Name: "has no id without an op", Case: "envelope.no-op/id-alone", Says: "the request_id",
			Fault: trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if req.GetOp() == nil {
					resp.RequestId = ""
				}
			})},
		{Name: "calls an unknown op unsupported", Case: "envelope.no-op/unknown-op", Says: "got UNSUPPORTED",
			Fault: trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if req.GetOp() == nil {
					resp.Error.Code = agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED
				}
			})},
		initiated("envelope.agent-initiated/hello", &agentv1.ControlResponse{Result: &agentv1.ControlResponse_Hello{Hello: &agentv1.HelloAck{}}},
			func(r *agentv1.ControlRequest) bool { return r.GetHello() != nil }),
		initiated("envelope.agent-initiated/resume", &agentv1.ControlResponse{Result: &agentv1.ControlResponse_Resume{Resume: &agentv1.ResumeResponse{}}},
			func(r *agentv1.ControlRequest) bool { return r.GetResume() != nil }),
		initiated("envelope.agent-initiated/update-may-proceed", &agentv1.ControlResponse{Result: &agentv1.ControlResponse_UpdateMayProceed{UpdateMayProceed: &agentv1.UpdateMayProceedResponse{}}},
			func(r *agentv1.ControlRequest) bool { return r.GetUpdateMayProceed() != nil }),
	})
}

func TestCasesNoticeAStrictAgent(t *testing.T) {
	t.Parallel()
	strict := func(match func(*agentv1.ControlRequest) bool) agent.Middleware {
		return trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
			if match(req) {
				resp.Result, resp.Error = nil, &agentv1.AgentError{Code: agentv1.ErrorCode_ERROR_CODE_PROTOCOL}
			}
		})
	}
	wanting := func(refuse func(nats.Header) bool) func(*agent.Config) {
		return before(func(msg *nats.Msg) {
			// Readiness is asked for without an id and without headers.
			if refuse(msg.Header) && !bytes.Equal(msg.Data, aPing) {
				msg.Data = nil
			}
		})
	}
	trial.Noticed(t, envelope.Cases(), []trial.Mutant{
		{Name: "refuses fields that it does not know", Case: "envelope.unknown-fields/every-wire-type", Says: "PROTOCOL",
			Fault: strict(func(r *agentv1.ControlRequest) bool { return len(r.GetPing().ProtoReflect().GetUnknown()) > 0 })},
		{Name: "refuses such fields of one operation", Case: "envelope.unknown-fields/every-operation", Says: "PROTOCOL",
			Fault: strict(func(r *agentv1.ControlRequest) bool { return len(r.GetFsRemove().ProtoReflect().GetUnknown()) > 0 })},
		{Name: "wants a header", Case: "envelope.headers-ignored/without-headers", Says: "PROTOCOL",
			Config: wanting(func(h nats.Header) bool { return len(h) == 0 })},
		{Name: "reads a status header", Case: "envelope.headers-ignored/any-header", Says: "PROTOCOL",
			Config: wanting(func(h nats.Header) bool { return h.Get("Status") != "" })},
		{Name: "reads a content type", Case: "envelope.headers-ignored/any-header", Says: "PROTOCOL",
			Config: wanting(func(h nats.Header) bool { return h.Get("Content-Type") == "application/json" })},
	})
}

func TestCasesNoticeTextThatIsLost(t *testing.T) {
	t.Parallel()
	entries := func(edit func(*agentv1.FsListResponse)) agent.Middleware {
		return trial.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
			if l := resp.GetFsList(); l != nil {
				edit(l)
			}
		})
	}
	odd := func(s string) bool { return strings.ToValidUTF8(s, "") != s || strings.Contains(s, "\uFFFD") }
	once := func(s string) string {
		return strings.ToValidUTF8(strings.ReplaceAll(s, "\uFFFD\uFFFD", "\uFFFD"), "\uFFFD")
	}
	trial.Noticed(t, envelope.Cases(), []trial.Mutant{
		{Name: "has one mark for a run of bad bytes", Case: "envelope.string-utf8/file-names", Says: "one U+FFFD for each bad byte in names",
			Fault: entries(func(l *agentv1.FsListResponse) {
				for _, e := range l.GetEntries() {
					e.Name = once(e.GetName())
				}
			})},
		{Name: "has one mark in paths", Case: "envelope.string-utf8/paths-below", Says: "one U+FFFD for each bad byte in paths",
			Fault: entries(func(l *agentv1.FsListResponse) {
				for _, e := range l.GetEntries() {
					e.Path = once(e.GetPath())
				}
			})},
		{Name: "hides odd names", Case: "envelope.string-utf8/file-names", Says: "all entries",
			Fault: entries(func(l *agentv1.FsListResponse) {
				kept := l.Entries[:0]
				for _, e := range l.GetEntries() {
					if !odd(e.GetName()) {
						kept = append(kept, e)
					}
				}
				l.Entries = kept
			})},
		{Name: "blames the caller for odd names", Case: "envelope.unencodable/never-silence", Says: "got PROTOCOL",
			Fault: trial.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				for _, e := range resp.GetFsList().GetEntries() {
					if odd(e.GetName()) {
						resp.Result, resp.Error = nil, &agentv1.AgentError{Code: agentv1.ErrorCode_ERROR_CODE_PROTOCOL}
						return
					}
				}
			})},
	})
}

func TestCasesNoticeWhatIsSaidOfOversizedReplies(t *testing.T) {
	t.Parallel()
	const tooLarge = agentv1.ErrorCode_ERROR_CODE_PAYLOAD_TOO_LARGE
	vague := code(tooLarge, func(r *agentv1.ControlResponse) { r.Error.Code = agentv1.ErrorCode_ERROR_CODE_OS })
	detail := func(edit func(map[string]string)) func(*agent.Config) {
		return code(tooLarge, func(r *agentv1.ControlResponse) { edit(r.Error.Detail) })
	}
	mutants := []trial.Mutant{
		{Name: "names no operation", Case: "envelope.oversize-reply/details", Says: "the detail op",
			Config: detail(func(d map[string]string) { delete(d, "op") })},
		{Name: "tells another limit", Case: "envelope.oversize-reply/details", Says: "max_payload",
			Config: detail(func(d map[string]string) { d["max_payload"] = "1048576" })},
		{Name: "tells the limit as the size", Case: "envelope.oversize-reply/details", Says: "encoded_bytes",
			Config: detail(func(d map[string]string) { d["encoded_bytes"] = d["max_payload"] })},
		{Name: "keeps half of the limit", Case: "envelope.oversize-reply/just-below-is-sent", Says: "PAYLOAD_TOO_LARGE",
			Fault: trial.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if proto.Size(resp) > 8<<10 {
					resp.Result, resp.Error = nil, &agentv1.AgentError{Code: tooLarge}
				}
			})},
		{Name: "comes back after what was too large", Case: "envelope.oversize-reply/connection-stays", Says: "a Hello",
			Config: func(cfg *agent.Config) {
				hello := "agent." + cfg.WorkspaceID + "." + cfg.AgentID + ".hello"
				cfg.Wire.Out = func(next agent.PublishFunc) agent.PublishFunc {
					return func(to string, data []byte) error {
						if bytes.Contains(data, []byte("max_payload")) {
							_ = next(hello, nil)
						}
						return next(to, data)
					}
				}
			}},
	}
	for _, id := range []string{"file", "list", "command-output", "one-byte-over"} {
		mutants = append(mutants, trial.Mutant{Name: "has no word for too large, " + id,
			Case: "envelope.oversize-reply/" + id, Says: "want the error PAYLOAD_TOO_LARGE; got OS", Config: vague})
	}
	trial.Noticed(t, envelope.Cases(), mutants)
}

func TestCasesNoticeAWrongAdviceToRetry(t *testing.T) {
	t.Parallel()
	var mutants []trial.Mutant
	for id, c := range map[string]agentv1.ErrorCode{
		"fenced":            agentv1.ErrorCode_ERROR_CODE_FENCED,
		"not-found":         agentv1.ErrorCode_ERROR_CODE_NOT_FOUND,
		"os":                agentv1.ErrorCode_ERROR_CODE_OS,
		"protocol":          agentv1.ErrorCode_ERROR_CODE_PROTOCOL,
		"payload-too-large": agentv1.ErrorCode_ERROR_CODE_PAYLOAD_TOO_LARGE,
		"unsupported":       agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED,
		"consent-required":  agentv1.ErrorCode_ERROR_CODE_CONSENT_REQUIRED,
	} {
		mutants = append(mutants, trial.Mutant{Name: "turns the advice round, " + id, Case: "envelope.retryable/" + id, Says: "want retryable",
			Config: code(c, func(r *agentv1.ControlResponse) { r.Error.Retryable = !r.GetError().GetRetryable() })})
	}
	trial.Noticed(t, envelope.Cases(), mutants)
}
