package agent

import (
	"context"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// shownText is how many characters of a command, a path or a reason are logged.
const shownText = 120

// credentials matches what commands carry in their arguments: the user part of
// a URL, and the value behind a telling name.
var credentials = regexp.MustCompile(`(?i)(://)[^/@\s]+(@)|((?:authorization: *(?:basic|bearer)|bearer|(?:token|passw(?:or)?d|secret|api[-_]?key)["']?\s*[:= ])\s*["']?)[^\s"']+`)

// logAnswer logs one line about a request and its answer: at debug level, and
// never content, input or variables.
func (a *Agent) logAnswer(ctx context.Context, req *agentv1.ControlRequest, resp *agentv1.ControlResponse, took time.Duration) {
	if !a.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	attrs := a.requestAttrs(req)
	if e := resp.GetError(); e != nil {
		attrs = append(attrs, slog.String("error", strings.TrimPrefix(e.GetCode().String(), "ERROR_CODE_")),
			slog.String("reason", a.shown(e.GetMessage())))
	} else {
		attrs = append(attrs, resultAttrs(resp)...)
	}
	attrs = append(attrs, slog.Duration("took", took.Round(10*time.Microsecond)), slog.String("request", a.shown(req.GetRequestId())))
	a.log.LogAttrs(ctx, slog.LevelDebug, opName(req), attrs...)
}

// requestAttrs says what an operation is about.
func (a *Agent) requestAttrs(req *agentv1.ControlRequest) []slog.Attr {
	var attrs []slog.Attr
	text := func(key, value string) { attrs = append(attrs, slog.String(key, a.shown(value))) }
	switch op := operand(req).(type) {
	case *agentv1.GitRequest:
		name := strings.ToLower(strings.TrimPrefix(op.GetOp().String(), "GIT_OP_"))
		text("command", strings.Join(append([]string{name}, op.GetArgs()...), " "))
		text("cwd", op.GetCwd())
	case interface {
		GetCommand() []string
		GetCwd() string
	}:
		text("command", strings.Join(op.GetCommand(), " "))
		text("cwd", op.GetCwd())
	case *agentv1.FsMoveRequest:
		text("from", op.GetFrom())
		text("to", op.GetTo())
	case interface{ GetPath() string }:
		text("path", op.GetPath())
	case *agentv1.PtyWriteRequest:
		text("pty", op.GetPtyId())
		attrs = append(attrs, slog.Int("bytes", len(op.GetData())))
	case interface{ GetPtyId() string }:
		text("pty", op.GetPtyId())
	}
	return slices.DeleteFunc(attrs, func(at slog.Attr) bool { return at.Key == "cwd" && at.Value.String() == "" })
}

// operand is the message of the request's op, nil without one.
func operand(req *agentv1.ControlRequest) proto.Message {
	m := req.ProtoReflect()
	f := m.WhichOneof(m.Descriptor().Oneofs().ByName("op"))
	if f == nil {
		return nil
	}
	return m.Get(f).Message().Interface()
}

// resultAttrs says what came of an operation.
func resultAttrs(resp *agentv1.ControlResponse) []slog.Attr {
	ended := func(code int32, timedOut bool, stdout, stderr []byte) []slog.Attr {
		attrs := []slog.Attr{slog.Int("exit", int(code))}
		if timedOut {
			attrs = append(attrs, slog.Bool("timed_out", true))
		}
		return append(attrs, slog.Int("bytes", len(stdout)+len(stderr)))
	}
	switch r := resp.GetResult().(type) {
	case *agentv1.ControlResponse_Exec:
		return ended(r.Exec.GetExitCode(), r.Exec.GetTimedOut(), r.Exec.GetStdout(), r.Exec.GetStderr())
	case *agentv1.ControlResponse_Git:
		return ended(r.Git.GetExitCode(), false, r.Git.GetStdout(), r.Git.GetStderr())
	case *agentv1.ControlResponse_FsRead:
		return []slog.Attr{slog.Int("bytes", len(r.FsRead.GetContent()))}
	case *agentv1.ControlResponse_FsWrite:
		return []slog.Attr{slog.Uint64("bytes", r.FsWrite.GetBytesWritten())}
	case *agentv1.ControlResponse_FsList:
		return []slog.Attr{slog.Int("entries", len(r.FsList.GetEntries()))}
	case *agentv1.ControlResponse_FsStat:
		return []slog.Attr{slog.Bool("exists", r.FsStat.GetExists())}
	case *agentv1.ControlResponse_PtyOpen:
		return []slog.Attr{slog.String("pty", r.PtyOpen.GetPtyId())}
	case *agentv1.ControlResponse_PtyClose:
		return []slog.Attr{slog.Int("exit", int(r.PtyClose.GetExitCode()))}
	case *agentv1.ControlResponse_DesktopScreenshot:
		return []slog.Attr{slog.Int("bytes", len(r.DesktopScreenshot.GetPng()))}
	default:
		return nil
	}
}

// shown is text of a request as it is logged: without credentials, and cut.
// What of it a terminal would act on is the handler's to quote.
func (a *Agent) shown(text string) string {
	// Before the cut, which could halve a secret beyond recognition.
	for _, secret := range []string{a.cfg.Token, a.cfg.RelayToken} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "xxxxx")
		}
	}
	text = credentials.ReplaceAllString(text, "${1}${3}xxxxx${2}")
	runes := 0
	for i := range text {
		if runes++; runes > shownText {
			return text[:i] + "…"
		}
	}
	return text
}
