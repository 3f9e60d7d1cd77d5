package files_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// grove is a tree with something of everything; "kept" must survive.
func grove(t testing.TB) tree {
	tr := newTree(t)
	tr.put(t, "file", "x")
	tr.mkdir(t, "empty")
	tr.put(t, "kept/file", "x")
	tr.put(t, "full/sub/file", "x")
	tr.symlink(t, tr.path("kept"), "full/sub/absolute")
	tr.symlink(t, "../../kept/file", "full/sub/relative")
	tr.symlink(t, "kept", "link")
	tr.symlink(t, "nowhere", "dangling")
	return tr
}

func TestRemove(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]*agentv1.FsRemoveRequest{
		"a file":                          {Path: "file"},
		"a file, recursively":             {Path: "file", Recursive: true},
		"an empty directory":              {Path: "empty"},
		"an empty directory, recursively": {Path: "empty", Recursive: true},
		"a directory with a slash behind": {Path: "empty/"},
		"a full directory, recursively":   {Path: "full", Recursive: true},
		"a full directory, with a slash":  {Path: "full/", Recursive: true},
		"a symlink itself":                {Path: "link"},
		"a symlink itself, recursively":   {Path: "link", Recursive: true},
		"a dangling symlink":              {Path: "dangling"},
		"a dangling symlink, recursively": {Path: "dangling", Recursive: true},
		"a directory through a parent":    {Path: "kept/../full", Recursive: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := grove(t)
			if _, err := tr.Remove(t.Context(), tc); err != nil {
				t.Fatal(err)
			}
			tr.wantMissing(t, filepath.Clean(tc.GetPath()))
			tr.wantContent(t, "kept/file", "x")
		})
	}
}

func TestRemoveRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		req  *agentv1.FsRemoveRequest
		want syscall.Errno
	}{
		"what is not there":                     {&agentv1.FsRemoveRequest{Path: "missing"}, syscall.ENOENT},
		"what is not there, recursively":        {&agentv1.FsRemoveRequest{Path: "missing", Recursive: true}, syscall.ENOENT},
		"a full directory":                      {&agentv1.FsRemoveRequest{Path: "full"}, syscall.ENOTEMPTY},
		"a path through a file":                 {&agentv1.FsRemoveRequest{Path: "file/x", Recursive: true}, syscall.ENOTDIR},
		"a file with a slash behind":            {&agentv1.FsRemoveRequest{Path: "file/", Recursive: true}, syscall.ENOTDIR},
		"a symlink with a slash behind":         {&agentv1.FsRemoveRequest{Path: "link/"}, syscall.ENOTDIR},
		"a symlink with a slash, recursively":   {&agentv1.FsRemoveRequest{Path: "link/", Recursive: true}, syscall.ENOTDIR},
		"a directory's dot, recursively":        {&agentv1.FsRemoveRequest{Path: "full/.", Recursive: true}, syscall.EINVAL},
		"a directory's parent, recursively":     {&agentv1.FsRemoveRequest{Path: "full/sub/..", Recursive: true}, syscall.EINVAL},
		"a linked directory's dot, recursively": {&agentv1.FsRemoveRequest{Path: "link/.", Recursive: true}, syscall.EINVAL},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := grove(t)
			_, err := tr.Remove(t.Context(), tc.req)
			wantErrno(t, err, tc.want)
			tr.wantContent(t, "file", "x")
			tr.wantContent(t, "full/sub/file", "x")
			tr.wantContent(t, "kept/file", "x")
		})
	}
}

func TestTheRootIsNeverRemoved(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	outer := treeAt(t, base)
	outer.put(t, "work/sub/file", "x")
	outer.symlink(t, "work", "named")
	tests := map[string]struct{ root, path string }{
		"by the empty path":                              {"work", ""},
		"by a dot":                                       {"work", "."},
		"by a dot and a slash":                           {"work", "./"},
		"by its own path":                                {"work", outer.path("work")},
		"by its path with a slash":                       {"work", outer.path("work") + "/"},
		"by doubled slashes":                             {"work", base + "//work"},
		"by a child's parent":                            {"work", "sub/.."},
		"by the way around":                              {"work", "../work"},
		"by a symlink and a slash":                       {"work", base + "/named/"},
		"with the directory above it":                    {"work", base},
		"with the parent":                                {"work", ".."},
		"named by a symlink, itself":                     {"named", outer.path("work")},
		"named by a symlink, the symlink it is named by": {"named", outer.path("named")},
	}
	for name, tc := range tests {
		for _, recursive := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", recursively"}[recursive], func(t *testing.T) {
				tr := treeAt(t, outer.path(tc.root))
				_, err := tr.Remove(t.Context(), &agentv1.FsRemoveRequest{Path: tc.path, Recursive: recursive})
				wantCode(t, err, codeOS)
				outer.wantContent(t, "work/sub/file", "x")
				outer.wantContent(t, "named/sub/file", "x")
			})
		}
	}
	// A symlink that merely leads to the root is an ordinary symlink.
	tr := treeAt(t, outer.path("work"))
	if _, err := tr.Remove(t.Context(), &agentv1.FsRemoveRequest{Path: outer.path("named")}); err != nil {
		t.Error(err)
	}
	outer.wantContent(t, "work/sub/file", "x")
}

func TestALargeAndDeepTreeIsRemoved(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	for range 700 { // more than one batch of names
		if f, err := os.CreateTemp(tr.dir, "x"); err != nil {
			t.Fatal(err)
		} else {
			f.Close()
		}
	}
	tr.mkdir(t, strings.Repeat("d/", 200)+"end")
	sub := treeAt(t, filepath.Dir(tr.dir)) // a root above the tree, so that it may go
	if _, err := sub.Remove(t.Context(), &agentv1.FsRemoveRequest{Path: tr.dir, Recursive: true}); err != nil {
		t.Fatal(err)
	}
	tr.wantMissing(t, "")
}

func TestARemovalEndsWithItsContext(t *testing.T) {
	t.Parallel()
	tr := grove(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the agent stops")
	cancel(gone)
	if _, err := tr.Remove(ctx, &agentv1.FsRemoveRequest{Path: "full", Recursive: true}); !errors.Is(err, gone) {
		t.Errorf("error = %v, want the context's cause", err)
	}
	tr.wantContent(t, "full/sub/file", "x")
}
