// Package git runs the host's git for the agent and reads its status (agent.md,
// Git).
package git

import (
	"context"
	"slices"
	"strconv"

	"agentproof/agent/internal/operr"
	"agentproof/agent/internal/process"
	"agentproof/agent/internal/workspace"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Commands runs commands; *process.Runner does.
type Commands interface {
	Run(ctx context.Context, c process.Command) (process.Result, error)
}

// A Runner serves the git operation. Root and Commands must be set. It is safe
// for concurrent use as far as Commands is.
type Runner struct {
	Root     workspace.Root
	Commands Commands
	// Env is the environment that commands inherit, as KEY=VALUE. git is
	// looked up in its PATH.
	Env []string
	// MaxOutput tells how many bytes of output are kept, and so how many a
	// reply can carry. Where it is nil or returns nothing positive, the bound
	// of Commands holds.
	MaxOutput func() int64
}

// Run runs git and returns how it ended; its exit code, whatever it is, is a
// result (git.exit-code). Errors are *operr.Error: NOT_FOUND where there is no
// git or no such working directory, PAYLOAD_TOO_LARGE where the output exceeds
// the bound. When ctx ends first, git is killed and the error is its cause.
func (r *Runner) Run(ctx context.Context, req *agentv1.GitRequest) (*agentv1.GitResponse, error) {
	dir, err := r.Root.WorkingDir(req.GetCwd())
	if err != nil {
		return nil, err
	}
	limit := int64(0)
	if r.MaxOutput != nil {
		limit = max(r.MaxOutput(), 0)
	}
	res, err := r.Commands.Run(ctx, process.Command{
		Argv:      arguments(req),
		Dir:       dir,
		Env:       environment(r.Env),
		MaxOutput: limit,
	})
	if err != nil {
		return nil, err
	}
	if res.Overflow {
		if limit == 0 {
			limit = process.DefaultMaxOutput
		}
		return nil, operr.TooLarge("git", res.OutputBytes, limit).
			With("total_output_bytes", strconv.FormatInt(res.OutputBytes, 10))
	}
	resp := &agentv1.GitResponse{ExitCode: int32(res.ExitCode), Stdout: res.Stdout, Stderr: res.Stderr}
	if req.GetOp() == agentv1.GitOp_GIT_OP_STATUS && res.ExitCode == 0 {
		// Arguments can change the format; then there is no status.
		resp.Status, _ = parseStatus(res.Stdout)
	}
	return resp, nil
}

// arguments keeps git.argv. Nothing but the request's arguments follows the
// subcommand, and a number without a meaning is raw.
func arguments(req *agentv1.GitRequest) []string {
	var sub []string
	switch req.GetOp() {
	case agentv1.GitOp_GIT_OP_STATUS:
		sub = []string{"status", "--porcelain=v2", "--branch"}
	case agentv1.GitOp_GIT_OP_DIFF:
		sub = []string{"diff"}
	case agentv1.GitOp_GIT_OP_LOG:
		sub = []string{"log"}
	case agentv1.GitOp_GIT_OP_ADD:
		sub = []string{"add"}
	case agentv1.GitOp_GIT_OP_COMMIT:
		sub = []string{"commit"}
	case agentv1.GitOp_GIT_OP_BRANCH:
		sub = []string{"branch"}
	case agentv1.GitOp_GIT_OP_CHECKOUT:
		sub = []string{"checkout"}
	case agentv1.GitOp_GIT_OP_PULL:
		sub = []string{"pull"}
	case agentv1.GitOp_GIT_OP_PUSH:
		sub = []string{"push"}
	}
	return slices.Concat([]string{"git"}, sub, req.GetArgs())
}
