package main

import (
	"bytes"
	"strings"
	"testing"

	"agentproof/relay"
	"agentproof/relay/relaytest"
)

func TestRelayCommand(t *testing.T) {
	t.Parallel()
	foreign := relaytest.Start(t, relay.Config{}).URL()
	for _, tt := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"the bundled relay passes", []string{"--case", "relay.route.**"}, 0, "the bundled relay: what was selected passes"},
		{"a relay at a URL passes", []string{"--case", "relay.route.**", "--viewer-secret", string(relaytest.Secret), foreign}, 0, "the relay at ws://"},
		{"what needs another set-up is untestable there", []string{"--case", "relay.token.secret/*", "--viewer-secret", string(relaytest.Secret), foreign}, 5, "UNTESTABLE"},
		{"a wrong secret judges nothing", []string{"--case", "relay.close/*", "--viewer-secret", "wrong", foreign}, 5, "BLOCKED"},
		{"a URL without a secret is wrong usage", []string{foreign}, 2, "secret is missing"},
		{"something else than a URL is wrong usage", []string{"localhost"}, 2, "it is one such as ws://"},
		{"nothing selected is wrong usage", []string{"--case", "exec.**"}, 2, "list --relay"},
		{"the report may be JSON", []string{"--case", "relay.healthz/*", "--format", "json"}, 0, `"relay.healthz/says-ok"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			code := run(t.Context(), append([]string{"relay"}, tt.args...), strings.NewReader(""), &out, &out)
			if code != tt.code || !strings.Contains(out.String(), tt.says) {
				t.Errorf("exit code %d, want %d and %q in:\n%s", code, tt.code, tt.says, &out)
			}
		})
	}
}
