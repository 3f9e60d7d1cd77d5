package files_test

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		before func(testing.TB, tree)
		req    *agentv1.FsWriteRequest
		file   string
		want   string
	}{
		"a missing file is created": {
			nil, &agentv1.FsWriteRequest{Path: "new", Content: []byte("text")}, "new", "text",
		},
		"an empty content makes an empty file": {
			nil, &agentv1.FsWriteRequest{Path: "new"}, "new", "",
		},
		"longer content is cut": {
			func(t testing.TB, tr tree) { tr.put(t, "file", "a longer text") },
			&agentv1.FsWriteRequest{Path: "file", Content: []byte("short")}, "file", "short",
		},
		"shorter content is outgrown": {
			func(t testing.TB, tr tree) { tr.put(t, "file", "short") },
			&agentv1.FsWriteRequest{Path: "file", Content: []byte("a longer text")}, "file", "a longer text",
		},
		"nothing empties a file": {
			func(t testing.TB, tr tree) { tr.put(t, "file", "text") },
			&agentv1.FsWriteRequest{Path: "file"}, "file", "",
		},
		"an append goes behind": {
			func(t testing.TB, tr tree) { tr.put(t, "file", "one,") },
			&agentv1.FsWriteRequest{Path: "file", Content: []byte("two"), Append: true}, "file", "one,two",
		},
		"an append creates": {
			nil, &agentv1.FsWriteRequest{Path: "new", Content: []byte("text"), Append: true}, "new", "text",
		},
		"bytes that are no text": {
			nil, &agentv1.FsWriteRequest{Path: "new", Content: []byte("\x00\xff\n\r\n")}, "new", "\x00\xff\n\r\n",
		},
		"parents are made": {
			nil, &agentv1.FsWriteRequest{Path: "a/b/c", Content: []byte("x"), CreateParents: true}, "a/b/c", "x",
		},
		"parents that are there are fine": {
			func(t testing.TB, tr tree) { tr.mkdir(t, "a/b") },
			&agentv1.FsWriteRequest{Path: "a/b/c", Content: []byte("x"), CreateParents: true}, "a/b/c", "x",
		},
		"a symlink's target changes": {
			func(t testing.TB, tr tree) { tr.put(t, "target", "old"); tr.symlink(t, "target", "link") },
			&agentv1.FsWriteRequest{Path: "link", Content: []byte("new")}, "target", "new",
		},
		"a chain of symlinks ends at its target": {
			func(t testing.TB, tr tree) {
				tr.put(t, "sub/target", "old")
				tr.symlink(t, "../link", "sub/inner")
				tr.symlink(t, "sub/target", "link")
				tr.symlink(t, tr.path("sub/inner"), "outer")
			},
			&agentv1.FsWriteRequest{Path: "outer", Content: []byte("new")}, "sub/target", "new",
		},
		"a dangling symlink's target is created": {
			func(t testing.TB, tr tree) { tr.mkdir(t, "sub"); tr.symlink(t, "sub/target", "link") },
			&agentv1.FsWriteRequest{Path: "link", Content: []byte("new")}, "sub/target", "new",
		},
		"a dangling symlink's target is created by an append": {
			func(t testing.TB, tr tree) { tr.symlink(t, "target", "link") },
			&agentv1.FsWriteRequest{Path: "link", Content: []byte("new"), Append: true}, "target", "new",
		},
		"a parent behind a symlink is the OS's": {
			func(t testing.TB, tr tree) { tr.mkdir(t, "a/b"); tr.symlink(t, "a/b", "link") },
			&agentv1.FsWriteRequest{Path: "link/../x", Content: []byte("new")}, "a/x", "new",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := newTree(t)
			if tc.before != nil {
				tc.before(t, tr)
			}
			resp, err := tr.Write(t.Context(), tc.req)
			if err != nil {
				t.Fatal(err)
			}
			if resp.GetBytesWritten() != uint64(len(tc.req.GetContent())) {
				t.Errorf("bytes_written = %d, want %d", resp.GetBytesWritten(), len(tc.req.GetContent()))
			}
			tr.wantContent(t, tc.file, tc.want)
			if info, err := os.Lstat(tr.path("link")); err == nil && info.Mode().Type() != os.ModeSymlink {
				t.Error("the symlink was replaced")
			}
		})
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	tr.put(t, "file", "x")
	tr.mkdir(t, "dir")
	tr.symlink(t, "loop", "loop")
	tr.symlink(t, "no/such", "dangling")
	tests := map[string]struct {
		req  *agentv1.FsWriteRequest
		want syscall.Errno
	}{
		"a missing parent":                       {&agentv1.FsWriteRequest{Path: "no/such"}, syscall.ENOENT},
		"a missing parent behind a symlink":      {&agentv1.FsWriteRequest{Path: "dangling"}, syscall.ENOENT},
		"a directory":                            {&agentv1.FsWriteRequest{Path: "dir"}, syscall.EISDIR},
		"a directory to append to":               {&agentv1.FsWriteRequest{Path: "dir", Append: true}, syscall.EISDIR},
		"the root":                               {&agentv1.FsWriteRequest{Path: ""}, syscall.EISDIR},
		"a file for a parent":                    {&agentv1.FsWriteRequest{Path: "file/x"}, syscall.ENOTDIR},
		"a file for a parent that is to be made": {&agentv1.FsWriteRequest{Path: "file/x", CreateParents: true}, syscall.ENOTDIR},
		"a new name with a slash behind":         {&agentv1.FsWriteRequest{Path: "new/"}, syscall.EISDIR},
		"a file with a slash behind":             {&agentv1.FsWriteRequest{Path: "file/"}, syscall.ENOTDIR},
		"a symlink to itself":                    {&agentv1.FsWriteRequest{Path: "loop"}, syscall.ELOOP},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tr.Write(t.Context(), tc.req)
			wantErrno(t, err, tc.want)
			tr.wantContent(t, "file", "x")
		})
	}
}

func TestAppendsInParallelAllArrive(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	const writers, lines = 8, 25
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for range lines {
				line := []byte(strconv.Itoa(w) + "\n")
				if _, err := tr.Write(t.Context(), &agentv1.FsWriteRequest{Path: "log", Content: line, Append: true}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got, err := os.ReadFile(tr.path("log"))
	if err != nil {
		t.Fatal(err)
	}
	for w := range writers {
		if n := strings.Count(string(got), strconv.Itoa(w)+"\n"); n != lines {
			t.Errorf("writer %d has %d lines of %d", w, n, lines)
		}
	}
}

// Readers of a file that is rewritten all the time never see a mixture.
func TestARewriteIsSeenWhole(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	content := func(c byte) []byte { return bytes.Repeat([]byte{c}, 100_000) }
	tr.put(t, "file", string(content('a')))
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		defer close(stop)
		for i := range 100 {
			req := &agentv1.FsWriteRequest{Path: "file", Content: content('a' + byte(i%26))}
			if _, err := tr.Write(t.Context(), req); err != nil {
				t.Error(err)
			}
		}
	})
	for reading := true; reading; {
		select {
		case <-stop:
			reading = false
		default:
		}
		got, err := os.ReadFile(tr.path("file"))
		if err != nil || len(got) == 0 || !bytes.Equal(got, content(got[0])) {
			t.Errorf("read %d bytes (%v) that are not one content", len(got), err)
			break
		}
	}
	wg.Wait()
	tr.wantOnly(t, "", "file")
}
