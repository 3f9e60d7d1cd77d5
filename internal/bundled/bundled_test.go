package bundled_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"agentproof/internal/bundled"
	"agentproof/suite/subject"
)

func TestMainTellsWhatIsWrongWithItsEnvironment(t *testing.T) {
	for _, name := range []string{"AGENTPROOF_NATS_URL", "AGENTPROOF_EPOCH", "OPENGENI_CONFIG_DIR"} {
		t.Setenv(name, "")
	}
	for _, tt := range []struct{ name, value, want string }{
		{"OPENGENI_CONFIG_DIR", "", "agent: agent: neither AGENTPROOF_NATS_URL nor OPENGENI_CONFIG_DIR is set\n"},
		{"OPENGENI_CONFIG_DIR", "/nonexistent", "agent: credentials: open /nonexistent/credentials.json: "},
		{"AGENTPROOF_NATS_URL", "nats://127.0.0.1:1", "agent: agent: the workspace id is empty\n"},
	} {
		t.Run(tt.name+"="+tt.value, func(t *testing.T) {
			t.Setenv(tt.name, tt.value)
			var errw bytes.Buffer
			if code := bundled.Main(t.Context(), &errw); code != 1 || !strings.HasPrefix(errw.String(), tt.want) || strings.Count(errw.String(), "\n") != 1 {
				t.Errorf("exit code %d and %q, want 1 and %q", code, errw.String(), tt.want)
			}
		})
	}
}

func TestConfigIsWhatASpawnedAgentIsTold(t *testing.T) {
	t.Parallel()
	cfg := bundled.Config(subject.Environment{
		URLs: []string{"nats://h"}, Token: "token", WorkspaceID: "ws", AgentID: "a", Epoch: 7,
		RelayURL: "ws://r", RelayToken: "relay", ScreenControl: true, Root: t.TempDir(), ConfigDir: "/config",
		Extra: []string{"ADDED=1", "PATH"}, Marker: "marker",
	})
	if cfg.WorkspaceID != "ws" || cfg.AgentID != "a" || cfg.Token != "token" || cfg.Epoch != 7 || cfg.RelayURL != "ws://r" ||
		cfg.RelayToken != "relay" || !cfg.ScreenControl || !cfg.WholeMachine || cfg.AdoptOrphans {
		t.Errorf("got %+v", cfg)
	}
	for _, kv := range []string{"AGENTPROOF_NATS_TOKEN=token", "AGENTPROOF_RELAY_TOKEN=relay", "OPENGENI_CONFIG_DIR=/config", "ADDED=1",
		"NO_COLOR=1", "TERM=dumb", "CONFORMANCE_INSTANCE=marker"} {
		if !slices.Contains(cfg.Environ, kv) {
			t.Errorf("the agent's environment lacks %s", kv)
		}
	}
	if slices.ContainsFunc(cfg.Environ, func(kv string) bool { return strings.HasPrefix(kv, "PATH=") }) {
		t.Error("the agent's environment has a PATH that was taken away")
	}
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
}
