package agent

import (
	"net/url"
	"strings"
	"syscall"

	"agentproof/agent/internal/operr"
)

// The variables by which an agent is told everything.
const (
	envNATSURL       = "AGENTPROOF_NATS_URL"
	envNATSToken     = "AGENTPROOF_NATS_TOKEN"
	envWorkspaceID   = "AGENTPROOF_WORKSPACE_ID"
	envAgentID       = "AGENTPROOF_AGENT_ID"
	envEpoch         = "AGENTPROOF_EPOCH"
	envRelayURL      = "AGENTPROOF_RELAY_URL"
	envRelayToken    = "AGENTPROOF_RELAY_TOKEN"
	envScreenControl = "AGENTPROOF_SCREEN_CONTROL"
	envCAFile        = "AGENTPROOF_CA_FILE"
	envConfigDir     = "OPENGENI_CONFIG_DIR"
)

// environment is what commands inherit.
type environment struct {
	vars  []string
	shell string
}

func newEnvironment(cfg Config) environment {
	e := environment{shell: "/bin/sh"}
	secrets := secretsOf(cfg)
	for _, kv := range cfg.Environ {
		name, value, ok := strings.Cut(kv, "=")
		if !ok || isCredential(name, value, secrets) {
			continue
		}
		if name == "SHELL" && value != "" {
			e.shell = value
		}
		e.vars = append(e.vars, kv)
	}
	return e
}

// secretsOf lists the values that must not reach a command.
func secretsOf(cfg Config) []string {
	secrets := []string{cfg.Token, cfg.RelayToken, cfg.ResumeToken}
	for _, raw := range cfg.URLs {
		if u, err := parseURL(raw); err == nil && u.User != nil {
			if password, ok := u.User.Password(); ok {
				secrets = append(secrets, password)
			} else {
				secrets = append(secrets, u.User.Username())
			}
		}
	}
	return secrets
}

// isCredential tells the variables that hold the agent's credentials, whatever
// they are called, or lead to them (exec.env-credentials).
func isCredential(name, value string, secrets []string) bool {
	switch name {
	case envNATSToken, envRelayToken, envConfigDir:
		return true
	case envNATSURL:
		if strings.Contains(value, "@") {
			return true
		}
	}
	for _, s := range secrets {
		// A short secret, as of a local trial, would match by chance.
		const tellTale = 8
		if value == s && s != "" || len(s) >= tellTale &&
			(strings.Contains(value, s) || strings.Contains(value, url.QueryEscape(s))) {
			return true
		}
	}
	return false
}

// with layers over above the inherited variables (exec.env).
func (e environment) with(over map[string]string) ([]string, error) {
	if len(over) == 0 {
		return e.vars, nil
	}
	out := make([]string, 0, len(e.vars)+len(over))
	for _, kv := range e.vars {
		name, _, _ := strings.Cut(kv, "=")
		if _, replaced := over[name]; !replaced {
			out = append(out, kv)
		}
	}
	for name, value := range over {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00") {
			return nil, operr.System("set an environment variable", syscall.EINVAL)
		}
		out = append(out, name+"="+value)
	}
	return out, nil
}
