package lifecycle

import (
	"context"
	"path/filepath"
	"time"

	"agentproof/agent"
	"agentproof/agent/fault"
	"agentproof/agent/internal/process"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// outlives is longer than a case looks for processes of an agent that stopped.
const outlives = 30 * time.Second

func orphaned() []fault.Mutant {
	const kills, left = "lifecycle.stop-kills-children/", "no process of a running command 2 s after the agent's end"
	return []fault.Mutant{
		{Name: "leaves its commands behind", Case: kills + "command-and-children", Says: left, Also: []string{kills + "*"}, Beside: abandon},
		{Name: "leaves its commands' sessions behind", Case: kills + "setsid", Says: left, Also: []string{kills + "*"}, Beside: abandon},
	}
}

// abandon runs commands beside the agent, which does not know of them when it
// stops. They are ended when their time is over.
func abandon(cfg *agent.Config) (stop func(), err error) {
	commands, err := process.NewRunner(process.Options{})
	if err != nil {
		return nil, err
	}
	root, env := cfg.Root, cfg.Environ
	run := func(ctx context.Context, req *agentv1.ExecRequest) *agentv1.ExecResponse {
		dir := req.GetCwd()
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(root, dir)
		}
		res, err := commands.Run(ctx, process.Command{Argv: req.GetCommand(), Dir: dir, Env: env, Timeout: outlives, MaxOutput: 1 << 20})
		if err != nil {
			return &agentv1.ExecResponse{ExitCode: -1, Stderr: []byte(err.Error())}
		}
		return &agentv1.ExecResponse{ExitCode: int32(res.ExitCode), Stdout: res.Stdout, Stderr: res.Stderr}
	}
	cfg.Middleware = append(cfg.Middleware, func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			if req.GetExec() == nil {
				return next(ctx, req)
			}
			ended := make(chan *agentv1.ExecResponse, 1)
			go func() { ended <- run(context.WithoutCancel(ctx), req.GetExec()) }()
			resp := &agentv1.ControlResponse{RequestId: req.GetRequestId()}
			select {
			case r := <-ended:
				resp.Result = &agentv1.ControlResponse_Exec{Exec: r}
			case <-ctx.Done():
				resp.Error = &agentv1.AgentError{Code: draining, Retryable: true}
			}
			return resp
		}
	})
	return func() {}, nil
}
