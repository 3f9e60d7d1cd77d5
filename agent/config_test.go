package agent_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"agentproof/agent"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*agent.Config)
		want   string // part of the sentence; empty if nothing is wrong
	}{
		"a minimal configuration":       {func(*agent.Config) {}, ""},
		"all four schemes":              {func(c *agent.Config) { c.URLs = []string{"nats://h", "tls://h:1", "ws://h", "wss://h/path"} }, ""},
		"a URL without a scheme":        {func(c *agent.Config) { c.URLs = []string{"localhost:4222"} }, ""},
		"no workspace":                  {func(c *agent.Config) { c.WorkspaceID = "" }, "workspace id is empty"},
		"no agent":                      {func(c *agent.Config) { c.AgentID = "" }, "agent id is empty"},
		"a dot in the agent id":         {func(c *agent.Config) { c.AgentID = "a.b" }, "agent id"},
		"a wildcard in the agent id":    {func(c *agent.Config) { c.AgentID = "*" }, "agent id"},
		"white space in the workspace":  {func(c *agent.Config) { c.WorkspaceID = "a b" }, "workspace id"},
		"a control character in an id":  {func(c *agent.Config) { c.WorkspaceID = "a\x01" }, "workspace id"},
		"an id that is not UTF-8":       {func(c *agent.Config) { c.AgentID = "\xff" }, "UTF-8"},
		"no URL":                        {func(c *agent.Config) { c.URLs = nil }, "no broker URL"},
		"an unknown scheme":             {func(c *agent.Config) { c.URLs = []string{"http://h"} }, "http://h"},
		"a URL without a host":          {func(c *agent.Config) { c.URLs = []string{"nats://:4222"} }, "names no host"},
		"a URL that cannot be parsed":   {func(c *agent.Config) { c.URLs = []string{"nats://h:port"} }, "cannot be parsed"},
		"a root that does not exist":    {func(c *agent.Config) { c.Root += "/no/such" }, "workspace root"},
		"a CA file that is missing":     {func(c *agent.Config) { c.CAFile = "/no/such.pem" }, "/no/such.pem"},
		"a CA file without a CA":        {func(c *agent.Config) { c.CAFile = os.DevNull }, "no certificate in PEM"},
		"a negative bound on output":    {func(c *agent.Config) { c.MaxOutput = -1 }, "output bound"},
		"a negative bound on operation": {func(c *agent.Config) { c.MaxConcurrent = -1 }, "concurrent"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := offline(t)
			tc.change(&c)
			_, err := agent.New(c)
			if tc.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one sentence with %q", err, tc.want)
			}
		})
	}
}

func TestErrorsAboutURLsKeepTheirSecrets(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"http://user:hunter2@h", "nats://hunter2@:1", "nats://hunter2@h:port", "x://hunter2@h"} {
		c := offline(t)
		c.URLs = []string{raw}
		if err := c.Validate(); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("URL %s: %v", raw, err)
		}
	}
}

func TestConfigFromEnviron(t *testing.T) {
	t.Parallel()
	full := []string{
		"AGENTPROOF_NATS_URL=nats://a:1, ws://b:2,", "AGENTPROOF_NATS_TOKEN=tok", "AGENTPROOF_WORKSPACE_ID=ws",
		"AGENTPROOF_AGENT_ID=ag", "AGENTPROOF_EPOCH=4294967295", "AGENTPROOF_RELAY_URL=ws://r/stream",
		"AGENTPROOF_RELAY_TOKEN=rel", "AGENTPROOF_SCREEN_CONTROL=true", "AGENTPROOF_CA_FILE=/ca", "OTHER=x",
	}
	all := agent.Config{
		WorkspaceID: "ws", AgentID: "ag", URLs: []string{"nats://a:1", "ws://b:2"}, Token: "tok",
		Epoch: 4294967295, RelayURL: "ws://r/stream", RelayToken: "rel", ScreenControl: true,
		CAFile: "/ca",
	}
	least := agent.Config{URLs: []string{"nats://a:1"}}
	tests := map[string]struct {
		environ []string
		want    agent.Config
		err     string
	}{
		"everything":                   {environ: full, want: all},
		"the last of a name counts":    {environ: append([]string{"AGENTPROOF_EPOCH=1"}, full...), want: all},
		"only a URL":                   {environ: []string{"AGENTPROOF_NATS_URL=nats://a:1", "AGENTPROOF_EPOCH=", "AGENTPROOF_SCREEN_CONTROL="}, want: least},
		"nothing":                      {err: "AGENTPROOF_NATS_URL"},
		"an epoch in words":            {environ: []string{"AGENTPROOF_NATS_URL=nats://a:1", "AGENTPROOF_EPOCH=new"}, err: "AGENTPROOF_EPOCH"},
		"an epoch beyond uint32":       {environ: []string{"AGENTPROOF_NATS_URL=nats://a:1", "AGENTPROOF_EPOCH=4294967296"}, err: "AGENTPROOF_EPOCH"},
		"a consent that is no boolean": {environ: []string{"AGENTPROOF_NATS_URL=nats://a:1", "AGENTPROOF_SCREEN_CONTROL=maybe"}, err: "AGENTPROOF_SCREEN_CONTROL"},
		"a directory without a file":   {environ: []string{"OPENGENI_CONFIG_DIR=/no/such"}, err: "/no/such/credentials.json"},
		"a URL beside a missing file":  {environ: []string{"AGENTPROOF_NATS_URL=nats://a:1", "OPENGENI_CONFIG_DIR=/no/such"}, want: least},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := agent.ConfigFromEnviron(tc.environ)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("error %v, want one that names %s", err, tc.err)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("error %v, configuration %+v,\nwant %+v", err, got, tc.want)
			}
		})
	}
}

const credentials = `{
  "agent_id": "ag", "workspace_id": "ws", "nats_bearer": "bearer", "nats_urls": ["nats://a:1", "wss://b"],
  "relay_url": "wss://r/stream", "relay_token": "rel", "update_pubkey": "key", "consented_whole_machine": true,
  "consented_screen_control": true, "update_channel": "stable", "resume_token": "res", "last_known_epoch": 7,
  "a_key_of_later_days": {"x": 1}
}`

func TestConfigFromCredentials(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := writeCredentials(t, dir, credentials)
	want := agent.Config{
		WorkspaceID: "ws", AgentID: "ag", URLs: []string{"nats://a:1", "wss://b"}, Token: "bearer", Epoch: 7,
		RelayURL: "wss://r/stream", RelayToken: "rel", WholeMachine: true, ScreenControl: true,
		UpdateChannel: "stable", ResumeToken: "res", CredentialsFile: file,
	}
	got, err := agent.ConfigFromEnviron([]string{"OPENGENI_CONFIG_DIR=" + dir})
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("error %v, configuration %+v,\nwant %+v", err, got, want)
	}

	t.Run("with a CA beside them", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		ca := filepath.Join(dir, "ca.pem")
		if err := os.WriteFile(ca, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		writeCredentials(t, dir, credentials)
		got, err := agent.ConfigFromEnviron([]string{"OPENGENI_CONFIG_DIR=" + dir})
		if err != nil || got.CAFile != ca {
			t.Errorf("error %v, CA file %q, want %q", err, got.CAFile, ca)
		}
	})
	t.Run("the environment wins and the file adds", func(t *testing.T) {
		t.Parallel()
		environ := []string{"OPENGENI_CONFIG_DIR=" + dir, "AGENTPROOF_NATS_URL=nats://e:1", "AGENTPROOF_NATS_TOKEN=env",
			"AGENTPROOF_WORKSPACE_ID=ws", "AGENTPROOF_AGENT_ID=ag", "AGENTPROOF_EPOCH=9", "AGENTPROOF_SCREEN_CONTROL=false"}
		got, err := agent.ConfigFromEnviron(environ)
		want := agent.Config{
			WorkspaceID: "ws", AgentID: "ag", URLs: []string{"nats://e:1"}, Token: "env", Epoch: 9,
			WholeMachine: true, UpdateChannel: "stable", ResumeToken: "res", CredentialsFile: file,
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("error %v, configuration %+v,\nwant %+v", err, got, want)
		}
	})
	t.Run("another agent's file adds nothing", func(t *testing.T) {
		t.Parallel()
		got, err := agent.ConfigFromEnviron([]string{"OPENGENI_CONFIG_DIR=" + dir, "AGENTPROOF_NATS_URL=nats://e:1",
			"AGENTPROOF_WORKSPACE_ID=ws", "AGENTPROOF_AGENT_ID=another"})
		if err != nil || got.WholeMachine || got.UpdateChannel != "" {
			t.Errorf("error %v, configuration %+v", err, got)
		}
	})
}

func TestMalformedCredentials(t *testing.T) {
	t.Parallel()
	change := func(old, new string) string { return strings.Replace(credentials, old, new, 1) }
	tests := map[string]struct{ text, want string }{
		"an empty file":               {"", "ends before"},
		"a truncated file":            {credentials[:100], "ends before"},
		"not JSON":                    {"{\n  \"agent_id\": ag\n}", "line 2"},
		"a list":                      {"[]", "object"},
		"two objects":                 {credentials + "{}", "follows"},
		"no agent":                    {change(`"agent_id": "ag",`, ""), `"agent_id"`},
		"an agent that is a number":   {change(`"ag"`, "7"), `"agent_id"`},
		"an agent with a dot":         {change(`"ag"`, `"a.g"`), `"agent_id"`},
		"no workspace":                {change(`"workspace_id": "ws",`, ""), `"workspace_id"`},
		"no bearer":                   {change(`"nats_bearer": "bearer",`, ""), `"nats_bearer"`},
		"a bearer that is a list":     {change(`"bearer"`, `["bearer"]`), `"nats_bearer"`},
		"no URLs":                     {change(`["nats://a:1", "wss://b"]`, "[]"), `"nats_urls"`},
		"URLs that are a string":      {change(`["nats://a:1", "wss://b"]`, `"nats://a:1"`), `"nats_urls"`},
		"a URL of another kind":       {change(`wss://b`, `https://b`), `"nats_urls"`},
		"a consent that is a string":  {change(`"consented_screen_control": true`, `"consented_screen_control": "yes"`), `"consented_screen_control"`},
		"a negative epoch":            {change(`"last_known_epoch": 7`, `"last_known_epoch": -1`), `"last_known_epoch"`},
		"an epoch that is a fraction": {change(`"last_known_epoch": 7`, `"last_known_epoch": 1.5`), `"last_known_epoch"`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := writeCredentials(t, t.TempDir(), tc.text)
			_, err := agent.LoadCredentials(file)
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), file) {
				t.Fatalf("error %v, want one with %s and the file", err, tc.want)
			}
			if strings.Contains(err.Error(), "bearer\"") && tc.want != `"nats_bearer"` || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v tells a secret or is no single line", err)
			}
			after, readErr := os.ReadFile(file)
			if diff := cmp.Diff(tc.text, string(after)); diff != "" || readErr != nil {
				t.Errorf("the file was changed: %v %s", readErr, diff)
			}
		})
	}
}

func writeCredentials(tb testing.TB, dir, text string) string {
	tb.Helper()
	file := filepath.Join(dir, "credentials.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	return file
}

func TestTheLogHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := startLogged(t, &log)
	s.stop(nil)
	s.waitStopped()
	if log.Len() == 0 {
		t.Error("nothing was logged")
	}
	for _, secret := range []string{s.token, "hunter2", "relay-secret", "resume-secret"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %s:\n%s", secret, log.String())
		}
	}
	if !strings.Contains(log.String(), "read by other users") {
		t.Errorf("no warning about the mode of the credentials file:\n%s", log.String())
	}
}

// startLogged runs an agent with secrets everywhere through the things that
// it logs: a refused broker, a connection, operations.
func startLogged(t *testing.T, log *bytes.Buffer) *subject {
	t.Helper()
	file := writeCredentials(t, t.TempDir(), credentials)
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	s := start(t, func(c *agent.Config) {
		c.URLs = append([]string{"nats://user:hunter2@127.0.0.1:1"}, c.URLs...)
		c.RelayToken, c.ResumeToken, c.CredentialsFile = "relay-secret", "resume-secret", file
		c.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	s.call(pingRequest(1))
	s.raw([]byte("\xff"))
	return s
}
