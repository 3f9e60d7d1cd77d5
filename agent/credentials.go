package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Credentials are what an enrolled agent keeps on disk, in the format of
// deployed agents (credentials.json).
type Credentials struct {
	AgentID       string   `json:"agent_id"`
	WorkspaceID   string   `json:"workspace_id"`
	NATSBearer    string   `json:"nats_bearer"`
	NATSURLs      []string `json:"nats_urls"`
	RelayURL      string   `json:"relay_url"`
	RelayToken    string   `json:"relay_token"`
	UpdatePubkey  string   `json:"update_pubkey"`
	WholeMachine  bool     `json:"consented_whole_machine"`
	ScreenControl bool     `json:"consented_screen_control"`
	UpdateChannel string   `json:"update_channel"`
	ResumeToken   string   `json:"resume_token"`
	// CAFile is the ca.pem beside the file, with the CA of a broker that the
	// system does not trust; empty if there is none.
	CAFile string `json:"-"`
	// LastKnownEpoch becomes the held epoch of the fence.
	LastKnownEpoch uint32 `json:"last_known_epoch"`
}

// caName is the file beside the credentials that CAFile speaks of.
const caName = "ca.pem"

// LoadCredentials reads path. What is wrong with it is named by file and key,
// never by value, and the file is never written. Keys that the format does not
// know are ignored; those without which an agent cannot run are required.
func LoadCredentials(path string) (Credentials, error) {
	var c Credentials
	data, err := os.ReadFile(path)
	if err != nil {
		return Credentials{}, fmt.Errorf("credentials: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&c); err != nil {
		return Credentials{}, fmt.Errorf("credentials file %s: %w", path, explainJSON(data, err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Credentials{}, fmt.Errorf("credentials file %s: something follows the JSON object", path)
	}
	if err := c.check(); err != nil {
		return Credentials{}, fmt.Errorf("credentials file %s: %w", path, err)
	}
	ca := filepath.Join(filepath.Dir(path), caName)
	if _, err := os.Stat(ca); err == nil {
		c.CAFile = ca
	}
	return c, nil
}

// explainJSON says where data is wrong without quoting it.
func explainJSON(data []byte, err error) error {
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if t.Field == "" {
			return fmt.Errorf("it holds a JSON %s where an object is expected", t.Value)
		}
		return fmt.Errorf("key %q holds a JSON %s where %s is expected", t.Field, t.Value, jsonKind(t.Type.String()))
	}
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		line := 1 + bytes.Count(data[:min(int(s.Offset), len(data))], []byte("\n"))
		return fmt.Errorf("not JSON at line %d", line)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it ends before its JSON object does")
	}
	return err
}

func jsonKind(goType string) string {
	switch goType {
	case "string":
		return "a string"
	case "[]string":
		return "a list of strings"
	case "bool":
		return "true or false"
	case "uint32":
		return "a number from 0 to 4294967295"
	default:
		return "an object"
	}
}

func (c *Credentials) check() error {
	for _, k := range []struct{ key, value string }{
		{"agent_id", c.AgentID},
		{"workspace_id", c.WorkspaceID},
		{"nats_bearer", c.NATSBearer},
	} {
		if k.value == "" {
			return fmt.Errorf("key %q is missing or empty", k.key)
		}
	}
	for _, id := range []struct{ key, value string }{
		{"agent_id", c.AgentID},
		{"workspace_id", c.WorkspaceID},
	} {
		if err := checkSubjectToken(id.value); err != nil {
			return fmt.Errorf("key %q %w", id.key, err)
		}
	}
	if len(c.NATSURLs) == 0 {
		return errors.New(`key "nats_urls" is missing or empty`)
	}
	for _, raw := range c.NATSURLs {
		if err := checkURL(raw); err != nil {
			return fmt.Errorf(`key "nats_urls" %w`, err)
		}
	}
	return nil
}

// Config is the configuration of an agent with these credentials.
func (c Credentials) Config() Config {
	return Config{
		WorkspaceID:   c.WorkspaceID,
		AgentID:       c.AgentID,
		URLs:          c.NATSURLs,
		Token:         c.NATSBearer,
		CAFile:        c.CAFile,
		Epoch:         c.LastKnownEpoch,
		RelayURL:      c.RelayURL,
		RelayToken:    c.RelayToken,
		WholeMachine:  c.WholeMachine,
		ScreenControl: c.ScreenControl,
		UpdateChannel: c.UpdateChannel,
		ResumeToken:   c.ResumeToken,
	}
}
