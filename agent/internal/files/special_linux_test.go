package files_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

const (
	// specialBound is what fs.read.special grants, with room for a busy machine.
	specialBound = 10 * time.Second
	// patience bounds every wait for something that takes milliseconds.
	patience = 20 * time.Second
)

func (tr tree) fifo(t testing.TB, name string) string {
	t.Helper()
	if err := unix.Mkfifo(tr.path(name), 0o600); err != nil {
		t.Fatal(err)
	}
	return tr.path(name)
}

func TestARangeOfAHugeFileCostsTheRange(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	const size = 1 << 40 // reading up to the end would take minutes
	tr.put(t, "sparse", "")
	if err := os.Truncate(tr.path("sparse"), size); err != nil {
		t.Skip(err)
	}
	start := time.Now()
	resp, err := tr.Read(t.Context(), &agentv1.FsReadRequest{Path: "sparse", Offset: size - 5, Length: 100})
	if err != nil || len(resp.GetContent()) != 5 || resp.GetTotalSize() != size {
		t.Errorf("read %d bytes of %d, %v", len(resp.GetContent()), resp.GetTotalSize(), err)
	}
	_, err = tr.Read(t.Context(), &agentv1.FsReadRequest{Path: "sparse"})
	wantCode(t, err, codeTooLarge)
	if took := time.Since(start); took > specialBound {
		t.Errorf("the reads took %v", took)
	}
}

func TestAFileWithoutASizeTellsItByReading(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	want, err := os.ReadFile("/proc/version")
	if err != nil {
		t.Skip(err)
	}
	for name, tc := range map[string]struct {
		offset, length uint64
		want           []byte
	}{
		"whole":        {0, 0, want},
		"a range":      {2, 5, want[2:7]},
		"past the end": {1 << 40, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp, err := tr.Read(t.Context(), &agentv1.FsReadRequest{Path: "/proc/version", Offset: tc.offset, Length: tc.length})
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(resp.GetContent(), tc.want) || resp.GetTotalSize() != uint64(len(want)) {
				t.Errorf("read %q of %d bytes, want %q of %d", resp.GetContent(), resp.GetTotalSize(), tc.want, len(want))
			}
		})
	}
}

func TestAnEndlessDeviceGivesRangesAndNoWhole(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	resp, err := tr.Read(t.Context(), &agentv1.FsReadRequest{Path: "/dev/zero", Offset: 100_000, Length: 10})
	if err != nil || !bytes.Equal(resp.GetContent(), make([]byte, 10)) {
		t.Errorf("a range of /dev/zero = %q, %v", resp.GetContent(), err)
	}
	_, err = tr.Read(t.Context(), &agentv1.FsReadRequest{Path: "/dev/zero"})
	wantCode(t, err, codeTooLarge)

	resp, err = tr.Read(t.Context(), &agentv1.FsReadRequest{Path: "/dev/null"})
	if err != nil || len(resp.GetContent()) != 0 {
		t.Errorf("/dev/null = %q, %v", resp.GetContent(), err)
	}

	start := time.Now()
	_, err = tr.Read(t.Context(), &agentv1.FsReadRequest{Path: "/dev/zero", Offset: 1 << 60, Length: 1})
	wantCode(t, err, codeOS)
	if took := time.Since(start); took > specialBound {
		t.Errorf("an unreachable offset took %v", took)
	}
}

func TestAFifoWithoutAWriterIsATypedError(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	tr.fifo(t, "fifo")
	start := time.Now()
	_, err := tr.Read(t.Context(), &agentv1.FsReadRequest{Path: "fifo"})
	wantCode(t, err, codeOS)
	if took := time.Since(start); took > specialBound {
		t.Errorf("the error took %v", took)
	}
}

func TestAFifoIsReadFromItsWriter(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		length uint64
		want   string
		leave  bool
	}{
		"to its end":                           {0, "hello", true},
		"as far as asked, the writer stays on": {3, "hel", false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := newTree(t)
			path := tr.fifo(t, "fifo")
			written := make(chan error, 1)
			done := make(chan struct{})
			go func() {
				// This open returns when the agent has opened its end: the
				// first byte comes after that.
				w, err := os.OpenFile(path, os.O_WRONLY, 0)
				if err == nil {
					_, err = w.WriteString("hello")
				}
				written <- err
				if !tc.leave {
					<-done
				}
				w.Close()
			}()
			resp, err := tr.Read(t.Context(), &agentv1.FsReadRequest{Path: "fifo", Length: tc.length})
			close(done)
			if err != nil || string(resp.GetContent()) != tc.want {
				t.Fatalf("read %q, %v; want %q", resp.GetContent(), err, tc.want)
			}
			if err := <-written; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAWaitForAFifoEndsWithItsContext(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	tr.fifo(t, "fifo")
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the agent stops")
	cancel(gone)
	if _, err := tr.Read(ctx, &agentv1.FsReadRequest{Path: "fifo"}); !errors.Is(err, gone) {
		t.Errorf("error = %v, want the context's cause", err)
	}
}

func TestWritesToSpecialFiles(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	content := bytes.Repeat([]byte("x"), 300_000) // more than a pipe holds

	resp, err := tr.Write(t.Context(), &agentv1.FsWriteRequest{Path: "/dev/null", Content: content})
	if err != nil || resp.GetBytesWritten() != uint64(len(content)) {
		t.Errorf("/dev/null took %d bytes, %v", resp.GetBytesWritten(), err)
	}
	_, err = tr.Write(t.Context(), &agentv1.FsWriteRequest{Path: "/dev/full", Content: content})
	wantErrno(t, err, unix.ENOSPC)

	path := tr.fifo(t, "fifo")
	_, err = tr.Write(t.Context(), &agentv1.FsWriteRequest{Path: "fifo", Content: content})
	wantErrno(t, err, unix.ENXIO) // nobody reads

	reader, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	_, err = tr.Write(t.Context(), &agentv1.FsWriteRequest{Path: "fifo", Content: content})
	wantCode(t, err, codeOS) // the reader does not read
}

func TestAWriteReachesAFifosReader(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	reader, err := os.OpenFile(tr.fifo(t, "fifo"), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	content := bytes.Repeat([]byte("0123456789"), 30_000)
	result := make(chan error, 1)
	go func() {
		_, err := tr.Write(t.Context(), &agentv1.FsWriteRequest{Path: "fifo", Content: content})
		result <- err
	}()
	var got []byte
	buf := make([]byte, 64<<10)
	for deadline := time.Now().Add(patience); len(got) < len(content) && time.Now().Before(deadline); {
		n, _ := reader.Read(buf) // "no writer yet" looks like an end
		got = append(got, buf[:n]...)
	}
	if err := <-result; err != nil || !bytes.Equal(got, content) {
		t.Errorf("the reader got %d bytes of %d, write: %v", len(got), len(content), err)
	}
}

func TestADirectoryOfAProcessListsAndStats(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	tr.fifo(t, "fifo")
	resp, err := tr.Stat(t.Context(), &agentv1.FsStatRequest{Path: "fifo"})
	if err != nil || resp.GetEntry().GetKind() != agentv1.FsEntryKind_FS_ENTRY_KIND_FILE {
		t.Errorf("a FIFO is %v, %v", resp, err)
	}
	_, err = tr.List(t.Context(), &agentv1.FsListRequest{Path: "fifo"})
	wantErrno(t, err, unix.ENOTDIR)
	if _, err := tr.List(t.Context(), &agentv1.FsListRequest{Path: filepath.Join("/proc", "self")}); err != nil {
		t.Error(err)
	}
}
