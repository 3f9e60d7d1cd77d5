package agent

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// credentialsName is the file in $OPENGENI_CONFIG_DIR.
const credentialsName = "credentials.json"

// ConfigFromEnviron reads how an agent is to run from variables in the form of
// os.Environ. AGENTPROOF_NATS_URL (a list is separated by commas), _NATS_TOKEN,
// _WORKSPACE_ID, _AGENT_ID, _EPOCH, _RELAY_URL, _RELAY_TOKEN and
// _SCREEN_CONTROL say everything, and _CA_FILE which CA to trust; where
// AGENTPROOF_NATS_URL is not set, credentials.json in $OPENGENI_CONFIG_DIR does,
// with ca.pem beside it if there is one. A credentials.json of the same agent
// also adds what has no variable.
//
// The result is not validated: the caller may still add to it.
func ConfigFromEnviron(environ []string) (Config, error) {
	env := make(map[string]string, len(environ))
	for _, kv := range environ {
		if name, value, ok := strings.Cut(kv, "="); ok {
			env[name] = value
		}
	}
	file := ""
	if dir := env[envConfigDir]; dir != "" {
		file = filepath.Join(dir, credentialsName)
	}
	if env[envNATSURL] == "" {
		return configFromFile(file)
	}
	c := Config{
		WorkspaceID: env[envWorkspaceID],
		AgentID:     env[envAgentID],
		URLs:        splitURLs(env[envNATSURL]),
		Token:       env[envNATSToken],
		RelayURL:    env[envRelayURL],
		RelayToken:  env[envRelayToken],
		CAFile:      env[envCAFile],
	}
	if v := env[envEpoch]; v != "" {
		epoch, err := strconv.ParseUint(v, 10, 32)
		if err != nil {
			return Config{}, fmt.Errorf("agent: %s is %q, not a number from 0 to 4294967295", envEpoch, v)
		}
		c.Epoch = uint32(epoch)
	}
	if v := env[envScreenControl]; v != "" {
		consent, err := strconv.ParseBool(v)
		if err != nil {
			return Config{}, fmt.Errorf("agent: %s is %q, neither true nor false", envScreenControl, v)
		}
		c.ScreenControl = consent
	}
	if file != "" {
		addFromFile(&c, file)
	}
	return c, nil
}

func configFromFile(file string) (Config, error) {
	if file == "" {
		return Config{}, errors.New("agent: neither AGENTPROOF_NATS_URL nor OPENGENI_CONFIG_DIR is set")
	}
	credentials, err := LoadCredentials(file)
	if err != nil {
		return Config{}, err
	}
	c := credentials.Config()
	c.CredentialsFile = file
	return c, nil
}

// addFromFile takes over what the environment has no words for. The
// environment needs no file beside it, so that one which is missing, broken or
// another agent's is left alone.
func addFromFile(c *Config, file string) {
	credentials, err := LoadCredentials(file)
	if err != nil || credentials.AgentID != c.AgentID || credentials.WorkspaceID != c.WorkspaceID {
		return
	}
	c.CredentialsFile = file
	c.WholeMachine = credentials.WholeMachine
	c.UpdateChannel = credentials.UpdateChannel
	c.ResumeToken = credentials.ResumeToken
}

func splitURLs(list string) []string {
	var urls []string
	for u := range strings.SplitSeq(list, ",") {
		if u = strings.TrimSpace(u); u != "" {
			urls = append(urls, u)
		}
	}
	return urls
}
