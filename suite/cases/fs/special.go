package fs

import (
	"context"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wire"
)

// specialWithin is the 2 s of fs.read.special and some time for the way there
// and back.
const specialWithin = 3 * time.Second

// The cases on endless devices have an agent of their own: one that reads to
// the end takes all memory there is.
func specialCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "fs.read.special/fifo-without-a-writer",
			Clause:  "fs.read.special",
			Needs:   needs,
			Explain: "A FIFO that nobody writes to blocks whoever opens it; an agent that waits there has one worker less for good.",
			Try:     "mkfifo pipe && fakeagent call read pipe",
			Run:     readFIFO,
		},
		{
			ID:      "fs.read.special/range-of-an-endless-device",
			Clause:  "fs.read.special",
			Needs:   engine.Filesystem,
			Explain: "A range of /dev/zero is either its bytes or an error; reading the file to its end first never ends.",
			Launch:  &engine.Launch{},
			Unsafe:  true,
			Run:     rangeOfDevice,
		},
		{
			ID:      "fs.read.special/whole-of-an-endless-device",
			Clause:  "fs.read.special",
			Needs:   engine.Filesystem,
			Explain: "A wrong path like /dev/zero must not fill the machine's memory.",
			Try:     "fakeagent call read /dev/zero",
			Launch:  &engine.Launch{},
			Unsafe:  true,
			Run:     wholeDevice,
		},
	}
}

// readSpecial reads what may have no end. An agent that does not answer is
// killed if it is the case's own.
func readSpecial(ctx context.Context, t *engine.T, path string, offset, length uint64) *agentv1.ControlResponse {
	req := wire.NewRequest(&agentv1.FsReadRequest{Path: path, Offset: offset, Length: length})
	resp, err := t.Start(req).Try(ctx, specialWithin)
	if err != nil {
		t.Logf("read %s: %v", path, err)
		if t.Instance().Broker != nil && path == endlessDevice {
			_ = t.Instance().Process.Kill()
		}
		t.MissedIfBusy(ctx)
		t.Fatalf("an answer to the read of "+path+" within 2 s", "none")
	}
	return resp
}

func readFIFO(ctx context.Context, t *engine.T) {
	t.Arrange(ctx, "mkfifo", "fifo")
	fifo := t.Path(ctx, "fifo")
	for _, r := range []struct{ offset, length uint64 }{{0, 0}, {0, 100}, {10, 100}} {
		if resp := readSpecial(ctx, t, fifo, r.offset, r.length); resp.GetError() == nil {
			engine.EqualBytes(t, "the content of a FIFO that nobody wrote to,", resp.GetFsRead().GetContent(), nil)
		}
	}
}

const endlessDevice = "/dev/zero"

func rangeOfDevice(ctx context.Context, t *engine.T) {
	for _, r := range []struct{ offset, length uint64 }{{0, 1000}, {12_345, 1000}} {
		if resp := readSpecial(ctx, t, endlessDevice, r.offset, r.length); resp.GetError() == nil {
			engine.EqualBytes(t, "the range of "+endlessDevice, resp.GetFsRead().GetContent(), make([]byte, 1000))
		}
	}
}

func wholeDevice(ctx context.Context, t *engine.T) {
	resp := readSpecial(ctx, t, endlessDevice, 0, 0)
	t.Check(resp.GetError() != nil, "an error for a file that has no end", "a success")
	t.Ping(ctx, 1)
}
