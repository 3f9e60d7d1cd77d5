package exec

import (
	"context"
	"maps"
	"slices"
	"strings"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

// probe is a variable that nobody else uses.
const probe = "CONFORMANCE_PROBE"

func envCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "exec.env/inherits-the-agents",
			Clause:  "exec.env",
			Needs:   engine.Exec,
			Launch:  &engine.Launch{Env: []string{probe + "=of the agent"}},
			Explain: "A command finds the machine as its owner set it up: proxies, locales, toolchains.",
			Try:     "X=1 fakeagent run; fakeagent call exec printenv X",
			Run:     envInherited,
		},
		{
			ID:      "exec.env/added-to-the-agents",
			Clause:  "exec.env",
			Needs:   engine.Exec,
			Explain: "A request that sets one variable adds it. Replacing the environment loses PATH and HOME, and nothing works any more.",
			Try:     "fakeagent call exec --env X=1 env",
			Run:     envAdded,
		},
		{
			ID:      "exec.env/overrides-the-agents",
			Clause:  "exec.env",
			Needs:   engine.Exec,
			Launch:  &engine.Launch{Env: []string{probe + "=of the agent"}},
			Explain: "What the request says about a variable counts. Two entries of one name leave it to each program which one it takes.",
			Try:     "fakeagent call exec --env HOME=/tmp env",
			Run:     envOverridden,
		},
		{
			ID:      "exec.env/empty-value",
			Clause:  "exec.env",
			Needs:   engine.Exec,
			Launch:  &engine.Launch{Env: []string{probe + "=of the agent"}},
			Explain: "Many tools tell an empty variable from one that is not set; the request must be able to say empty.",
			Try:     "fakeagent call exec --env HOME= env",
			Run:     envEmpty,
		},
		{
			ID:      "exec.env/values-verbatim",
			Clause:  "exec.env",
			Needs:   engine.Exec,
			Explain: "Values hold connection strings and keys: one that is trimmed, expanded or cut at = is useless.",
			Try:     "fakeagent call exec --env 'X=a=b $HOME ' --argv env",
			Run:     envVerbatim,
		},
		{
			ID:      "exec.env/one-command-only",
			Clause:  "exec.env",
			Needs:   engine.Exec,
			Explain: "A secret that one request passes must not be there for the next one, perhaps of somebody else.",
			Try:     "fakeagent call exec --env X=1 true; fakeagent call exec printenv X",
			Run:     envNotRemembered,
		},
		{
			ID:      "exec.env-credentials/tokens-not-inherited",
			Clause:  "exec.env-credentials",
			Needs:   engine.Exec,
			Explain: "A command that can read the agent's tokens can speak as the agent, long after it ended.",
			Try:     "fakeagent call exec env",
			Run:     tokensNotInherited,
		},
	}
}

func envInherited(ctx context.Context, t *engine.T) {
	value, present := reportOf(ctx, t, nil).Getenv(probe)
	t.Check(present && value == "of the agent", "the agent's own variable in the command", "present %v, %q", present, value)
}

func envAdded(ctx context.Context, t *engine.T) {
	base := reportOf(ctx, t.Given(), nil)
	more := reportOf(ctx, t, map[string]string{probe: "of the request"})
	value, present := more.Getenv(probe)
	t.Check(present && value == "of the request", "the request's variable", "present %v, %q", present, value)
	for _, entry := range base.Env {
		name, _, _ := strings.Cut(entry, "=")
		if _, present := more.Getenv(name); !present {
			t.Errorf("the variables that the command has without it", "%s missing", name)
		}
	}
}

func envOverridden(ctx context.Context, t *engine.T) {
	r := reportOf(ctx, t, map[string]string{probe: "of the request"})
	var entries []string
	for _, entry := range r.Env {
		if strings.HasPrefix(entry, probe+"=") {
			entries = append(entries, entry)
		}
	}
	equalWords(t, "the entries of that variable", entries, []string{probe + "=of the request"})
}

func envEmpty(ctx context.Context, t *engine.T) {
	r := reportOf(ctx, t, map[string]string{probe: "", probe + "_NEW": ""})
	for _, name := range []string{probe, probe + "_NEW"} {
		value, present := r.Getenv(name)
		t.Check(present && value == "", name+" present and empty", "present %v, %q", present, value)
	}
}

func envVerbatim(ctx context.Context, t *engine.T) {
	env := map[string]string{
		probe + "_BLANKS":   "  two  words  ",
		probe + "_EQUALS":   "a=b==c",
		probe + "_EXPANDED": "$HOME ${PATH} `exit` %PATH% ~",
		probe + "_QUOTES":   `'single' "double" \back`,
		probe + "_LINES":    "one\ntwo\n",
		probe + "_UNICODE":  "größer 日本語 🦊",
		probe + "_LONG":     strings.Repeat("long ", 12<<10),
		probe + "_lower":    "lower",
	}
	r := reportOf(ctx, t, env)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		value, present := r.Getenv(name)
		t.Check(present && value == env[name], "the value of "+name+" as it was given", "present %v, %.40q", present, value)
	}
}

func envNotRemembered(ctx context.Context, t *engine.T) {
	reportOf(ctx, t.Given(), map[string]string{probe: "of one request"})
	_, present := reportOf(ctx, t, nil).Getenv(probe)
	t.Check(!present, "no trace of the variable in the next command", "the variable")
}

func tokensNotInherited(ctx context.Context, t *engine.T) {
	inst := t.Instance()
	if inst.Token == "" {
		t.Untestable("the token of an attached agent is not known here")
	}
	r := t.Exec(ctx, &agentv1.ExecRequest{Command: t.Helper(ctx, "report"), TimeoutMs: commandLimit})
	for _, entry := range engine.Decode[helper.Report](t, r).Env {
		name, value, _ := strings.Cut(entry, "=")
		if slices.Contains(handedOver(), name) {
			continue
		}
		leaks := strings.Contains(value, inst.Token) || inst.RelayToken != "" && strings.Contains(value, inst.RelayToken)
		t.Check(!leaks, "no variable that holds a token of the agent's, but those in which the agent got it", "%s, which does", name)
	}
}

// handedOver are the variables in which the suite itself gives an agent its
// tokens: an agent that takes them from a file, as deployed ones do, has no
// reason to look for them.
func handedOver() []string { return []string{"AGENTPROOF_NATS_TOKEN", "AGENTPROOF_RELAY_TOKEN"} }
