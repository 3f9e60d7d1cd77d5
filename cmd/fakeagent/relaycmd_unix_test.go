//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// relayURL is what a service said.
func relayURL(tb testing.TB, s *service) string {
	tb.Helper()
	for line := range strings.Lines(s.String()) {
		var said struct {
			RelayURL string `json:"relay_url"`
		}
		if json.Unmarshal([]byte(line), &said) == nil && said.RelayURL != "" {
			return said.RelayURL
		}
		if url, ok := strings.CutPrefix(line, "relay "); ok {
			return strings.TrimSpace(url)
		}
	}
	tb.Fatalf("no relay URL in:\n%s", s)
	return ""
}

func TestRelayServesUntilItIsStoppedAndTellsNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "only-the-file-knows-this"
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, program(t, t.TempDir(), "relay", "--verbose", "--viewer-secret-file", file))
	health := strings.Replace(strings.TrimSuffix(relayURL(t, s), "/stream")+"/healthz", "ws://", "http://", 1)
	resp, err := http.Get(health)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("healthz answers %s", resp.Status)
	}
	if code := s.stop(t); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	if strings.Contains(s.String(), secret) {
		t.Errorf("the secret is in what it prints:\n%s", s)
	}
}

func TestRelayExitCodes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
		env  string
		says string
		code int
	}{
		{"no secret is wrong usage", nil, "", "no viewer could come in", 2},
		{"a file that is missing is wrong usage", []string{"--viewer-secret-file", "/nonexistent"}, "", "--viewer-secret-file", 2},
		{"a flag and a file for one secret are wrong usage", []string{"--viewer-secret", "a", "--viewer-secret-file", "b"}, "", "exclude each other", 2},
		{"an address that is no such is a failure", []string{"--listen", "127.0.0.1:http:"}, viewerSecretEnv + "=x", "start the relay", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cmd := program(t, t.TempDir(), append([]string{"relay"}, tt.args...)...)
			cmd.Env = append(cmd.Env, tt.env)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			_ = cmd.Run()
			if cmd.ProcessState.ExitCode() != tt.code || !strings.Contains(out.String(), tt.says) {
				t.Errorf("exit code %d, want %d, and %q in:\n%s", cmd.ProcessState.ExitCode(), tt.code, tt.says, &out)
			}
		})
	}
}
