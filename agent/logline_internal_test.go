package agent

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func TestAnAnswerIsOneReadableLineWithoutSecrets(t *testing.T) {
	t.Parallel()
	exec := func(argv ...string) *agentv1.ControlRequest {
		return &agentv1.ControlRequest{RequestId: "r1", Op: &agentv1.ControlRequest_Exec{Exec: &agentv1.ExecRequest{
			Command: argv, Env: map[string]string{"X": "variable"}, Stdin: []byte("input"),
		}}}
	}
	ran := &agentv1.ControlResponse{Result: &agentv1.ControlResponse_Exec{Exec: &agentv1.ExecResponse{
		ExitCode: 3, Stdout: []byte("out"), Stderr: []byte("problem"),
	}}}
	write := &agentv1.ControlRequest{RequestId: "r1", Op: &agentv1.ControlRequest_FsWrite{
		FsWrite: &agentv1.FsWriteRequest{Path: "notes", Content: []byte("content")},
	}}
	wrote := &agentv1.ControlResponse{Result: &agentv1.ControlResponse_FsWrite{FsWrite: &agentv1.FsWriteResponse{BytesWritten: 7}}}
	denied := failure(write, errStopping)
	for _, tt := range []struct {
		name string
		req  *agentv1.ControlRequest
		resp *agentv1.ControlResponse
		want string
	}{
		{"a command", exec("ls", "-l"), ran, `msg=exec command="ls -l" exit=3 bytes=10 took=1.5ms request=r1`},
		{"a write", write, wrote, `msg=fs_write path=notes bytes=7 took=1.5ms request=r1`},
		{"an error", write, denied, `msg=fs_write path=notes error=OS reason="the agent is stopping and ended the operation" took=1.5ms request=r1`},
		{
			"git", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_Git{Git: &agentv1.GitRequest{
				Op: agentv1.GitOp_GIT_OP_LOG, Args: []string{"-1"}, Cwd: "src",
			}}}, &agentv1.ControlResponse{Result: &agentv1.ControlResponse_Git{Git: &agentv1.GitResponse{Stdout: []byte("12")}}},
			`msg=git command="log -1" cwd=src exit=0 bytes=2 took=1.5ms request=""`,
		},
		{"no operation", &agentv1.ControlRequest{RequestId: "r1"}, failure(write, errStopping), `msg=none error=OS`},
		{"control characters", exec("a\x1b[2J\a\u009b\nb"), ran, `command="a\x1b[2J\a\u009b\nb"`},
		{"the agent's token", exec("curl", "bearer-of-mine"), ran, `command="curl xxxxx"`},
		{"a password in a URL", exec("git", "clone", "https://u:hush@h/r"), ran, `command="git clone https://xxxxx@h/r"`},
		{"a header", exec("curl", "-H", "Authorization: Bearer hush"), ran, `command="curl -H Authorization: Bearer xxxxx"`},
		{"an option", exec("login", "--password", "hush", "API_KEY='hush'"), ran, `command="login --password xxxxx API_KEY='xxxxx'"`},
		{"a long command", exec(strings.Repeat("ü", 200)), ran, `command=` + strings.Repeat("ü", 120) + `… exit`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			a := &Agent{
				cfg: Config{Token: "bearer-of-mine"},
				log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})),
			}
			a.logAnswer(t.Context(), tt.req, tt.resp, 1500*time.Microsecond)
			got := out.String()
			if !strings.Contains(got, tt.want) || strings.Count(got, "\n") != 1 {
				t.Errorf("got %s\nwant %s in one line", got, tt.want)
			}
			for _, secret := range []string{"hush", "variable", "input", "content", "bearer-of-mine"} {
				if strings.Contains(got, secret) {
					t.Errorf("%s is in %s", secret, got)
				}
			}
		})
	}
}
