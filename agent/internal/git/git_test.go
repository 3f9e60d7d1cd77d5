package git_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"agentproof/agent/internal/git"
	"agentproof/agent/internal/operr"
	"agentproof/agent/internal/process"
	"agentproof/agent/internal/workspace"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what would otherwise wait for ever.
const patience = time.Minute

// repository is a git repository, and a Runner whose root it is.
type repository struct {
	*git.Runner
	dir string
}

func newRepository(t testing.TB) repository {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip(err)
	}
	r := repository{Runner: newRunner(t, t.TempDir())}
	r.dir = r.Root.Dir()
	r.must(t, "init", "-q", "-b", "main")
	return r
}

func newRunner(t testing.TB, dir string) *git.Runner {
	t.Helper()
	root, err := workspace.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	commands, err := process.NewRunner(process.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := commands.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	home := t.TempDir() // nobody's configuration
	return &git.Runner{Root: root, Commands: commands, Env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_CONFIG_HOME=" + home, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=C", "GIT_COMMITTER_EMAIL=c@example.com",
	}}
}

// run runs git and fails the test if that takes for ever.
func (r repository) run(t testing.TB, req *agentv1.GitRequest) *agentv1.GitResponse {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	resp, err := r.Run(ctx, req)
	if err != nil {
		t.Fatalf("git %v: %v", req, err)
	}
	return resp
}

// must runs git as it is and fails the test if git does.
func (r repository) must(t testing.TB, args ...string) {
	t.Helper()
	resp := r.run(t, &agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_RAW, Args: args})
	if resp.GetExitCode() != 0 {
		t.Fatalf("git %v: exit code %d\n%s", args, resp.GetExitCode(), resp.GetStderr())
	}
}

func (r repository) put(t testing.TB, name, content string) {
	t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// commit puts files and commits everything.
func (r repository) commit(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		r.put(t, name, "content of "+name+"\n")
	}
	r.must(t, "add", "-A")
	r.must(t, "commit", "-q", "--allow-empty", "-m", "message")
}

func wantCode(t testing.TB, err error, want agentv1.ErrorCode) *operr.Error {
	t.Helper()
	e, ok := errors.AsType[*operr.Error](err)
	if !ok || e.Code != want {
		t.Fatalf("error = %v, want one with code %v", err, want)
	}
	return e
}

// recorder stands in for git, at the place where it is looked up, and prints
// what it is called with.
func recorder(t testing.TB) *git.Runner {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell script")
	}
	bin := t.TempDir()
	script := "#!/bin/sh\nfor a; do printf '%s\\n' \"$a\"; done\n"
	if err := os.WriteFile(filepath.Join(bin, "git"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	r := newRunner(t, t.TempDir())
	r.Env = []string{"PATH=" + bin}
	return r
}

func TestTheOperationIsASubcommand(t *testing.T) {
	t.Parallel()
	r := recorder(t)
	for op, want := range map[agentv1.GitOp]string{
		agentv1.GitOp_GIT_OP_STATUS:      "status --porcelain=v2 --branch -a $HOME b c",
		agentv1.GitOp_GIT_OP_DIFF:        "diff -a $HOME b c",
		agentv1.GitOp_GIT_OP_LOG:         "log -a $HOME b c",
		agentv1.GitOp_GIT_OP_ADD:         "add -a $HOME b c",
		agentv1.GitOp_GIT_OP_COMMIT:      "commit -a $HOME b c",
		agentv1.GitOp_GIT_OP_BRANCH:      "branch -a $HOME b c",
		agentv1.GitOp_GIT_OP_CHECKOUT:    "checkout -a $HOME b c",
		agentv1.GitOp_GIT_OP_PULL:        "pull -a $HOME b c",
		agentv1.GitOp_GIT_OP_PUSH:        "push -a $HOME b c",
		agentv1.GitOp_GIT_OP_RAW:         "-a $HOME b c",
		agentv1.GitOp_GIT_OP_UNSPECIFIED: "-a $HOME b c",
		agentv1.GitOp(12):                "-a $HOME b c",
		agentv1.GitOp(-1):                "-a $HOME b c",
	} {
		t.Run(op.String(), func(t *testing.T) {
			t.Parallel()
			resp, err := r.Run(t.Context(), &agentv1.GitRequest{Op: op, Args: []string{"-a", "$HOME", "b c"}})
			if err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(strings.TrimSuffix(string(resp.GetStdout()), "\n"), "\n", " ")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("arguments differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAFailureIsAResult(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	resp := r.run(t, &agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_CHECKOUT, Args: []string{"no-such-branch"}})
	if resp.GetExitCode() != 1 || len(resp.GetStderr()) == 0 {
		t.Errorf("exit code %d and %q, want 1 and an explanation", resp.GetExitCode(), resp.GetStderr())
	}
	resp = r.run(t, &agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_STATUS, Args: []string{"--no-such-flag"}})
	if resp.GetExitCode() != 129 || resp.GetStatus() != nil {
		t.Errorf("exit code %d and status %v, want 129 and none", resp.GetExitCode(), resp.GetStatus())
	}
}

func TestTheWorkingDirectory(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.put(t, "sub/file", "x")
	for cwd, want := range map[string]string{"": "", "sub": "sub/", "sub/..": "", filepath.Join(r.dir, "sub"): "sub/"} {
		resp := r.run(t, &agentv1.GitRequest{Cwd: cwd, Args: []string{"rev-parse", "--show-prefix"}})
		if got := strings.TrimSuffix(string(resp.GetStdout()), "\n"); got != want {
			t.Errorf("in %q the prefix is %q, want %q", cwd, got, want)
		}
	}
	_, err := r.Run(t.Context(), &agentv1.GitRequest{Cwd: "no/such", Args: []string{"version"}})
	wantCode(t, err, agentv1.ErrorCode_ERROR_CODE_NOT_FOUND)
	_, err = r.Run(t.Context(), &agentv1.GitRequest{Cwd: "sub/file", Args: []string{"version"}})
	wantCode(t, err, agentv1.ErrorCode_ERROR_CODE_OS)
}

func TestNoGitIsNotFound(t *testing.T) {
	t.Parallel()
	r := newRunner(t, t.TempDir())
	r.Env = []string{"PATH=" + t.TempDir()}
	_, err := r.Run(t.Context(), &agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_STATUS})
	wantCode(t, err, agentv1.ErrorCode_ERROR_CODE_NOT_FOUND)
}

func TestOutputThatNoReplyCanCarryIsRefused(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.put(t, "big", strings.Repeat("line\n", 10_000))
	r.commit(t)
	r.MaxOutput = func() int64 { return 4096 }
	_, err := r.Run(t.Context(), &agentv1.GitRequest{Args: []string{"show"}})
	e := wantCode(t, err, agentv1.ErrorCode_ERROR_CODE_PAYLOAD_TOO_LARGE)
	if e.Detail["op"] != "git" || e.Detail["max_payload"] != "4096" || e.Detail["encoded_bytes"] == "" || e.Detail["total_output_bytes"] == "" {
		t.Errorf("details = %v", e.Detail)
	}
}

func TestTheContextEndsGit(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the agent stops")
	time.AfterFunc(50*time.Millisecond, func() { cancel(gone) })
	_, err := r.Run(ctx, &agentv1.GitRequest{Args: []string{"-c", "alias.wait=!sleep 600", "wait"}})
	if !errors.Is(err, gone) {
		t.Errorf("error = %v, want the context's cause", err)
	}
}

// Variables that bind git to a repository do not lead it away from the working
// directory.
func TestTheAgentsOwnRepositoryIsNotInherited(t *testing.T) {
	t.Parallel()
	r, other := newRepository(t), newRepository(t)
	r.Env = append(r.Env, "GIT_DIR="+filepath.Join(other.dir, ".git"), "GIT_WORK_TREE="+other.dir, "GIT_INDEX_FILE="+filepath.Join(other.dir, "index"))
	r.put(t, "file", "x")
	resp := r.run(t, &agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_STATUS})
	if files := resp.GetStatus().GetFiles(); len(files) != 1 || files[0].GetPath() != "file" {
		t.Errorf("files = %v, want those of the working directory", files)
	}
}

// Whatever would wait for a person is configured to wait for ever here.
func TestGitNeverPrompts(t *testing.T) {
	t.Parallel()
	unauthorized := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(unauthorized.Close)
	const forever = "sleep 3600; false"
	tests := map[string]struct {
		req  *agentv1.GitRequest
		fail bool
		env  []string
	}{
		"a commit without a message": {
			req: &agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_COMMIT, Args: []string{"--allow-empty"}}, fail: true,
		},
		"a commit without a message where an editor is set": {
			req: &agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_COMMIT, Args: []string{"--allow-empty"}}, fail: true,
			env: []string{"GIT_EDITOR=" + forever, "EDITOR=" + forever, "VISUAL=" + forever},
		},
		"an amended commit keeps its message": {
			req: &agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_COMMIT, Args: []string{"--allow-empty", "--amend"}},
		},
		"an interactive rebase goes on as proposed": {
			req: &agentv1.GitRequest{Args: []string{"rebase", "-i", "HEAD~1"}},
			env: []string{"GIT_SEQUENCE_EDITOR=" + forever},
		},
		"a tag without a message": {
			req: &agentv1.GitRequest{Args: []string{"tag", "-a", "v1"}}, fail: true,
		},
		"a merge takes the message that git proposes": {
			req: &agentv1.GitRequest{Args: []string{"merge", "--no-ff", "--edit", "side"}},
		},
		"a remote that wants a password": {
			req: &agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_PULL, Args: []string{unauthorized.URL, "main"}}, fail: true,
			env: []string{"GIT_ASKPASS=" + askForever(t), "SSH_ASKPASS=" + askForever(t), "DISPLAY=:0"},
		},
		"a log by a pager":           {req: &agentv1.GitRequest{Args: []string{"-p", "log"}}, env: []string{"GIT_PAGER=" + forever, "PAGER=" + forever}},
		"a program that reads input": {req: &agentv1.GitRequest{Args: []string{"hash-object", "--stdin"}}},
		"a choice of hunks":          {req: &agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_ADD, Args: []string{"-p"}}},
		"a program that asks the terminal": {
			req: &agentv1.GitRequest{Args: []string{"-c", "alias.ask=!read answer </dev/tty", "ask"}}, fail: true,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepository(t)
			r.commit(t, "one")
			r.must(t, "branch", "side")
			r.commit(t, "two")
			r.must(t, "checkout", "-q", "side")
			r.commit(t, "three")
			r.must(t, "checkout", "-q", "main")
			r.put(t, "one", "changed\n")
			if tc.req.GetArgs()[0] == "rebase" || tc.req.GetArgs()[0] == "merge" {
				r.must(t, "checkout", "-q", "one")
			}
			for _, setting := range []string{"core.editor", "sequence.editor", "core.pager", "core.askPass"} {
				r.must(t, "config", setting, forever)
			}
			r.Env = append(r.Env, tc.env...)
			resp := r.run(t, tc.req)
			if failed := resp.GetExitCode() != 0; failed != tc.fail {
				t.Errorf("exit code %d, want failure %v\n%s", resp.GetExitCode(), tc.fail, resp.GetStderr())
			}
		})
	}
}

// askForever returns a program that git would ask for a password in vain.
func askForever(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ask")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nsleep 3600\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// The ssh command that a repository needs stays its own.
func TestAConfiguredSSHCommandIsKept(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.must(t, "config", "core.sshCommand", "echo called-with >&2; false")
	resp := r.run(t, &agentv1.GitRequest{Args: []string{"ls-remote", "ssh://git@127.0.0.1/x"}})
	if resp.GetExitCode() == 0 || !strings.Contains(string(resp.GetStderr()), "called-with") {
		t.Errorf("exit code %d and %q, want the configured command's failure", resp.GetExitCode(), resp.GetStderr())
	}
}
