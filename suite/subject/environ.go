package subject

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// environ is this process's environment without what an agent could mistake
// for its own, and with what it must be told.
func environ(env Environment) []string {
	var out []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "AGENTPROOF_") || strings.HasPrefix(name, "OPENGENI_") || name == "PWD" {
			continue
		}
		out = append(out, kv)
	}
	out = append(out,
		"PWD="+env.Root,
		"AGENTPROOF_NATS_URL="+strings.Join(env.URLs, ","),
		"AGENTPROOF_NATS_TOKEN="+env.Token,
		"AGENTPROOF_WORKSPACE_ID="+env.WorkspaceID,
		"AGENTPROOF_AGENT_ID="+env.AgentID,
		"AGENTPROOF_EPOCH="+strconv.FormatUint(uint64(env.Epoch), 10),
		"AGENTPROOF_RELAY_URL="+env.RelayURL,
		"AGENTPROOF_RELAY_TOKEN="+env.RelayToken,
		"AGENTPROOF_SCREEN_CONTROL="+strconv.FormatBool(env.ScreenControl),
		"OPENGENI_CONFIG_DIR="+env.ConfigDir,
	)
	if env.CAFile != "" {
		ca := caPath(env)
		// Go and OpenSSL read the second by themselves.
		out = append(out, "AGENTPROOF_CA_FILE="+ca, "SSL_CERT_FILE="+ca)
	}
	return env.Around(out)
}

// caName is the file in the credentials' directory with the CA of the broker's
// certificate.
const caName = "ca.pem"

func caPath(env Environment) string { return filepath.Join(env.ConfigDir, caName) }

// writeCA puts the CA where a deployed agent finds it, beside its credentials.
func writeCA(env Environment) error {
	if env.CAFile == "" {
		return nil
	}
	data, err := os.ReadFile(env.CAFile)
	if err != nil {
		return err
	}
	return os.WriteFile(caPath(env), data, 0o600)
}

// credentials is the file that deployed agents read.
type credentials struct {
	AgentID                string   `json:"agent_id"`
	WorkspaceID            string   `json:"workspace_id"`
	NATSBearer             string   `json:"nats_bearer"`
	NATSURLs               []string `json:"nats_urls"`
	RelayURL               string   `json:"relay_url"`
	RelayToken             string   `json:"relay_token"`
	UpdatePubkey           string   `json:"update_pubkey"`
	ConsentedWholeMachine  bool     `json:"consented_whole_machine"`
	ConsentedScreenControl bool     `json:"consented_screen_control"`
	UpdateChannel          string   `json:"update_channel"`
	ResumeToken            string   `json:"resume_token"`
	LastKnownEpoch         uint32   `json:"last_known_epoch"`
}

func writeCredentials(env Environment) error {
	data, err := json.MarshalIndent(credentials{
		AgentID: env.AgentID, WorkspaceID: env.WorkspaceID,
		NATSBearer: env.Token, NATSURLs: env.URLs,
		RelayURL: env.RelayURL, RelayToken: env.RelayToken,
		ConsentedWholeMachine: true, ConsentedScreenControl: env.ScreenControl,
		UpdateChannel: "stable", LastKnownEpoch: env.Epoch,
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(env.ConfigDir, "credentials.json"), data, 0o600)
}
