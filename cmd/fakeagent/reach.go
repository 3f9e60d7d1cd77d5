package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// reachSuffix ends the names of files that are complete.
const reachSuffix = ".json"

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

// reachDir is where every `fakeagent run` with a broker of its own says how to
// reach it, in a file of its own.
func reachDir() (string, error) {
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		var err error
		if dir, err = os.UserCacheDir(); err != nil {
			return "", fmt.Errorf("find a place to remember the agent in: %w", err)
		}
	}
	return filepath.Join(dir, "agentproof", "agents"), nil
}

// remember writes the file, for its owner alone, and returns what removes it.
func (r reach) remember() (forget func(), err error) {
	nothing := func() {}
	dir, err := reachDir()
	if err != nil {
		return nothing, err
	}
	data, err := json.Marshal(r)
	if err != nil {
		return nothing, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nothing, err
	}
	name := filepath.Join(dir, rand.Text()+reachSuffix)
	if err := replace(name, data); err != nil {
		return nothing, err
	}
	return func() { _ = os.Remove(name) }, nil
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
