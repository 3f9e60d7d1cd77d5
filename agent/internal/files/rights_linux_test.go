package files_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// nobody owns nothing.
const nobody = 65534

// asNobody runs fn without root's rights. They are a thread's own on Linux, and
// the thread ends with the goroutine that was locked to it.
func asNobody(t testing.TB, fn func()) {
	t.Helper()
	onOwnThread(t, func() error {
		if os.Getuid() == 0 {
			// Neither call tells of a failure; files do.
			_ = unix.Setfsgid(nobody)
			_ = unix.Setfsuid(nobody)
		}
		fn()
		return nil
	})
}

func onOwnThread(t testing.TB, fn func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked
		done <- fn()
	}()
	if err := <-done; err != nil {
		t.Skip(err)
	}
}

// openTree is a workspace that nobody reaches and owns.
func openTree(t testing.TB) tree {
	t.Helper()
	tr := newTree(t)
	if err := os.Chmod(filepath.Dir(tr.dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(tr.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return tr
}

func (tr tree) give(t testing.TB, mode os.FileMode, names ...string) {
	t.Helper()
	for _, name := range names {
		if os.Getuid() == 0 {
			if err := os.Lchown(tr.path(name), nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(tr.path(name), mode); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(tr.path(name), 0o777) })
	}
}

func TestWithoutTheRightEveryOperationIsAnOSError(t *testing.T) {
	t.Parallel()
	tr := openTree(t)
	tr.put(t, "closed/file", "x")
	tr.put(t, "secret", "x")
	tr.put(t, "readonly", "x")
	tr.give(t, 0, "secret", "closed")
	tr.give(t, 0o444, "readonly")
	ctx := t.Context()
	calls := map[string]func() error{
		"read":         func() error { _, err := tr.Read(ctx, &agentv1.FsReadRequest{Path: "secret"}); return err },
		"read through": func() error { _, err := tr.Read(ctx, &agentv1.FsReadRequest{Path: "closed/file"}); return err },
		"write":        func() error { _, err := tr.Write(ctx, &agentv1.FsWriteRequest{Path: "readonly"}); return err },
		"create":       func() error { _, err := tr.Write(ctx, &agentv1.FsWriteRequest{Path: "closed/new"}); return err },
		"list":         func() error { _, err := tr.List(ctx, &agentv1.FsListRequest{Path: "closed"}); return err },
		"list, recursive": func() error {
			_, err := tr.List(ctx, &agentv1.FsListRequest{Path: "closed", Recursive: true})
			return err
		},
		"stat":  func() error { _, err := tr.Stat(ctx, &agentv1.FsStatRequest{Path: "closed/file"}); return err },
		"mkdir": func() error { _, err := tr.Mkdir(ctx, &agentv1.FsMkdirRequest{Path: "closed/new"}); return err },
		"move":  func() error { _, err := tr.Move(ctx, &agentv1.FsMoveRequest{From: "closed/file", To: "x"}); return err },
		"remove": func() error {
			_, err := tr.Remove(ctx, &agentv1.FsRemoveRequest{Path: "closed", Recursive: true})
			return err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			asNobody(t, func() { wantErrno(t, call(), unix.EACCES) })
		})
	}
	t.Cleanup(func() { tr.wantContent(t, "readonly", "x") })
}

func TestADirectoryThatMayNotBeReadIsListedWithoutContents(t *testing.T) {
	t.Parallel()
	tr := openTree(t)
	tr.put(t, "top/closed/file", "x")
	tr.put(t, "top/unsearchable/file", "x")
	tr.put(t, "top/open/file", "x")
	tr.give(t, 0, "top/closed")
	tr.give(t, 0o444, "top/unsearchable")
	asNobody(t, func() {
		got := slices.Sorted(maps.Keys(tr.list(t, "top", true)))
		want := []string{"closed", "open", "open/file", "unsearchable", "unsearchable/file"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("listing differs (-want +got):\n%s", diff)
		}
	})
}

// Where no file can be made beside the old one, it is rewritten in place.
func TestAFileInAClosedDirectoryIsRewritten(t *testing.T) {
	t.Parallel()
	tr := openTree(t)
	tr.put(t, "dir/file", "a longer content")
	tr.give(t, 0o644, "dir/file")
	tr.give(t, 0o555, "dir")
	asNobody(t, func() {
		if _, err := tr.Write(t.Context(), &agentv1.FsWriteRequest{Path: "dir/file", Content: []byte("short")}); err != nil {
			t.Error(err)
		}
	})
	tr.wantContent(t, "dir/file", "short")
}

func TestAFileOfSomebodyElseKeepsItsOwner(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root gives files away")
	}
	tr := openTree(t)
	tr.put(t, "file", "old")
	if err := os.Chmod(tr.path("file"), 0o666); err != nil {
		t.Fatal(err)
	}
	asNobody(t, func() {
		if _, err := tr.Write(t.Context(), &agentv1.FsWriteRequest{Path: "file", Content: []byte("new")}); err != nil {
			t.Error(err)
		}
	})
	tr.wantContent(t, "file", "new")
	if st := tr.stat(t, "file"); st.Uid != 0 || st.Mode&0o777 != 0o666 {
		t.Errorf("the file has owner %d and mode %o", st.Uid, st.Mode)
	}
}

// onFullDisk runs fn on a file system of so many KiB that only fn sees.
func onFullDisk(t testing.TB, dir, size string, fn func()) {
	t.Helper()
	onOwnThread(t, func() error {
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return errors.Join(errors.New("no right to mount"), err)
		}
		if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return err
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
			return err
		}
		fn()
		return nil
	})
}

func TestAFullDiskLeavesTheOldContent(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		linked, append bool
	}{
		"of a file with one link": {false, false},
		"of a file with two":      {true, false},
		"of an appended file":     {false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := newTree(t)
			old := strings.Repeat("old\n", 10_000)
			onFullDisk(t, tr.dir, "128k", func() {
				tr.put(t, "file", old)
				if tc.linked {
					if err := os.Link(tr.path("file"), tr.path("second")); err != nil {
						t.Error(err)
					}
				}
				_, err := tr.Write(t.Context(), &agentv1.FsWriteRequest{
					Path: "file", Content: []byte(strings.Repeat("new\n", 50_000)), Append: tc.append,
				})
				wantErrno(t, err, unix.ENOSPC)
				tr.wantContent(t, "file", old)

				// One that fits only if the old blocks are used again works.
				_, err = tr.Write(t.Context(), &agentv1.FsWriteRequest{Path: "file", Content: []byte(strings.Repeat("new\n", 25_000))})
				if err != nil {
					t.Error(err)
				}
				tr.wantContent(t, "file", strings.Repeat("new\n", 25_000))

				_, err = tr.Write(t.Context(), &agentv1.FsWriteRequest{Path: "other", Content: []byte(old)})
				wantErrno(t, err, unix.ENOSPC)
				tr.wantMissing(t, "other")
			})
		})
	}
}

// A hole needs space when it is overwritten; that is got before.
func TestAFullDiskLeavesASparseFile(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	onFullDisk(t, tr.dir, "64k", func() {
		tr.put(t, "file", "old")
		if err := errors.Join(os.Truncate(tr.path("file"), 200_000), os.Link(tr.path("file"), tr.path("second"))); err != nil {
			t.Error(err)
		}
		_, err := tr.Write(t.Context(), &agentv1.FsWriteRequest{Path: "file", Content: []byte(strings.Repeat("new\n", 40_000))})
		wantErrno(t, err, unix.ENOSPC)
		got, err := os.ReadFile(tr.path("file"))
		if err != nil || string(got) != "old"+strings.Repeat("\x00", 200_000-3) {
			t.Errorf("the file holds %d bytes that are not the old ones, %v", len(got), err)
		}
	})
}

func TestAMoveAcrossDevicesNeedsTheRightToRemove(t *testing.T) {
	t.Parallel()
	tr, other := twoDevices(t)
	if err := errors.Join(os.Chmod(filepath.Dir(tr.dir), 0o755), os.Chmod(other, 0o777)); err != nil {
		t.Fatal(err)
	}
	tr.put(t, "dir/file", "content")
	tr.give(t, 0o555, "dir")
	asNobody(t, func() {
		_, err := tr.Move(t.Context(), &agentv1.FsMoveRequest{From: "dir/file", To: filepath.Join(other, "file")})
		wantErrno(t, err, unix.EACCES)
	})
	tr.wantContent(t, "dir/file", "content")
	tree{dir: other}.wantOnly(t, "")
}

func TestADirectoryIsNotMovedToADeviceInsideIt(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	tr.put(t, "dir/file", "content")
	tr.mkdir(t, "dir/mounted")
	onFullDisk(t, tr.path("dir/mounted"), "1m", func() {
		_, err := tr.Move(t.Context(), &agentv1.FsMoveRequest{From: "dir", To: "dir/mounted/dir"})
		wantErrno(t, err, unix.EINVAL)
		tr.wantContent(t, "dir/file", "content")
		tr.wantOnly(t, "dir/mounted")
	})
}

func TestNamesThatAreNoTextAreListed(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	tr.put(t, "dir-\xff\xfe/file-\xc3", "x")
	got := tr.list(t, "", true)
	want := map[string]agentv1.FsEntryKind{"dir-\uFFFD\uFFFD": kindDir, "dir-\uFFFD\uFFFD/file-\uFFFD": kindFile}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("listing differs (-want +got):\n%s", diff)
	}
	if _, err := tr.Remove(t.Context(), &agentv1.FsRemoveRequest{Path: "dir", Recursive: true}); err == nil {
		t.Error("a name that is not there was removed")
	}
}
