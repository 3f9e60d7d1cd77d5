package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/verdict"
	"agentproof/suite/wire"
)

// offers is what an agent claims.
type offers struct {
	claimed engine.Feature
	// unknown says why it is not known of a capability whether it is claimed.
	unknown map[engine.Feature]string
}

// claims reads an agent's Hellos: that of an instance with a display, if there
// is one, for the desktop, which cannot be offered without.
func claims(plain, screen *agentv1.Hello) offers {
	claimed := engine.Claimed(plain) &^ engine.Desktop
	return offers{claimed: claimed | engine.Claimed(screen)&engine.Desktop}
}

// settle decides a case by what the agent claims; no reason means that it has to
// be tried.
func (o *offers) settle(needs engine.Feature) (verdict.Status, string) {
	var doubt engine.Feature
	reason := ""
	for _, q := range questions() {
		if why := o.unknown[q.of]; why != "" && needs&q.of != 0 {
			doubt |= q.of
			reason = why
		}
	}
	switch missing := needs &^ o.claimed &^ doubt; {
	case missing != 0:
		return verdict.NotClaimed, "the agent does not offer " + missing.String()
	case doubt != 0:
		return verdict.Untestable, reason
	default:
		return "", ""
	}
}

// A question is an operation that changes nothing and that an agent without a
// capability refuses as UNSUPPORTED.
type question struct {
	of   engine.Feature
	op   proto.Message
	name string
	// offered lists the errors that only an agent with the capability gives.
	offered []agentv1.ErrorCode
}

func questions() []question {
	const (
		os       = agentv1.ErrorCode_ERROR_CODE_OS
		protocol = agentv1.ErrorCode_ERROR_CODE_PROTOCOL
		notFound = agentv1.ErrorCode_ERROR_CODE_NOT_FOUND
	)
	return []question{
		{engine.Exec, &agentv1.ExecRequest{}, "an exec without a command", []agentv1.ErrorCode{os, protocol, notFound}},
		{engine.Filesystem, &agentv1.FsStatRequest{}, "an fs_stat of the root", []agentv1.ErrorCode{os, protocol, notFound}},
		{engine.Git, &agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_STATUS}, "a git status of the root", []agentv1.ErrorCode{os, protocol, notFound}},
		// Without a relay it may also be STREAM or OS, which relays that are away
		// give too.
		{engine.PTY, &agentv1.PtyOpenRequest{Command: []string{"true"}}, "a pty_open of true", []agentv1.ErrorCode{notFound}},
		{engine.Desktop, &agentv1.DesktopScreenshotRequest{}, "a desktop_screenshot", nil},
	}
}

// askFor finds out what an agent offers whose Hello was missed, as far as the
// selected cases need it. An agent that runs already said its Hello before, and
// nothing makes it say another.
func (r *runner) askFor(ctx context.Context) offers {
	found := offers{unknown: make(map[engine.Feature]string)}
	l := r.pool.lane(false)
	inst, err := l.take(ctx)
	if err != nil {
		return found // the run is over
	}
	defer l.give(ctx, inst, true)
	for _, q := range questions() {
		if !slices.ContainsFunc(r.selected, func(c *engine.Case) bool { return c.Needs&q.of != 0 }) {
			continue
		}
		resp, err := inst.Ask(ctx, q.op, r.set.Scale(wire.OpLimit))
		code := resp.GetError().GetCode()
		answer := "no reply"
		switch {
		case err == nil && resp.GetError() == nil && resp.GetResult() != nil, slices.Contains(q.offered, code):
			found.claimed |= q.of
			if open := resp.GetPtyOpen(); open != nil {
				_, _ = inst.Ask(ctx, &agentv1.PtyCloseRequest{PtyId: open.GetPtyId()}, r.set.Scale(wire.OpLimit))
			}
			continue
		case code == agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED:
			continue
		case resp.GetError() != nil:
			answer = "the error " + strings.TrimPrefix(code.String(), "ERROR_CODE_")
		case err == nil:
			answer = "a reply without result"
		}
		found.unknown[q.of] = fmt.Sprintf("whether the agent offers %s is not known: its Hello was missed, and %s got %s; give the agent's command after -- in the place of --attach",
			q.of, q.name, answer)
	}
	return found
}
