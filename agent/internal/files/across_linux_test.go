package files_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// twoDevices returns a tree on one device and a directory on another.
func twoDevices(t testing.TB) (tree, string) {
	t.Helper()
	tr := newTree(t)
	other, err := os.MkdirTemp("/dev/shm", "agentproof-test-*")
	if err != nil {
		t.Skipf("no second device: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(other) })
	var here, there unix.Stat_t
	if err := errors.Join(unix.Stat(tr.dir, &here), unix.Stat(other, &there)); err != nil {
		t.Fatal(err)
	}
	if here.Dev == there.Dev {
		t.Skip("no second device: the temporary directory is in shared memory too")
	}
	return tr, other
}

func TestAMoveAcrossDevicesKeepsWhatARenameKeeps(t *testing.T) {
	t.Parallel()
	tr, other := twoDevices(t)
	old := time.Unix(1_600_000_000, 123_000_000)
	tr.put(t, "tree/file", "content")
	tr.put(t, "tree/sub/script", "run")
	tr.mkdir(t, "tree/empty")
	tr.symlink(t, "sub/script", "tree/link")
	tr.symlink(t, "nowhere", "tree/dangling")
	tr.fifo(t, "tree/fifo")
	if err := errors.Join(
		os.Link(tr.path("tree/file"), tr.path("tree/sub/second")),
		os.Chmod(tr.path("tree/file"), 0o604),
		os.Chmod(tr.path("tree/sub/script"), 0o755|os.ModeSetuid),
		os.Chmod(tr.path("tree/empty"), 0o777|os.ModeSticky),
		os.Chmod(tr.path("tree/sub"), 0o750),
	); err != nil {
		t.Fatal(err)
	}
	attributed := unix.Setxattr(tr.path("tree/file"), "user.test", []byte("kept"), 0) == nil
	names := []string{"tree/file", "tree/sub/script", "tree/link", "tree/dangling", "tree/fifo", "tree/empty", "tree/sub", "tree"}
	before := make(map[string]*syscall.Stat_t)
	for _, name := range names {
		times := []unix.Timespec{unix.NsecToTimespec(old.UnixNano()), unix.NsecToTimespec(old.UnixNano())}
		if err := unix.UtimesNanoAt(unix.AT_FDCWD, tr.path(name), times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			t.Fatal(err)
		}
		before[name] = tr.stat(t, name)
	}

	if _, err := tr.Move(t.Context(), &agentv1.FsMoveRequest{From: "tree", To: filepath.Join(other, "tree")}); err != nil {
		t.Fatal(err)
	}
	tr.wantMissing(t, "tree")
	moved := tree{dir: other}
	moved.wantOnly(t, "", "tree")
	moved.wantOnly(t, "tree", "file", "sub", "empty", "link", "dangling", "fifo")
	moved.wantContent(t, "tree/file", "content")
	moved.wantContent(t, "tree/link", "run")
	for _, name := range names {
		got, want := moved.stat(t, name), before[name]
		if got.Mode != want.Mode || got.Uid != want.Uid || got.Gid != want.Gid || got.Mtim != want.Mtim {
			t.Errorf("%s has mode %o owner %d:%d time %v, had mode %o owner %d:%d time %v",
				name, got.Mode, got.Uid, got.Gid, got.Mtim, want.Mode, want.Uid, want.Gid, want.Mtim)
		}
	}
	if moved.stat(t, "tree/file").Ino != moved.stat(t, "tree/sub/second").Ino {
		t.Error("the two names of one file became two files")
	}
	buf := make([]byte, 10)
	if n, err := unix.Getxattr(filepath.Join(other, "tree/file"), "user.test", buf); attributed && err != unix.ENOTSUP && string(buf[:max(n, 0)]) != "kept" {
		t.Errorf("the attribute is %q, %v", buf[:max(n, 0)], err)
	}
}

func TestMovesAcrossDevices(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		from, to  string
		overwrite bool
		want      error // nil: the move succeeds
	}{
		"a file":                             {"file", "new", false, nil},
		"a symlink itself":                   {"link", "new", false, nil},
		"onto a file, with overwrite":        {"file", "theirs", true, nil},
		"onto an empty directory":            {"full", "empty", true, nil},
		"onto a file":                        {"file", "theirs", false, syscall.EEXIST},
		"onto a dangling symlink":            {"file", "dangling", false, syscall.EEXIST},
		"onto a full directory":              {"full", "filled", true, syscall.ENOTEMPTY},
		"a file onto a directory":            {"file", "empty", true, syscall.EISDIR},
		"into a directory that is not there": {"file", "no/such", false, syscall.ENOENT},
		"of nothing":                         {"missing", "new", false, syscall.ENOENT},
		"of a directory's dot":               {"full/.", "new", false, syscall.EINVAL},
		"of a linked directory with a slash": {"dirlink/", "new", false, syscall.ENOTDIR},
		"of a file with a slash":             {"file/", "new", false, syscall.ENOTDIR},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr, other := twoDevices(t)
			tr.put(t, "file", "file")
			tr.put(t, "full/inner", "inner")
			tr.symlink(t, "file", "link")
			tr.symlink(t, "full", "dirlink")
			theirs := tree{dir: other}
			theirs.put(t, "theirs", "theirs")
			theirs.put(t, "filled/x", "x")
			theirs.mkdir(t, "empty")
			theirs.symlink(t, "nowhere", "dangling")

			_, err := tr.Move(t.Context(), &agentv1.FsMoveRequest{
				From: tc.from, To: filepath.Join(other, tc.to), Overwrite: tc.overwrite,
			})
			if tc.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				tr.wantMissing(t, tc.from)
				if _, err := os.Lstat(filepath.Join(other, tc.to)); err != nil {
					t.Error(err)
				}
				return
			}
			wantErrno(t, err, tc.want.(syscall.Errno))
			tr.wantContent(t, "file", "file")
			tr.wantContent(t, "full/inner", "inner")
			theirs.wantContent(t, "theirs", "theirs")
			theirs.wantOnly(t, "", "theirs", "filled", "empty", "dangling")
		})
	}
}

func TestAMoveAcrossDevicesThatEndsEarlyLeavesTheSource(t *testing.T) {
	t.Parallel()
	tr, other := twoDevices(t)
	tr.put(t, "tree/file", "content")
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the agent stops")
	cancel(gone)
	_, err := tr.Move(ctx, &agentv1.FsMoveRequest{From: "tree", To: filepath.Join(other, "tree")})
	if !errors.Is(err, gone) {
		t.Errorf("error = %v, want the context's cause", err)
	}
	tr.wantContent(t, "tree/file", "content")
	tree{dir: other}.wantOnly(t, "")
}
