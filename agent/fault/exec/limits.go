package exec

import (
	"context"
	"time"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func limits() []fault.Mutant {
	running := make(chan struct{}, 64)
	return []fault.Mutant{
		fault.New("answers late", "exec.timeout/on-time", "a later one",
			after(func(_ *request, r *result) {
				if r.TimedOut {
					time.Sleep(1500 * time.Millisecond)
				}
			})),
		fault.New("answers early", "exec.timeout/on-time", "an earlier one",
			before(func(r *request) { r.TimeoutMs /= 50 })),
		fault.New("does not say why", "exec.timeout/result", "stderr that contains",
			after(func(_ *request, r *result) { r.Stderr = nil })),
		fault.New("gives a timeout an exit code", "exec.timeout/result", "124",
			after(func(_ *request, r *result) {
				if r.TimedOut {
					r.ExitCode = 124
				}
			}), "exec.timeout/*"),
		fault.New("tells of a limit that was not reached", "exec.timeout/not-reached", "timed out",
			after(func(_ *request, r *result) { r.TimedOut = true })),
		fault.New("notes a limit that was not reached", "exec.timeout/not-reached", "stderr",
			after(func(q *request, r *result) {
				if q.TimeoutMs > 0 && !r.TimedOut {
					r.Stderr = append(r.Stderr, "within its limit\n"...)
				}
			})),
		fault.New("keeps no output of what has no limit", "exec.timeout-zero/no-limit", "stdout",
			after(func(q *request, r *result) {
				if q.TimeoutMs == 0 {
					r.Stdout = nil
				}
			})),
		fault.New("starts the limit anew at each line", "exec.timeout/command-that-keeps-writing", "one that is not",
			after(func(_ *request, r *result) { r.TimedOut = r.TimedOut && len(r.Stdout) == 0 }), "exec.timeout/output-so-far"),
		fault.New("makes output up", "exec.timeout/output-so-far", "what the command had written",
			after(func(_ *request, r *result) { r.Stdout = append(r.Stdout, "after\n"...) })),
		fault.New("has a limit of its own", "exec.timeout-zero/no-limit", "timed out",
			before(func(r *request) {
				if r.TimeoutMs == 0 {
					r.TimeoutMs = 1000
				}
			})),
		fault.New("runs 64 commands at once", "exec.parallel/hundred-at-once", "fewer",
			func(next agent.Handler) agent.Handler {
				return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
					if req.GetExec() != nil {
						running <- struct{}{}
						defer func() { <-running }()
					}
					return next(ctx, req)
				}
			}),
	}
}
