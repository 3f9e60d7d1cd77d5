package files_test

import (
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func TestMove(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		req  *agentv1.FsMoveRequest
		file string
		want string
	}{
		"a file":                                    {&agentv1.FsMoveRequest{From: "file", To: "new"}, "new", "file"},
		"a file into a directory":                   {&agentv1.FsMoveRequest{From: "file", To: "empty/new"}, "empty/new", "file"},
		"a directory":                               {&agentv1.FsMoveRequest{From: "full", To: "new"}, "new/inner", "inner"},
		"a directory with slashes behind":           {&agentv1.FsMoveRequest{From: "full/", To: "new/"}, "new/inner", "inner"},
		"a symlink itself":                          {&agentv1.FsMoveRequest{From: "link", To: "new"}, "new", "other"},
		"overwrite without a destination":           {&agentv1.FsMoveRequest{From: "file", To: "new", Overwrite: true}, "new", "file"},
		"overwrite of a file":                       {&agentv1.FsMoveRequest{From: "file", To: "other", Overwrite: true}, "other", "file"},
		"overwrite of a symlink, not of its target": {&agentv1.FsMoveRequest{From: "file", To: "link", Overwrite: true}, "link", "file"},
		"overwrite of an empty directory by one":    {&agentv1.FsMoveRequest{From: "full", To: "empty", Overwrite: true}, "empty/inner", "inner"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := movable(t)
			if _, err := tr.Move(t.Context(), tc.req); err != nil {
				t.Fatal(err)
			}
			tr.wantContent(t, tc.file, tc.want)
			tr.wantMissing(t, tc.req.GetFrom())
			if tc.req.GetTo() != "other" {
				tr.wantContent(t, "other", "other")
			}
		})
	}
}

func movable(t testing.TB) tree {
	tr := newTree(t)
	tr.put(t, "file", "file")
	tr.put(t, "other", "other")
	tr.put(t, "full/inner", "inner")
	tr.put(t, "full2/inner", "inner")
	tr.mkdir(t, "empty")
	tr.symlink(t, "other", "link")
	tr.symlink(t, "nowhere", "dangling")
	return tr
}

func TestMoveRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		req  *agentv1.FsMoveRequest
		want syscall.Errno
	}{
		"a missing source":                        {&agentv1.FsMoveRequest{From: "missing", To: "new"}, syscall.ENOENT},
		"a missing source, with overwrite":        {&agentv1.FsMoveRequest{From: "missing", To: "other", Overwrite: true}, syscall.ENOENT},
		"a missing parent of the destination":     {&agentv1.FsMoveRequest{From: "file", To: "no/such"}, syscall.ENOENT},
		"a source through a file":                 {&agentv1.FsMoveRequest{From: "file/x", To: "new"}, syscall.ENOTDIR},
		"an existing file":                        {&agentv1.FsMoveRequest{From: "file", To: "other"}, syscall.EEXIST},
		"an existing empty directory":             {&agentv1.FsMoveRequest{From: "full", To: "empty"}, syscall.EEXIST},
		"an existing full directory":              {&agentv1.FsMoveRequest{From: "full", To: "full2"}, syscall.EEXIST},
		"an existing symlink":                     {&agentv1.FsMoveRequest{From: "file", To: "link"}, syscall.EEXIST},
		"a dangling symlink":                      {&agentv1.FsMoveRequest{From: "file", To: "dangling"}, syscall.EEXIST},
		"itself":                                  {&agentv1.FsMoveRequest{From: "file", To: "file"}, syscall.EEXIST},
		"overwrite of a full directory by one":    {&agentv1.FsMoveRequest{From: "full", To: "full2", Overwrite: true}, syscall.ENOTEMPTY},
		"overwrite of a directory by a file":      {&agentv1.FsMoveRequest{From: "file", To: "empty", Overwrite: true}, syscall.EISDIR},
		"overwrite of a file by a directory":      {&agentv1.FsMoveRequest{From: "full", To: "file", Overwrite: true}, syscall.ENOTDIR},
		"a directory into itself":                 {&agentv1.FsMoveRequest{From: "full", To: "full/sub"}, syscall.EINVAL},
		"a directory into itself, with overwrite": {&agentv1.FsMoveRequest{From: "full", To: "full/sub", Overwrite: true}, syscall.EINVAL},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := movable(t)
			_, err := tr.Move(t.Context(), tc.req)
			wantErrno(t, err, tc.want)
			tr.wantContent(t, "file", "file")
			tr.wantContent(t, "other", "other")
			tr.wantContent(t, "full/inner", "inner")
			tr.wantContent(t, "full2/inner", "inner")
			tr.wantOnly(t, "", "file", "other", "full", "full2", "empty", "link", "dangling")
		})
	}
}

func TestTheRootIsNeitherEndOfAMove(t *testing.T) {
	t.Parallel()
	outer := newTree(t)
	outer.mkdir(t, "work")
	outer.mkdir(t, "other")
	tr := treeAt(t, outer.path("work"))
	for name, req := range map[string]*agentv1.FsMoveRequest{
		"its source":                {From: "", To: "../new"},
		"its source, spelled out":   {From: outer.path("work"), To: "../new"},
		"a directory above it":      {From: outer.dir, To: outer.dir + "-new"},
		"its destination":           {From: "../other", To: "", Overwrite: true},
		"its destination, by a dot": {From: "../other", To: "./", Overwrite: true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tr.Move(t.Context(), req)
			wantCode(t, err, codeOS)
			outer.wantOnly(t, "", "work", "other")
		})
	}
}

// Of many moves to one name without overwrite exactly one succeeds.
func TestMovesToOneNameDoNotOverwriteEachOther(t *testing.T) {
	t.Parallel()
	for round := range 20 {
		tr := newTree(t)
		const movers = 8
		var wg sync.WaitGroup
		var won atomic.Int32
		for i := range movers {
			name := strconv.Itoa(i)
			tr.put(t, name, name)
			wg.Go(func() {
				if _, err := tr.Move(t.Context(), &agentv1.FsMoveRequest{From: name, To: "one"}); err == nil {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		entries, err := os.ReadDir(tr.dir)
		if err != nil || won.Load() != 1 || len(entries) != movers {
			t.Fatalf("round %d: %d moves won and %d of %d files are left (%v)", round, won.Load(), len(entries), movers, err)
		}
	}
}
