package exec

import (
	"maps"
	"path"
	"strings"
	"sync"
	"sync/atomic"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func surroundings() []fault.Mutant {
	var stays atomic.Bool
	var last, previous atomic.Value
	last.Store("")
	previous.Store("")
	var mu sync.Mutex // guards env
	env := make(map[string]string)
	return []fault.Mutant{
		{Name: "hands its bearer to commands", Case: "exec.env-credentials/tokens-not-inherited", Says: "NATS_BEARER, which does",
			Config: func(cfg *agent.Config) {
				bearer := cfg.Token
				cfg.Middleware = append(cfg.Middleware, before(func(r *request) {
					r.Env = maps.Clone(r.Env)
					if r.Env == nil {
						r.Env = make(map[string]string)
					}
					r.Env["NATS_BEARER"] = bearer
				}))
			}},
		fault.New("ignores the cwd", "exec.cwd/relative-names", "the exit code 0",
			before(func(r *request) { r.Cwd = "" }), "exec.cwd/not-remembered", "exec.cwd/side-by-side"),
		fault.New("changes its own directory", "exec.cwd/side-by-side", "elsewhere",
			before(func(r *request) { r.Cwd = last.Swap(r.Cwd).(string) }), "exec.cwd/not-remembered", "exec.cwd/relative-names"),
		fault.New("stays in the last cwd", "exec.cwd/not-remembered", "in the last one's cwd",
			before(func(r *request) {
				if r.Cwd == "" {
					r.Cwd = previous.Load().(string)
				}
				previous.Store(r.Cwd)
			})),
		fault.New("runs in the root instead of a missing cwd", "exec.cwd-missing/argv", "a result",
			retried(notFound, func(r *request) { r.Cwd = "" }), "exec.cwd-missing/shell"),
		fault.New("runs the shell in the root instead of a missing cwd", "exec.cwd-missing/shell", "a result",
			retried(notFound, func(r *request) { r.Cwd = "" }), "exec.cwd-missing/argv"),
		fault.New("does not say which cwd is missing", "exec.cwd-missing-named/context", "the cwd in the detail",
			fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				delete(resp.GetError().GetDetail(), "context")
			})),

		fault.New("goes up from its cwd", "exec.cwd/relative-names", "what the command read",
			before(func(r *request) {
				if r.Cwd != "" {
					r.Cwd = path.Dir(r.Cwd)
				}
			}), "exec.cwd/*"),
		fault.New("stays in the root once it was there", "exec.cwd/not-remembered", "still counts from the root",
			before(func(r *request) {
				if stays.Load() {
					r.Cwd = ""
				}
				stays.Store(stays.Load() || r.Cwd == "")
			})),
		fault.New("runs what has no cwd in the root, and refuses", "exec.cwd-missing/argv", "one that left a trace",
			fault.Late(before(withoutMissing)), "exec.cwd-missing/shell"),
		fault.New("makes the parents of a missing cwd", "exec.cwd-missing/argv", "no directory made",
			fault.Instead(func(do fault.Operate, r *request) *agentv1.ControlResponse {
				resp := do(r)
				if resp.GetError().GetCode() == notFound {
					do(&agentv1.FsMkdirRequest{Path: path.Dir(r.Cwd), Parents: true})
				}
				return resp
			}), "exec.cwd-missing/shell"),

		fault.New("hides its environment", "exec.env/inherits-the-agents", "present false", before(withEnv)),
		fault.New("replaces its environment", "exec.env/added-to-the-agents", "missing",
			before(func(r *request) {
				if len(r.Env) > 0 {
					withEnv(r)
				}
			})),
		fault.New("lets its own variables win", "exec.env/overrides-the-agents", "of the agent",
			before(func(r *request) { r.Env = nil }), "exec.env/*"),
		fault.New("cuts values at a blank", "exec.env/added-to-the-agents", "the request's variable",
			before(func(r *request) {
				for name, value := range r.Env {
					r.Env[name], _, _ = strings.Cut(value, " ")
				}
			}), "exec.env/*"),
		fault.New("drops empty variables", "exec.env/empty-value", "present",
			before(func(r *request) {
				for name, value := range r.Env {
					if value == "" {
						delete(r.Env, name)
					}
				}
			})),
		fault.New("trims values", "exec.env/values-verbatim", "_BLANKS",
			before(func(r *request) {
				for name, value := range r.Env {
					r.Env[name] = strings.Trim(value, " ")
				}
			})),
		fault.New("cuts values at an equals sign", "exec.env/values-verbatim", "_EQUALS",
			before(func(r *request) {
				for name, value := range r.Env {
					r.Env[name], _, _ = strings.Cut(value, "=")
				}
			})),
		fault.New("remembers variables", "exec.env/one-command-only", "the variable",
			before(func(r *request) {
				mu.Lock()
				defer mu.Unlock()
				maps.Copy(env, r.Env)
				r.Env = maps.Clone(env)
			}), "exec.env/inherits-the-agents"),
	}
}

// withoutMissing runs in the root what has a cwd that the cases call missing.
func withoutMissing(r *request) {
	if strings.Contains(r.Cwd, "missing") {
		r.Cwd = ""
	}
}
