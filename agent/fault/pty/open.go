package pty

import (
	"context"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func kinds() []fault.Mutant {
	var first, shared sync.Once
	var reply *agentv1.PtyOpenResponse
	var channel *agentv1.StreamChannel
	return []fault.Mutant{
		wide(mutant("leaves the pty_id out", "pty.open/channel-of-this-agent", "a pty_id",
			opened(func(r *agentv1.PtyOpenResponse) { r.PtyId = "" }))),
		{Name: "does not say which channel", Case: "pty.open/channel-of-this-agent", Says: "a channel_id", Also: []string{"pty.open/*"},
			Fault: opened(func(r *agentv1.PtyOpenResponse) { r.Channel.ChannelId = "" })},
		mutant("leaves the kind of the channel out", "pty.open/channel-of-this-agent", "kind",
			opened(func(r *agentv1.PtyOpenResponse) { r.Channel.Kind = 0 })),
		wide(mutant("tells no port", "pty.open/channel-of-this-agent", "port",
			opened(func(r *agentv1.PtyOpenResponse) { r.Channel.Port = 0 }))),
		wide(mutant("swaps workspace and agent in the channel", "pty.open/channel-of-this-agent", "workspace",
			opened(func(r *agentv1.PtyOpenResponse) {
				r.Channel.WorkspaceId, r.Channel.AgentId = r.Channel.AgentId, r.Channel.WorkspaceId
			}))),
		wide(mutant("names another agent in the channel", "pty.open/channel-of-this-agent", "the agent's own id in the channel",
			opened(func(r *agentv1.PtyOpenResponse) { r.Channel.AgentId = "another" }))),
		mutant("asks for consent to open a terminal", "pty.headless/no-display-and-no-consent", "CONSENT_REQUIRED",
			fault.Refuse(agentv1.ErrorCode_ERROR_CODE_CONSENT_REQUIRED, func(req *agentv1.ControlRequest) bool {
				return req.GetPtyOpen() != nil
			})),
		silent("starts nothing without a command", "pty.open/no-command-is-a-shell", "a shell that carries out",
			opening(func(r *agentv1.PtyOpenRequest) {
				if len(r.GetCommand()) == 0 {
					r.Command = []string{"/bin/cat"}
				}
			})),
		wide(mutant("joins the command for a shell", "pty.open/command-is-argv", "the arguments",
			opening(func(r *agentv1.PtyOpenRequest) {
				r.Command = []string{"/bin/sh", "-c", strings.Replace(strings.Join(r.Command, " "), "it's", "its", 1)}
			}))),
		silent("waits for the first output", "pty.open-silent/reply-before-output", "none in time",
			func(next agent.Handler) agent.Handler {
				return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
					resp := next(ctx, req)
					if req.GetPtyOpen() != nil {
						<-ctx.Done()
					}
					return resp
				}
			}),
		wide(mutant("gives the same terminal twice", "pty.distinct/ids-and-channels", "two pty_ids",
			opened(func(r *agentv1.PtyOpenResponse) {
				first.Do(func() { reply = proto.CloneOf(r) })
				r.PtyId, r.Channel = reply.GetPtyId(), reply.GetChannel()
			}))),
		wide(mutant("gives a missing program a terminal", "pty.spawn-failure/missing-program", "NOT_FOUND",
			retried(notFound, func(r *agentv1.PtyOpenRequest) { r.Command = []string{"/bin/sh", "-c", "exit 127"} }))),
		wide(mutant("gives two terminals one channel", "pty.distinct/ids-and-channels", "two channel_ids",
			opened(func(r *agentv1.PtyOpenResponse) {
				shared.Do(func() { channel = proto.CloneOf(r.GetChannel()) })
				r.Channel = channel
			}))),
		wide(mutant("blames the request for a missing program", "pty.spawn-failure/missing-program", "PROTOCOL",
			fault.Recode(notFound, agentv1.ErrorCode_ERROR_CODE_PROTOCOL))),

		newline(),

		mutant("starts commands with a pipe for output", "pty.isatty/one-controlling-terminal", "stdout a terminal", within(`"$@" | cat`)),
		mutant("starts commands without input", "pty.isatty/one-controlling-terminal", "stdin a terminal", within(`exec "$@" </dev/null`)),
		mutant("keeps errors apart", "pty.isatty/one-controlling-terminal", "stderr a terminal", within(`exec "$@" 2>/dev/null`)),
		mutant("starts commands away from the terminal", "pty.isatty/one-controlling-terminal", "the controlling terminal",
			within(`exec 3<&0; setsid "$@" <&3 & wait`)),
		mutant("leaves commands in the background", "pty.isatty/one-controlling-terminal", "foreground", within(`set -m; "$@" & wait`)),
	}
}

// newline types what nobody asked for.
func newline() fault.Mutant {
	typing := func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			resp := next(ctx, req)
			if r := resp.GetPtyOpen(); r != nil {
				next(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_PtyWrite{
					PtyWrite: &agentv1.PtyWriteRequest{PtyId: r.GetPtyId(), Data: []byte("\n")},
				}})
			}
			return resp
		}
	}
	return mutant("types a newline into every terminal", "pty.quiet/nothing-that-nobody-typed", "an empty screen", typing)
}
