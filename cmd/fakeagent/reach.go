package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// reach is how to reach an agent.
type reach struct {
	URL         string `json:"url"`
	ControlURL  string `json:"control_url,omitempty"`
	Token       string `json:"token,omitempty"`
	WorkspaceID string `json:"workspace_id"`
	AgentID     string `json:"agent_id"`
	Root        string `json:"root"`
	// RelayURL is where terminals are seen, and ViewerSecret signs the tokens
	// for it.
	RelayURL     string `json:"relay_url,omitempty"`
	ViewerSecret string `json:"viewer_secret,omitempty"`
	// Display is the agent's virtual desktop, nil without one.
	Display *screen `json:"display,omitempty"`
}

func (r reach) subject() string { return "agent." + r.WorkspaceID + "." + r.AgentID + ".rpc" }

// reachFile is where the latest `fakeagent run` with a broker of its own says
// how to reach it.
func reachFile() (string, error) {
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		var err error
		if dir, err = os.UserCacheDir(); err != nil {
			return "", fmt.Errorf("find a place to remember the agent in: %w", err)
		}
	}
	return filepath.Join(dir, "agentproof", "fakeagent.json"), nil
}

// remember writes the file, for its owner alone, and returns what removes it
// unless another agent has replaced it since.
func (r reach) remember() (forget func(), err error) {
	nothing := func() {}
	name, err := reachFile()
	if err != nil {
		return nothing, err
	}
	data, err := json.Marshal(r)
	if err != nil {
		return nothing, err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nothing, err
	}
	if err := replace(name, data); err != nil {
		return nothing, err
	}
	return func() {
		if now, err := os.ReadFile(name); err == nil && string(now) == string(data) {
			_ = os.Remove(name)
		}
	}, nil
}

// replace writes a file for its owner alone, whole or not at all, whoever else
// writes it meanwhile.
func replace(name string, data []byte) error {
	part, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = part.Write(data)
	if err = errors.Join(err, part.Close()); err == nil {
		err = os.Rename(part.Name(), name)
	}
	if err != nil {
		_ = os.Remove(part.Name())
	}
	return err
}

// recall reads what the latest `fakeagent run` remembered.
func recall() (reach, error) {
	name, err := reachFile()
	if err != nil {
		return reach{}, err
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return reach{}, errors.New("no agent to call: start one with 'fakeagent run', or name one with --nats, --workspace and --agent")
	}
	if err != nil {
		return reach{}, fmt.Errorf("find the agent: %w", err)
	}
	var r reach
	if err := json.Unmarshal(data, &r); err != nil {
		return reach{}, fmt.Errorf("find the agent: %s: %w", name, err)
	}
	return r, nil
}

// redacted is URLs without their passwords.
func redacted(urls []string) []string {
	out := make([]string, 0, len(urls))
	for _, raw := range urls {
		u, err := url.Parse(raw)
		if err != nil {
			out = append(out, "(a URL that does not parse)")
			continue
		}
		if u.User != nil {
			u.User = url.UserPassword("xxxxx", "xxxxx")
		}
		out = append(out, u.Redacted())
	}
	return out
}
