package git

import (
	"context"
	"slices"
	"time"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// unguarded runs git as a command like any other, without what keeps it from
// asking.
func unguarded(next agent.Handler) agent.Handler {
	return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
		r := req.GetGit()
		if r == nil {
			return next(ctx, req)
		}
		argv := []string{"git"}
		if r.Op == opCommit {
			argv = append(argv, "commit")
		}
		resp := next(ctx, &agentv1.ControlRequest{RequestId: req.RequestId, Op: &agentv1.ControlRequest_Exec{
			Exec: &agentv1.ExecRequest{Command: append(argv, r.Args...), Cwd: r.Cwd},
		}})
		if out := resp.GetExec(); out != nil {
			resp.Result = &agentv1.ControlResponse_Git{Git: &result{
				ExitCode: out.ExitCode, Stdout: out.Stdout, Stderr: out.Stderr,
			}}
		}
		return resp
	}
}

// waiting takes its time over one command, as if somebody were asked.
func waiting(arg string) agent.Middleware {
	return before(opRaw, func(r *request) {
		if slices.Contains(r.Args, arg) {
			time.Sleep(12 * time.Second)
		}
	})
}

func prompts() []fault.Mutant {
	return []fault.Mutant{
		fault.New("lets git open an editor", "git.never-prompts/commit-editor", "an answer with nobody to ask", unguarded,
			"git.never-prompts/password-window", "git.never-prompts/rebase-editor"),
		fault.New("lets git open a todo list", "git.never-prompts/rebase-editor", "an answer with nobody to ask", unguarded,
			"git.never-prompts/commit-editor", "git.never-prompts/password-window"),
		fault.New("lets git open a window", "git.never-prompts/password-window", "an answer with nobody to ask", unguarded,
			"git.never-prompts/commit-editor", "git.never-prompts/rebase-editor"),
		fault.New("waits for a name", "git.never-prompts/password-at-the-terminal", "an answer with nobody to ask", waiting("ask"),
			"git.never-prompts/password-window"),
		fault.New("waits for input", "git.never-prompts/standard-input", "an answer with nobody to ask", waiting("--stdin")),
	}
}
