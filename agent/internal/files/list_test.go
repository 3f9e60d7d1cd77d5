package files_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"agentproof/agent/internal/files"
	"agentproof/agent/internal/workspace"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

const (
	kindFile    = agentv1.FsEntryKind_FS_ENTRY_KIND_FILE
	kindDir     = agentv1.FsEntryKind_FS_ENTRY_KIND_DIRECTORY
	kindSymlink = agentv1.FsEntryKind_FS_ENTRY_KIND_SYMLINK
)

// list returns the kinds of what a listing holds, by relative path.
func (tr tree) list(t testing.TB, path string, recursive bool) map[string]agentv1.FsEntryKind {
	t.Helper()
	resp, err := tr.List(t.Context(), &agentv1.FsListRequest{Path: path, Recursive: recursive})
	if err != nil {
		t.Fatal(err)
	}
	kinds := make(map[string]agentv1.FsEntryKind)
	for _, e := range resp.GetEntries() {
		if _, double := kinds[e.GetPath()]; double {
			t.Errorf("%q is listed twice", e.GetPath())
		}
		kinds[e.GetPath()] = e.GetKind()
		if last := e.GetPath()[strings.LastIndexByte(e.GetPath(), '/')+1:]; e.GetName() != last {
			t.Errorf("the entry of %q has the name %q", e.GetPath(), e.GetName())
		}
		if i := strings.LastIndexByte(e.GetPath(), '/'); i >= 0 && kinds[e.GetPath()[:i]] != kindDir {
			t.Errorf("%q comes before its directory", e.GetPath())
		}
	}
	return kinds
}

func TestList(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	tr.put(t, "top/file", "x")
	tr.put(t, "top/.hidden", "x")
	tr.put(t, "top/sub/inner/deep", "x")
	tr.mkdir(t, "top/empty")
	tr.symlink(t, "sub", "top/link")
	tr.symlink(t, "nowhere", "top/dangling")
	tr.symlink(t, "top", "way")
	shallow := map[string]agentv1.FsEntryKind{
		"file": kindFile, ".hidden": kindFile, "sub": kindDir, "empty": kindDir, "link": kindSymlink, "dangling": kindSymlink,
	}
	deep := maps.Clone(shallow)
	maps.Copy(deep, map[string]agentv1.FsEntryKind{"sub/inner": kindDir, "sub/inner/deep": kindFile})
	tests := map[string]struct {
		path      string
		recursive bool
		want      map[string]agentv1.FsEntryKind
	}{
		"a directory":                           {"top", false, shallow},
		"a directory with a slash behind":       {"top/", false, shallow},
		"a tree, symlinks not descended":        {"top", true, deep},
		"a symlink to a directory is followed":  {"way", false, shallow},
		"a symlink to a tree is followed":       {"way", true, deep},
		"an absolute path":                      {tr.path("top"), true, deep},
		"an empty directory":                    {"top/empty", true, map[string]agentv1.FsEntryKind{}},
		"the root":                              {"", false, map[string]agentv1.FsEntryKind{"top": kindDir, "way": kindSymlink}},
		"the root by a dot":                     {".", false, map[string]agentv1.FsEntryKind{"top": kindDir, "way": kindSymlink}},
		"a parent behind a symlink is the OS's": {"top/link/inner/..", false, map[string]agentv1.FsEntryKind{"inner": kindDir}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, tr.list(t, tc.path, tc.recursive)); diff != "" {
				t.Errorf("listing differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListRefuses(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	tr.put(t, "file", "x")
	tr.symlink(t, "nowhere", "dangling")
	for name, tc := range map[string]struct {
		path string
		want syscall.Errno
	}{
		"what is not there":     {"missing", syscall.ENOENT},
		"a dangling symlink":    {"dangling", syscall.ENOENT},
		"a file":                {"file", syscall.ENOTDIR},
		"a path through a file": {"file/x", syscall.ENOTDIR},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tr.List(t.Context(), &agentv1.FsListRequest{Path: tc.path})
			wantErrno(t, err, tc.want)
		})
	}
}

func TestADirectoryLargerThanABatchIsListedWhole(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	var want []string
	for i := range 1000 {
		name := fmt.Sprintf("file-%04d", i)
		tr.put(t, name, "")
		want = append(want, name)
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(tr.list(t, "", false)))); diff != "" {
		t.Errorf("listing differs (-want +got):\n%s", diff)
	}
}

func TestAListThatNoReplyCanCarryIsRefused(t *testing.T) {
	t.Parallel()
	root, err := workspace.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tr := tree{FS: files.New(root, func() int64 { return 4096 }), dir: root.Dir()}
	for i := range 200 {
		tr.put(t, fmt.Sprintf("sub/file-%04d", i), "")
	}
	_, err = tr.List(t.Context(), &agentv1.FsListRequest{Recursive: true})
	e := wantCode(t, err, codeTooLarge)
	if e.Detail["op"] != "fs_list" || e.Detail["max_payload"] != "4096" || e.Detail["encoded_bytes"] == "" {
		t.Errorf("details = %v", e.Detail)
	}
}

func TestAListingSurvivesChildrenThatVanish(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	tr.put(t, "stays", "x")
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			dir := fmt.Sprintf("dir-%d", i%4)
			tr.put(t, dir+"/inner/file", "x")
			if err := os.RemoveAll(tr.path(dir)); err != nil {
				t.Error(err)
			}
		}
	})
	for range 300 {
		if tr.list(t, "", true)["stays"] != kindFile {
			t.Error("the file that stays is not listed")
		}
	}
	close(stop)
	wg.Wait()
}

func TestAListingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	tr.put(t, "file", "x")
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the agent stops")
	cancel(gone)
	if _, err := tr.List(ctx, &agentv1.FsListRequest{}); !errors.Is(err, gone) {
		t.Errorf("error = %v, want the context's cause", err)
	}
}
