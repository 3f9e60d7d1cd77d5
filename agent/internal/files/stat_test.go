package files_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func TestStat(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	modified := time.UnixMilli(1_700_000_000_123)
	old := time.UnixMilli(-86_400_001) // before the epoch
	tr.put(t, "file", "12345")
	tr.put(t, "sub/script", "x")
	tr.symlink(t, "nowhere", "dangling")
	tr.symlink(t, "sub", "link")
	for name, mode := range map[string]os.FileMode{"file": 0o640, "sub/script": 0o4755 &^ 0o4000, "sub": 0o1777 &^ 0o1000} {
		if err := os.Chmod(tr.path(name), mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, at := range map[string]time.Time{"file": modified, "sub/script": old} {
		if err := os.Chtimes(tr.path(name), time.Time{}, at); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		path string
		want *agentv1.FsEntry // without what differs by file system
	}{
		"a file": {"file", &agentv1.FsEntry{Name: "file", Kind: kindFile, Size: 5, Mode: 0o100640, ModifiedMs: 1_700_000_000_123}},
		"a file in a directory, dated before the epoch": {
			"sub/script", &agentv1.FsEntry{Name: "script", Kind: kindFile, Size: 1, Mode: 0o100755, ModifiedMs: -86_400_001},
		},
		"a directory":                      {"sub", &agentv1.FsEntry{Name: "sub", Kind: kindDir, Mode: 0o040777}},
		"a directory with a slash behind":  {"sub/", &agentv1.FsEntry{Name: "sub", Kind: kindDir, Mode: 0o040777}},
		"a directory by its dot":           {"sub/.", &agentv1.FsEntry{Name: "sub", Kind: kindDir, Mode: 0o040777}},
		"a dangling symlink is itself":     {"dangling", &agentv1.FsEntry{Name: "dangling", Kind: kindSymlink, Size: 7}},
		"a symlink to a directory, itself": {"link", &agentv1.FsEntry{Name: "link", Kind: kindSymlink, Size: 3}},
		"a symlink with a slash behind":    {"link/", &agentv1.FsEntry{Name: "link", Kind: kindDir, Mode: 0o040777}},
		"an absolute path":                 {tr.path("file"), &agentv1.FsEntry{Name: "file", Kind: kindFile, Size: 5, Mode: 0o100640, ModifiedMs: 1_700_000_000_123}},
		"the root":                         {"", &agentv1.FsEntry{Name: filepath.Base(tr.dir), Kind: kindDir}},
		"the root by a dot":                {".", &agentv1.FsEntry{Name: filepath.Base(tr.dir), Kind: kindDir}},
		"the root by its child's parent":   {"sub/..", &agentv1.FsEntry{Name: filepath.Base(tr.dir), Kind: kindDir}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp, err := tr.Stat(t.Context(), &agentv1.FsStatRequest{Path: tc.path})
			if err != nil || !resp.GetExists() {
				t.Fatalf("exists = %v, %v", resp.GetExists(), err)
			}
			tc.want.Path = tc.path // fs.stat.path-verbatim
			got := resp.GetEntry()
			if tc.want.Mode == 0 {
				got.Mode = 0
			}
			if tc.want.ModifiedMs == 0 {
				got.ModifiedMs = 0
			}
			if tc.want.Kind == kindDir {
				got.Size = 0
			}
			if diff := cmp.Diff(tc.want, got, protocmp.Transform()); diff != "" {
				t.Errorf("entry differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStatOfNothing(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	tr.put(t, "file", "x")
	for _, path := range []string{"missing", "missing/deeper", "/no/such/path"} {
		resp, err := tr.Stat(t.Context(), &agentv1.FsStatRequest{Path: path})
		if err != nil || resp.GetExists() || resp.GetEntry() != nil {
			t.Errorf("stat of %q = %v, %v; want no entry and no error", path, resp, err)
		}
	}
	for _, path := range []string{"file/x", "file/"} {
		_, err := tr.Stat(t.Context(), &agentv1.FsStatRequest{Path: path})
		wantErrno(t, err, syscall.ENOTDIR)
	}
}
