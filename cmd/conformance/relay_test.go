package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"agentproof/relay"
	"agentproof/relay/relaytest"
	"agentproof/stream"
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
		{"nothing selected is wrong usage", []string{"--case", "exec.**"}, 2, `--case "exec.**" matches no case; `},
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

// TestAnAgentIsCertifiedThroughAVendorsRelay runs cases that need terminals, and
// those that take the relay away, through a relay that the suite did not start.
func TestAnAgentIsCertifiedThroughAVendorsRelay(t *testing.T) {
	t.Parallel()
	const viewers, producers = "sesame-of-viewers", "sesame-of-producers"
	url := relaytest.Start(t, relay.Config{ViewerSecret: stream.Secret(viewers), ProducerSecret: stream.Secret(producers)}).URL()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	viewer, producer := file("viewers", viewers), file("producers", producers)
	flags := []string{"run", "--relay", url, "--relay-viewer-secret-file", viewer, "--relay-producer-secret-file", producer}

	t.Run("terminals pass", func(t *testing.T) {
		t.Parallel()
		got := invoke(t, append(flags, "--case", "pty.open", "--case", "pty.relay-down", "--case", "pty.spawn-failure",
			"--case", "stream.dial", "--case", "stream.reconnect")...)
		got.want(t, 0, "what was selected passes", "")
		if strings.Contains(got.out, "UNTESTABLE") {
			t.Errorf("some of it could not be tried:\n%s", got.out)
		}
	})
	t.Run("what would end the relay is untestable", func(t *testing.T) {
		t.Parallel()
		invoke(t, append(flags, "--case", "pty.survives-relay/shut-down")...).want(t, 0, "cannot shut down a relay that it did not start", "")
	})
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"another viewers' secret", []string{"--relay-viewer-secret-file", producer}, 3, "the relay refuses a viewer"},
		{"another producers' secret", []string{"--relay-producer-secret-file", viewer}, 3, "the relay refuses an agent"},
		{"a relay that is away", []string{"--relay", "ws://127.0.0.1:1/stream"}, 3, "start the relay, or correct its URL"},
		{"no viewers' secret", []string{"--relay-viewer-secret-file", ""}, 2, "--relay: the relay's secret is missing: give --relay-viewer-secret-file or $AGENTPROOF_RELAY_VIEWER_SECRET"},
		{"something else than a URL", []string{"--relay", "localhost"}, 2, "--relay: it is one such as ws://"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := invoke(t, append(append([]string{}, flags...), append(tt.args, "--case", "pty.open")...)...)
			got.want(t, tt.code, "", tt.want)
			if strings.Contains(got.err, viewers) || strings.Contains(got.err, producers) {
				t.Errorf("it gives a secret away: %s", got.err)
			}
		})
	}
}
