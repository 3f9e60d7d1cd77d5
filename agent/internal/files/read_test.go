package files_test

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"agentproof/agent/internal/buffers"
	"agentproof/agent/internal/files"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func TestRead(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	tr.put(t, "digits", "0123456789")
	tr.put(t, "empty", "")
	tr.put(t, "bytes", "\x00\xff\xfe\n\r\n")
	tr.put(t, "sub/ü \"quoted\"\nname", "odd")
	tr.symlink(t, "digits", "link")
	tests := map[string]struct {
		path           string
		offset, length uint64
		want           string
		total          uint64
	}{
		"offset 0 and length 0 are the whole file": {"digits", 0, 0, "0123456789", 10},
		"a range in the middle":                    {"digits", 3, 4, "3456", 10},
		"length 0 reads to the end":                {"digits", 7, 0, "789", 10},
		"a range over the end is clamped":          {"digits", 8, 100, "89", 10},
		"a range at the end is empty":              {"digits", 10, 5, "", 10},
		"a range past the end is empty":            {"digits", 11, 5, "", 10},
		"the largest offset is past the end":       {"digits", math.MaxUint64, 0, "", 10},
		"offset and length saturate":               {"digits", math.MaxUint64, math.MaxUint64, "", 10},
		"the largest length reads to the end":      {"digits", 2, math.MaxUint64, "23456789", 10},
		"an offset beyond int64 is past the end":   {"digits", math.MaxInt64 + 1, 1, "", 10},
		"an empty file":                            {"empty", 0, 0, "", 0},
		"a range of an empty file":                 {"empty", 5, 5, "", 0},
		"bytes that are no text":                   {"bytes", 0, 0, "\x00\xff\xfe\n\r\n", 6},
		"an odd name":                              {"sub/ü \"quoted\"\nname", 0, 0, "odd", 3},
		"a symlink is followed":                    {"link", 1, 1, "1", 10},
		"a parent is resolved by the OS":           {"sub/../digits", 0, 1, "0", 10},
		"an absolute path":                         {tr.path("digits"), 9, 1, "9", 10},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp, err := tr.Read(t.Context(), &agentv1.FsReadRequest{Path: tc.path, Offset: tc.offset, Length: tc.length})
			if err != nil {
				t.Fatal(err)
			}
			if string(resp.GetContent()) != tc.want || resp.GetTotalSize() != tc.total {
				t.Errorf("read %q of %d bytes, want %q of %d", resp.GetContent(), resp.GetTotalSize(), tc.want, tc.total)
			}
		})
	}
}

func TestReadsThatShareBuffersKeepApart(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	var list buffers.List
	var readers sync.WaitGroup
	for i := range 8 {
		name := strconv.Itoa(i)
		want := strings.Repeat(name, (i+1)*20_000)
		tr.put(t, name, want)
		readers.Go(func() {
			for range 100 {
				var m files.Memory
				resp, err := tr.Read(files.Borrow(t.Context(), &m, &list), &agentv1.FsReadRequest{Path: name})
				if err != nil {
					t.Error(err)
					return
				}
				got := resp.GetContent()
				if whole, ok := m.Enclose([]byte("<"), got, []byte(">")); ok {
					got = whole[1 : len(whole)-1]
				}
				if string(got) != want {
					t.Errorf("%d bytes read, of %d that were written; or they are another file's", len(got), len(want))
					return
				}
				m.Return()
			}
		})
	}
	readers.Wait()
}

func TestAContentIsEnclosedWhereItIsOrNotAtAll(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	large := strings.Repeat("x", 100_000)
	tr.put(t, "large", large)
	tr.put(t, "small", "x")
	long := strings.Repeat("(", files.Before)
	for _, tt := range []struct {
		name, file    string
		before, after string
		want          bool
	}{
		{"a large content", "large", "<", ">", true},
		{"in nothing", "large", "", "", true},
		{"in as much as there is room for", "large", long, long[:files.After], true},
		{"with more before it", "large", long + "(", "", false},
		{"with more behind it", "large", "", long[:files.After+1], false},
		{"a small content", "small", "<", ">", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var m files.Memory
			defer m.Return()
			resp, err := tr.Read(files.Borrow(t.Context(), &m, new(buffers.List)), &agentv1.FsReadRequest{Path: tt.file})
			if err != nil {
				t.Fatal(err)
			}
			got, ok := m.Enclose([]byte(tt.before), resp.GetContent(), []byte(tt.after))
			if ok != tt.want || ok && string(got) != tt.before+large+tt.after {
				t.Errorf("%d bytes, %v", len(got), ok)
			}
			if _, ok := m.Enclose(nil, []byte("another"), nil); ok {
				t.Error("another content was enclosed")
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	tr.put(t, "file", "x")
	tr.mkdir(t, "dir")
	tr.symlink(t, "nowhere", "dangling")
	tr.symlink(t, "loop", "loop")
	tests := map[string]struct {
		path string
		want syscall.Errno
	}{
		"what is not there":           {"missing", syscall.ENOENT},
		"a dangling symlink":          {"dangling", syscall.ENOENT},
		"a path through a file":       {"file/x", syscall.ENOTDIR},
		"a file with a slash behind":  {"file/", syscall.ENOTDIR},
		"a directory":                 {"dir", syscall.EISDIR},
		"the root":                    {"", syscall.EISDIR},
		"a symlink to itself":         {"loop", syscall.ELOOP},
		"a name that is too long":     {strings.Repeat("x", 300), syscall.ENAMETOOLONG},
		"a variable, taken literally": {"$HOME", syscall.ENOENT},
		"a pattern, taken literally":  {"fil*", syscall.ENOENT},
		"the virtual root":            {"/workspace/no-such-file", syscall.ENOENT},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tr.Read(t.Context(), &agentv1.FsReadRequest{Path: tc.path})
			wantErrno(t, err, tc.want)
		})
	}
}

func TestAReadThatNoReplyCanCarryIsRefusedUnread(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	tr.put(t, "big", strings.Repeat("x", maxReply+1))

	_, err := tr.Read(t.Context(), &agentv1.FsReadRequest{Path: "big"})
	e := wantCode(t, err, codeTooLarge)
	if e.Retryable {
		t.Error("the error is retryable")
	}
	if e.Detail["op"] != "fs_read" || e.Detail["max_payload"] != strconv.Itoa(maxReply) {
		t.Errorf("details = %v", e.Detail)
	}
	if n, err := strconv.Atoi(e.Detail["encoded_bytes"]); err != nil || n <= maxReply {
		t.Errorf("encoded_bytes = %q, want more than %d", e.Detail["encoded_bytes"], maxReply)
	}

	resp, err := tr.Read(t.Context(), &agentv1.FsReadRequest{Path: "big", Offset: 10, Length: maxReply - 100})
	if err != nil || len(resp.GetContent()) != maxReply-100 || resp.GetTotalSize() != maxReply+1 {
		t.Errorf("a range that fits: %d bytes of %d, %v", len(resp.GetContent()), resp.GetTotalSize(), err)
	}
}

func FuzzReadIsASliceOfTheFile(f *testing.F) {
	tr := newTree(f)
	content := bytes.Repeat([]byte("0123456789abcdef"), 5000) // longer than any buffer in use
	tr.put(f, "file", string(content))
	f.Add(uint64(0), uint64(0))
	f.Add(uint64(65536), uint64(1))
	f.Add(uint64(math.MaxUint64), uint64(2))
	f.Fuzz(func(t *testing.T, offset, length uint64) {
		resp, err := tr.Read(t.Context(), &agentv1.FsReadRequest{Path: "file", Offset: offset, Length: length})
		if err != nil {
			t.Fatal(err)
		}
		want := content[min(offset, uint64(len(content))):]
		if length != 0 {
			want = want[:min(length, uint64(len(want)))]
		}
		if !bytes.Equal(resp.GetContent(), want) || resp.GetTotalSize() != uint64(len(content)) {
			t.Errorf("read(%d, %d) = %d bytes of %d, want %d", offset, length, len(resp.GetContent()), resp.GetTotalSize(), len(want))
		}
	})
}
