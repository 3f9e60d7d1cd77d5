//go:build linux || darwin

package files_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

const (
	// helperVariable makes the test binary run one of the helpers instead of
	// the tests: umask and limits are a process's own.
	helperVariable = "FILES_TEST_HELPER"
	// fileSizeLimit is the helper's limit on the size of files, in bytes.
	fileSizeLimit = 64 << 10
)

// stat returns what the OS says of a file in the tree.
func (tr tree) stat(t testing.TB, name string) *syscall.Stat_t {
	t.Helper()
	info, err := os.Lstat(tr.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t)
}

func TestARewriteKeepsWhatTheFileIs(t *testing.T) {
	t.Parallel()
	tests := map[string]func(testing.TB, tree){
		"a private mode":      func(t testing.TB, tr tree) { chmod(t, tr, 0o600) },
		"an open mode":        func(t testing.TB, tr tree) { chmod(t, tr, 0o666) },
		"an executable mode":  func(t testing.TB, tr tree) { chmod(t, tr, 0o755) },
		"a second hard link":  func(t testing.TB, tr tree) { link(t, tr) },
		"an unusual owner":    func(t testing.TB, tr tree) { chown(t, tr) },
		"extended attributes": func(t testing.TB, tr tree) { setAttribute(t, tr) },
	}
	for name, prepare := range tests {
		for _, appending := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, append %v", name, appending), func(t *testing.T) {
				t.Parallel()
				tr := newTree(t)
				tr.put(t, "file", "old")
				prepare(t, tr)
				before := tr.stat(t, "file")
				// The request's mode is for new files only.
				req := &agentv1.FsWriteRequest{Path: "file", Content: []byte("longer than before"), Mode: 0o640, Append: appending}
				if _, err := tr.Write(t.Context(), req); err != nil {
					t.Fatal(err)
				}
				after := tr.stat(t, "file")
				if after.Mode != before.Mode || after.Uid != before.Uid || after.Gid != before.Gid || after.Nlink != before.Nlink {
					t.Errorf("mode %o owner %d:%d links %d became mode %o owner %d:%d links %d",
						before.Mode, before.Uid, before.Gid, before.Nlink, after.Mode, after.Uid, after.Gid, after.Nlink)
				}
				if _, err := os.Lstat(tr.path("second")); err == nil {
					tr.wantContent(t, "second", map[bool]string{false: "longer than before", true: "oldlonger than before"}[appending])
				}
				if got := attribute(tr); name == "extended attributes" && got != "kept" {
					t.Errorf("the attribute is %q", got)
				}
			})
		}
	}
}

func chmod(t testing.TB, tr tree, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(tr.path("file"), mode); err != nil {
		t.Fatal(err)
	}
}

func link(t testing.TB, tr tree) {
	t.Helper()
	if err := os.Link(tr.path("file"), tr.path("second")); err != nil {
		t.Fatal(err)
	}
}

func chown(t testing.TB, tr tree) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root gives files away")
	}
	if err := os.Chown(tr.path("file"), 12345, 54321); err != nil {
		t.Fatal(err)
	}
}

func setAttribute(t testing.TB, tr tree) {
	t.Helper()
	if err := unix.Setxattr(tr.path("file"), "user.test", []byte("kept"), 0); err != nil {
		t.Skipf("the file system keeps no attributes: %v", err)
	}
}

func attribute(tr tree) string {
	buf := make([]byte, 100)
	n, _ := unix.Getxattr(tr.path("file"), "user.test", buf)
	return string(buf[:max(n, 0)])
}

// What was just written can be run, while other commands are being started.
func TestAWrittenProgramRunsAtOnce(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 25 {
				name := fmt.Sprintf("script-%d-%d", w, i%2) // created first, then rewritten
				req := &agentv1.FsWriteRequest{Path: name, Content: []byte("#!/bin/sh\nexit 0\n"), Mode: 0o755}
				if _, err := tr.Write(t.Context(), req); err != nil {
					t.Error(err)
				}
				if err := exec.Command(tr.path(name)).Run(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// helper runs this test binary as a helper in dir and returns its output.
func helper(t testing.TB, name, dir string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), helperVariable+"="+name)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("helper %s: %v\n%s", name, err, out)
	}
	return string(out)
}

// runHelper does what a test cannot do to its own process, and prints what the
// operations said.
func runHelper(name string) int {
	tr, err := helperTree()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	switch name {
	case "umask":
		unix.Umask(0o027)
		makeWithModes(tr)
		return 0
	case "full":
		limit := unix.Rlimit{Cur: fileSizeLimit, Max: fileSizeLimit}
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
			fmt.Println(err)
			return 1
		}
		writeTooMuch(tr)
		return 0
	default:
		fmt.Println("no helper of that name")
		return 1
	}
}

func TestModesAndTheUmask(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	if out := helper(t, "umask", tr.dir); out != "" {
		t.Fatal(out)
	}
	tests := map[string]struct {
		name string
		want uint32
	}{
		"a new file has the default under the umask":          {"plain", 0o640},
		"a new file's mode is under the umask":                {"asked", 0o750},
		"a file made by an append has it too":                 {"appended", 0o710},
		"a parent made for a file is under the umask":         {"made", 0o750},
		"a directory has the default under the umask":         {"dir", 0o750},
		"a directory's mode is exact":                         {"exact", 0o777},
		"a directory's special bits are set":                  {"sticky", 0o1777},
		"a private directory is private":                      {"private", 0o700},
		"a leaf's mode is exact, its parent's the default":    {"parents/leaf", 0o775},
		"an ancestor made on the way has the umask's default": {"parents", 0o750},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := uint32(tr.stat(t, tc.name).Mode) & 0o7777; got != tc.want {
				t.Errorf("%s has mode %o, want %o", tc.name, got, tc.want)
			}
		})
	}
}

func TestAWriteThatRunsOutOfSpaceLeavesTheOldContent(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	old := strings.Repeat("old\n", 100)
	tr.put(t, "file", old)
	tr.put(t, "linked", old)
	if err := os.Link(tr.path("linked"), tr.path("second")); err != nil {
		t.Fatal(err)
	}
	tr.put(t, "appended", old)
	if got, want := helper(t, "full", tr.dir), strings.Repeat("file too large\n", 4); got != want {
		t.Errorf("the writes said %q, want %q", got, want)
	}
	tr.wantContent(t, "file", old)
	tr.wantContent(t, "linked", old)
	tr.wantContent(t, "appended", old)
	tr.wantOnly(t, "", "file", "linked", "second", "appended") // and no half "new"
}
