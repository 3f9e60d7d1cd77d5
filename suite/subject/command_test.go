package subject_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"agentproof/suite/subject"
)

// observe starts the witness by command and returns what it saw.
func observe(t *testing.T, env subject.Environment, out *output, argv ...string) seen {
	t.Helper()
	s, done, err := subject.Command(argv...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	p := start(t, s, env)
	await(t, p)
	var got seen
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil || p.ExitCode() != 0 {
		t.Fatalf("exit code %d, %v, output:\n%s", p.ExitCode(), err, out)
	}
	return got
}

func TestCommandIsToldEverythingByItsEnvironment(t *testing.T) {
	t.Parallel()
	env, out := environment(t)
	got := observe(t, env, out, self(t), "witness", "a b", "")
	if diff := cmp.Diff([]string{"witness", "a b", ""}, got.Args); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	if root, err := filepath.EvalSymlinks(env.Root); err != nil || got.Dir != root && got.Dir != env.Root {
		t.Errorf("the working directory is %s, want the root %s (%v)", got.Dir, root, err)
	}
	want := map[string]string{
		"AGENTPROOF_NATS_URL":       "nats://127.0.0.1:1,ws://127.0.0.1:2",
		"AGENTPROOF_NATS_TOKEN":     "secret",
		"AGENTPROOF_WORKSPACE_ID":   "ws",
		"AGENTPROOF_AGENT_ID":       "laptop",
		"AGENTPROOF_EPOCH":          "7",
		"AGENTPROOF_RELAY_URL":      "ws://127.0.0.1:3",
		"AGENTPROOF_RELAY_TOKEN":    "relay-secret",
		"AGENTPROOF_SCREEN_CONTROL": "true",
		"OPENGENI_CONFIG_DIR":       env.ConfigDir,
		"PWD":                       env.Root,
	}
	for name, value := range want {
		if got.Environ[name] != value {
			t.Errorf("%s is %q, want %q", name, got.Environ[name], value)
		}
	}
}

func TestCommandFindsTheCredentialsOfDeployedAgents(t *testing.T) {
	t.Parallel()
	env, out := environment(t)
	got := observe(t, env, out, self(t), "witness")
	if got.Mode.Perm() != 0o600 {
		t.Errorf("credentials.json has mode %v, want 0600", got.Mode)
	}
	want := map[string]any{
		"agent_id": "laptop", "workspace_id": "ws", "nats_bearer": "secret",
		"nats_urls": []any{"nats://127.0.0.1:1", "ws://127.0.0.1:2"},
		"relay_url": "ws://127.0.0.1:3", "relay_token": "relay-secret", "update_pubkey": "",
		"consented_whole_machine": true, "consented_screen_control": true,
		"update_channel": "stable", "resume_token": "", "last_known_epoch": 7.0,
	}
	if diff := cmp.Diff(want, got.Credentials); diff != "" {
		t.Errorf("credentials.json (-want +got):\n%s", diff)
	}
}

func TestCommandIsToldNothingThatTheRunnerWasTold(t *testing.T) {
	for name, value := range map[string]string{
		"AGENTPROOF_AGENT_CMD": "x", "AGENTPROOF_EPOCH": "99", "OPENGENI_OTHER": "x", "DISPLAY": ":42", "KEPT": "yes",
	} {
		t.Setenv(name, value)
	}
	env, out := environment(t)
	env.Extra = []string{"ADDED=1", "PATH"}
	got := observe(t, env, out, self(t), "witness")
	for _, name := range []string{"AGENTPROOF_AGENT_CMD", "OPENGENI_OTHER", "DISPLAY", "PATH"} {
		if value, ok := got.Environ[name]; ok {
			t.Errorf("the agent saw %s=%s", name, value)
		}
	}
	for name, want := range map[string]string{"AGENTPROOF_EPOCH": "7", "KEPT": "yes", "ADDED": "1"} {
		if got.Environ[name] != want {
			t.Errorf("%s is %q, want %q", name, got.Environ[name], want)
		}
	}
}

func TestCommandIsToldItsDisplayAndWhomToTrust(t *testing.T) {
	t.Parallel()
	env, out := environment(t)
	env.Display, env.CAFile = []string{"DISPLAY=:7"}, filepath.Join(t.TempDir(), "broker.pem")
	if err := os.WriteFile(env.CAFile, []byte("the CA"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := observe(t, env, out, self(t), "witness")
	ca := filepath.Join(env.ConfigDir, "ca.pem")
	for name, want := range map[string]string{"DISPLAY": ":7", "AGENTPROOF_CA_FILE": ca, "SSL_CERT_FILE": ca} {
		if got.Environ[name] != want {
			t.Errorf("%s is %q, want %q", name, got.Environ[name], want)
		}
	}
	if data, err := os.ReadFile(ca); err != nil || string(data) != "the CA" {
		t.Errorf("%s holds %q, %v", ca, data, err)
	}
}

func TestAnAgentWithoutTLSIsToldOfNoCA(t *testing.T) {
	t.Parallel()
	env, out := environment(t)
	got := observe(t, env, out, self(t), "witness")
	if ca, ok := got.Environ["AGENTPROOF_CA_FILE"]; ok {
		t.Errorf("AGENTPROOF_CA_FILE=%s", ca)
	}
	if _, err := os.Lstat(filepath.Join(env.ConfigDir, "ca.pem")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ca.pem: %v, want none", err)
	}
}

func TestCommandNamesAreRelativeToTheRunner(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self(t), filepath.Join(dir, "bin", "agent")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, tt := range []struct{ name, path, program string }{
		{"with a dot", "", "./bin/agent"},
		{"with a slash", "", "bin/agent"},
		{"found in a PATH that is relative itself", "bin", "agent"},
		{"found in the PATH", filepath.Join(dir, "bin"), "agent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.path != "" {
				t.Setenv("PATH", tt.path)
			}
			env, out := environment(t)
			if got := observe(t, env, out, tt.program, "witness"); got.Dir == dir {
				t.Errorf("the agent works in %s, not in its root", got.Dir)
			}
		})
	}
}

func TestCommandRefusesWhatItCannotStart(t *testing.T) {
	t.Parallel()
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		argv []string
		want string
	}{
		{"no words at all", nil, "the agent's command is empty"},
		{"an empty name", []string{"", "run"}, "the agent's command is empty"},
		{"a program that is not there", []string{"./missing"}, "no such file or directory"},
		{"a name that is not in the PATH", []string{"agentproof-missing"}, "not found in $PATH"},
		{"a file that is no program", []string{plain}, "permission denied"},
		{"a directory", []string{t.TempDir()}, "is a directory"},
		{"go run without a package", []string{"go", "run"}, "names no package"},
		{"go run with flags alone", []string{"go", "run", "-tags", "x"}, "names no package"},
		{"go run of a version", []string{"go", "run", "example.com/agent@v1.2.3", "run"}, "install example.com/agent@v1.2.3 with go install"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := subject.Command(tt.argv...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("not one sentence: %v", err)
			}
		})
	}
}

func TestCommandThatCannotBeExecutedIsAnErrorOfItsStart(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "agent")
	if err := os.WriteFile(name, []byte("\x7fELF and nothing more"), 0o755); err != nil {
		t.Fatal(err)
	}
	s, done, err := subject.Command(name)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	env, _ := environment(t)
	if _, err := s.Start(t.Context(), env); err == nil || !strings.Contains(err.Error(), "start "+name) {
		t.Errorf("got %v, want an error that names the program", err)
	}
}

func TestCommandTellsExitCodeAndOutput(t *testing.T) {
	t.Parallel()
	s, done, err := subject.Command(self(t), "exit")
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if s.Name != self(t)+" exit" {
		t.Errorf("the name is %q", s.Name)
	}
	env, out := environment(t)
	p := start(t, s, env)
	await(t, p)
	if p.ExitCode() != 3 {
		t.Errorf("exit code %d, want 3", p.ExitCode())
	}
	if got := out.String(); got != "out\nerr\n" {
		t.Errorf("output %q", got)
	}
}
