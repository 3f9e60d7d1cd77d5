package files_test

import (
	"os"
	"syscall"
	"testing"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func TestMkdir(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	tr.mkdir(t, "there")
	tr.symlink(t, "there", "link")
	tests := map[string]struct {
		req  *agentv1.FsMkdirRequest
		want string
	}{
		"a directory":                              {&agentv1.FsMkdirRequest{Path: "plain"}, "plain"},
		"a directory with a slash behind":          {&agentv1.FsMkdirRequest{Path: "slash/"}, "slash"},
		"a directory in one that is there":         {&agentv1.FsMkdirRequest{Path: "there/inner"}, "there/inner"},
		"parents are made":                         {&agentv1.FsMkdirRequest{Path: "a/b/c", Parents: true}, "a/b/c"},
		"with parents one that is there is fine":   {&agentv1.FsMkdirRequest{Path: "there", Parents: true}, "there"},
		"with parents a symlink to one is fine":    {&agentv1.FsMkdirRequest{Path: "link", Parents: true}, "there"},
		"with parents a path through a link works": {&agentv1.FsMkdirRequest{Path: "link/x/y", Parents: true}, "there/x/y"},
		"with parents the root is fine":            {&agentv1.FsMkdirRequest{Path: "", Parents: true}, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := tr.Mkdir(t.Context(), tc.req); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Lstat(tr.path(tc.want)); err != nil || !info.IsDir() {
				t.Errorf("%s is no directory (%v)", tc.want, err)
			}
		})
	}
}

func TestMkdirRefuses(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	tr.put(t, "file", "x")
	tr.mkdir(t, "dir")
	tr.symlink(t, "nowhere", "dangling")
	for name, tc := range map[string]struct {
		req  *agentv1.FsMkdirRequest
		want syscall.Errno
	}{
		"a directory that is there":          {&agentv1.FsMkdirRequest{Path: "dir"}, syscall.EEXIST},
		"a file's name":                      {&agentv1.FsMkdirRequest{Path: "file"}, syscall.EEXIST},
		"a file's name, with parents":        {&agentv1.FsMkdirRequest{Path: "file", Parents: true}, syscall.EEXIST},
		"a dangling symlink's, with parents": {&agentv1.FsMkdirRequest{Path: "dangling", Parents: true}, syscall.EEXIST},
		"a missing parent":                   {&agentv1.FsMkdirRequest{Path: "no/such"}, syscall.ENOENT},
		"a file for a parent":                {&agentv1.FsMkdirRequest{Path: "file/x"}, syscall.ENOTDIR},
		"a file for a parent, with parents":  {&agentv1.FsMkdirRequest{Path: "file/x/y", Parents: true}, syscall.ENOTDIR},
		"the root":                           {&agentv1.FsMkdirRequest{Path: ""}, syscall.EEXIST},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tr.Mkdir(t.Context(), tc.req)
			wantErrno(t, err, tc.want)
			tr.wantContent(t, "file", "x")
		})
	}
}
