package agent_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"agentproof/agent"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func TestExec(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	s := start(t, func(c *agent.Config) {
		c.Environ = append(os.Environ(), "INHERITED=agent's", "SHELL=/bin/sh")
	})
	if err := os.MkdirAll(filepath.Join(s.root, "sub", "deeper"), 0o755); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		req    *agentv1.ExecRequest
		stdout string
		code   int32
	}{
		"argv is not interpreted":             {&agentv1.ExecRequest{Command: []string{"echo", "$HOME", "*", "a  b"}}, "$HOME * a  b\n", 0},
		"an empty argument is one":            {&agentv1.ExecRequest{Command: []string{"printf", "%s|", "a", "", "b"}}, "a||b|", 0},
		"a status is passed on":               {&agentv1.ExecRequest{Command: []string{"sh", "-c", "exit 42"}}, "", 42},
		"death by signal is -1":               {&agentv1.ExecRequest{Command: []string{"sh", "-c", "kill -9 $$"}}, "", -1},
		"no cwd is the root":                  {&agentv1.ExecRequest{Command: []string{"pwd"}}, s.root + "\n", 0},
		"a relative cwd is below the root":    {&agentv1.ExecRequest{Command: []string{"pwd"}, Cwd: "sub/deeper"}, s.root + "/sub/deeper\n", 0},
		"a parent is left to the OS":          {&agentv1.ExecRequest{Command: []string{"pwd"}, Cwd: "sub/deeper/.."}, s.root + "/sub\n", 0},
		"an absolute cwd is itself":           {&agentv1.ExecRequest{Command: []string{"pwd"}, Cwd: outside}, outside + "\n", 0},
		"the shell interprets":                {&agentv1.ExecRequest{Command: []string{"echo $((1+1)) |", "tr 2 x"}, Shell: true}, "x\n", 0},
		"elements are joined by one space":    {&agentv1.ExecRequest{Command: []string{"printf '%s|'", "a", "'b  c'"}, Shell: true}, "a|b  c|", 0},
		"an empty line for the shell":         {&agentv1.ExecRequest{Command: []string{""}, Shell: true}, "", 0},
		"the request's SHELL is not the one":  {&agentv1.ExecRequest{Command: []string{"echo $0"}, Shell: true, Env: map[string]string{"SHELL": "/bin/false"}}, "/bin/sh\n", 0},
		"the environment is inherited":        {&agentv1.ExecRequest{Command: []string{"sh", "-c", "echo $INHERITED"}}, "agent's\n", 0},
		"the request's variables are on top":  {&agentv1.ExecRequest{Command: []string{"sh", "-c", "echo $INHERITED $NEW"}, Env: map[string]string{"INHERITED": "request's", "NEW": "too"}}, "request's too\n", 0},
		"an empty value is an empty variable": {&agentv1.ExecRequest{Command: []string{"sh", "-c", "echo ${INHERITED-unset}."}, Env: map[string]string{"INHERITED": ""}}, ".\n", 0},
		"stdin is fed":                        {&agentv1.ExecRequest{Command: []string{"cat"}, Stdin: []byte("in\x00\xff")}, "in\x00\xff", 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.exec(tc.req)
			if string(got.GetStdout()) != tc.stdout || got.GetExitCode() != tc.code || got.GetTimedOut() {
				t.Errorf("stdout %q, exit code %d, timed out %v; want %q, %d, false\nstderr: %s",
					got.GetStdout(), got.GetExitCode(), got.GetTimedOut(), tc.stdout, tc.code, got.GetStderr())
			}
		})
	}
}

func TestExecErrors(t *testing.T) {
	t.Parallel()
	const notFound, failed = agentv1.ErrorCode_ERROR_CODE_NOT_FOUND, agentv1.ErrorCode_ERROR_CODE_OS
	s := start(t, nil)
	if err := os.WriteFile(filepath.Join(s.root, "plain"), []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	sh := []string{"/bin/sh", "-c", "touch trace"}
	tests := map[string]struct {
		req     *agentv1.ExecRequest
		want    agentv1.ErrorCode
		context string
		errno   string
	}{
		"no command":                {&agentv1.ExecRequest{}, failed, "", ""},
		"no command for the shell":  {&agentv1.ExecRequest{Shell: true}, failed, "", ""},
		"a missing program":         {&agentv1.ExecRequest{Command: []string{"no-such-program"}}, notFound, "no-such-program", "2"},
		"a file that cannot be run": {&agentv1.ExecRequest{Command: []string{"./plain"}}, failed, "./plain", "13"},
		"a missing cwd":             {&agentv1.ExecRequest{Command: sh, Cwd: "no/such"}, notFound, "no/such", "2"},
		"a cwd that is a file":      {&agentv1.ExecRequest{Command: sh, Cwd: "plain"}, failed, "plain", "20"},
		"a NUL in cwd":              {&agentv1.ExecRequest{Command: sh, Cwd: "a\x00b"}, failed, "", "22"},
		"a NUL in an argument":      {&agentv1.ExecRequest{Command: []string{"echo", "a\x00b"}}, failed, "echo", "22"},
		"a NUL in a variable":       {&agentv1.ExecRequest{Command: sh, Env: map[string]string{"A": "secret\x00value"}}, failed, "", "22"},
		"a variable without a name": {&agentv1.ExecRequest{Command: sh, Env: map[string]string{"": "secret"}}, failed, "", "22"},
		"a variable with an equals": {&agentv1.ExecRequest{Command: sh, Env: map[string]string{"A=B": "secret"}}, failed, "", "22"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			e := s.failed(s.call(execRequest(tc.req)), tc.want)
			if !strings.Contains(e.GetDetail()["context"], tc.context) {
				t.Errorf("context %q does not name %q", e.GetDetail()["context"], tc.context)
			}
			if got := e.GetDetail()["errno"]; got != tc.errno {
				t.Errorf("errno %q, want %q", got, tc.errno)
			}
			if strings.Contains(e.String(), "secret") {
				t.Errorf("the error tells a value: %v", e)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(s.root, "trace")); err == nil {
		t.Error("one of them ran")
	}
}

func TestExecTimeout(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	begin := time.Now()
	got := s.exec(&agentv1.ExecRequest{
		Command: []string{"sh", "-c", "echo $$ >pid; printf out; printf err >&2; setsid sleep 100 & sleep 100"}, TimeoutMs: 1000,
	})
	outside := time.Since(begin)
	if !got.GetTimedOut() || got.GetExitCode() != -1 {
		t.Errorf("timed out %v, exit code %d", got.GetTimedOut(), got.GetExitCode())
	}
	if string(got.GetStdout()) != "out" || string(got.GetStderr()) != "err\ntimed out after 1s\n" {
		t.Errorf("stdout %q, stderr %q", got.GetStdout(), got.GetStderr())
	}
	if d := time.Duration(got.GetDurationMs()) * time.Millisecond; d < 980*time.Millisecond || d > outside+20*time.Millisecond {
		t.Errorf("duration %v, seen from outside %v", d, outside)
	}
	group := s.awaitPID("pid")
	eventually(t, "its group is gone", func() bool { return !groupAlive(group) })
}

func TestCommandsDoNotSeeTheAgentsCredentials(t *testing.T) {
	t.Parallel()
	const token, relay, password = "nats-token-0001", "relay-token-0002", "url-password-0003"
	s := start(t, func(c *agent.Config) {
		c.RelayToken = relay
		c.URLs = append([]string{"nats://user:" + password + "@127.0.0.1:1"}, c.URLs...)
		c.Environ = []string{
			"PATH=" + os.Getenv("PATH"),
			"AGENTPROOF_NATS_TOKEN=" + token,
			"AGENTPROOF_RELAY_TOKEN=" + relay,
			"AGENTPROOF_NATS_URL=nats://user:" + password + "@127.0.0.1:4222",
			"OPENGENI_CONFIG_DIR=/home/x/.config/opengeni",
			"RENAMED=" + c.Token,
			"EMBEDDED=wss://relay/?token=" + relay,
			"AGENTPROOF_AGENT_ID=" + c.AgentID,
			"HARMLESS=yes",
		}
	})
	got := string(s.exec(&agentv1.ExecRequest{Command: []string{"env"}, Env: map[string]string{"AGENTPROOF_NATS_TOKEN": "the caller's own"}}).GetStdout())
	for _, hidden := range []string{token, relay, password, s.token, "OPENGENI_CONFIG_DIR", "RENAMED", "EMBEDDED", "AGENTPROOF_NATS_URL"} {
		if strings.Contains(got, hidden) {
			t.Errorf("commands see %s", hidden)
		}
	}
	for _, seen := range []string{"HARMLESS=yes", "AGENTPROOF_AGENT_ID=", "AGENTPROOF_NATS_TOKEN=the caller's own"} {
		if !strings.Contains(got, seen) {
			t.Errorf("commands do not see %s", seen)
		}
	}
}

func TestExecUsesTheAgentsShell(t *testing.T) {
	t.Parallel()
	shell := filepath.Join(t.TempDir(), "shell")
	if err := os.WriteFile(shell, []byte("#!/bin/sh\nprintf '%s|' \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := start(t, func(c *agent.Config) { c.Environ = []string{"PATH=" + os.Getenv("PATH"), "SHELL=" + shell} })
	got := s.exec(&agentv1.ExecRequest{
		Command: []string{"a", "b  c", "$d"}, Shell: true, Env: map[string]string{"SHELL": "/bin/sh"},
	})
	if want := "-c|a b  c $d|"; string(got.GetStdout()) != want {
		t.Errorf("the shell was called with %q, want %q", got.GetStdout(), want)
	}
}

func TestExecWithoutSHELLUsesTheStandardOne(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *agent.Config) { c.Environ = []string{"PATH=" + os.Getenv("PATH")} })
	if got := s.exec(&agentv1.ExecRequest{Command: []string{"echo $0"}, Shell: true}); string(got.GetStdout()) != "/bin/sh\n" {
		t.Errorf("the shell is %q", got.GetStdout())
	}
}

func TestParallelExecsOnOneAgent(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	const n = 256
	errs := make(chan error, n)
	for range n {
		go func() {
			resp, err := s.try(mustMarshal(t, execRequest(&agentv1.ExecRequest{Command: []string{"cat"}, Stdin: []byte("x")})))
			if err == nil && string(resp.GetExec().GetStdout()) != "x" {
				t.Errorf("reply %v", resp)
			}
			errs <- err
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
