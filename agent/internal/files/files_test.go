package files_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"agentproof/agent/internal/files"
	"agentproof/agent/internal/operr"
	"agentproof/agent/internal/workspace"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func TestMain(m *testing.M) {
	if name, ok := os.LookupEnv(helperVariable); ok {
		os.Exit(runHelper(name))
	}
	goleak.VerifyTestMain(m)
}

const (
	codeOS       = agentv1.ErrorCode_ERROR_CODE_OS
	codeNotFound = agentv1.ErrorCode_ERROR_CODE_NOT_FOUND
	codeTooLarge = agentv1.ErrorCode_ERROR_CODE_PAYLOAD_TOO_LARGE

	// maxReply is the default limit of a NATS server.
	maxReply = 1 << 20
)

// tree is a workspace of its own.
type tree struct {
	*files.FS
	dir string
}

func newTree(t testing.TB) tree {
	t.Helper()
	return treeAt(t, t.TempDir())
}

func treeAt(t testing.TB, dir string) tree {
	t.Helper()
	root, err := workspace.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return tree{FS: files.New(root, func() int64 { return maxReply }), dir: dir}
}

func (tr tree) path(name string) string { return filepath.Join(tr.dir, name) }

// put makes a file and its parents.
func (tr tree) put(t testing.TB, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(tr.path(name)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(tr.path(name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (tr tree) mkdir(t testing.TB, name string) {
	t.Helper()
	if err := os.MkdirAll(tr.path(name), 0o755); err != nil {
		t.Fatal(err)
	}
}

func (tr tree) symlink(t testing.TB, target, name string) {
	t.Helper()
	if err := os.Symlink(target, tr.path(name)); err != nil {
		t.Fatal(err)
	}
}

func (tr tree) wantContent(t testing.TB, name, want string) {
	t.Helper()
	got, err := os.ReadFile(tr.path(name))
	if err != nil || string(got) != want {
		t.Errorf("%s holds %.60q, %v; want %.60q", name, got, err, want)
	}
}

func (tr tree) wantMissing(t testing.TB, name string) {
	t.Helper()
	if _, err := os.Lstat(tr.path(name)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is there (%v)", name, err)
	}
}

// wantOnly checks that a directory holds nothing but the given names: no
// temporary file was left behind.
func (tr tree) wantOnly(t testing.TB, name string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(tr.path(name))
	if err != nil {
		t.Error(err)
		return
	}
	got := make(map[string]bool)
	for _, e := range entries {
		got[e.Name()] = true
	}
	for _, w := range want {
		if !got[w] {
			t.Errorf("%s lacks %q", tr.path(name), w)
		}
		delete(got, w)
	}
	for stray := range got {
		t.Errorf("%s holds the stray %q", tr.path(name), stray)
	}
}

func wantCode(t testing.TB, err error, want agentv1.ErrorCode) *operr.Error {
	t.Helper()
	e, ok := errors.AsType[*operr.Error](err)
	if !ok || e.Code != want {
		t.Errorf("error = %v, want one with code %v", err, want)
		return &operr.Error{}
	}
	return e
}

// wantErrno checks code and detail of a failed system call (error.detail).
func wantErrno(t testing.TB, err error, want syscall.Errno) {
	t.Helper()
	code := codeOS
	if want == syscall.ENOENT {
		code = codeNotFound
	}
	e := wantCode(t, err, code)
	if e.Detail["errno"] != strconv.Itoa(int(want)) || e.Detail["context"] == "" {
		t.Errorf("error %v has details %v, want a context and errno %d (%v)", err, e.Detail, int(want), want)
	}
}

func TestANulByteIsRefusedByEveryOperation(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	ctx := t.Context()
	const bad = "dir/a\x00b"
	calls := map[string]func() error{
		"read": func() error { _, err := tr.Read(ctx, &agentv1.FsReadRequest{Path: bad}); return err },
		"write": func() error {
			_, err := tr.Write(ctx, &agentv1.FsWriteRequest{Path: bad, CreateParents: true})
			return err
		},
		"list":  func() error { _, err := tr.List(ctx, &agentv1.FsListRequest{Path: bad}); return err },
		"mkdir": func() error { _, err := tr.Mkdir(ctx, &agentv1.FsMkdirRequest{Path: bad, Parents: true}); return err },
		"move from": func() error {
			_, err := tr.Move(ctx, &agentv1.FsMoveRequest{From: bad, To: "x"})
			return err
		},
		"move to": func() error {
			_, err := tr.Move(ctx, &agentv1.FsMoveRequest{From: "x", To: bad})
			return err
		},
		"stat":   func() error { _, err := tr.Stat(ctx, &agentv1.FsStatRequest{Path: bad}); return err },
		"remove": func() error { _, err := tr.Remove(ctx, &agentv1.FsRemoveRequest{Path: bad}); return err },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) { wantErrno(t, call(), syscall.EINVAL) })
	}
	tr.wantOnly(t, "")
}
