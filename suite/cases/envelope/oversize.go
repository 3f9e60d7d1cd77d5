package envelope

import (
	"context"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wire"
)

const (
	// smallPayload lets requests of the suite through and little more, so that
	// an oversized reply costs nothing to make.
	smallPayload = 16 << 10
	// slack is room for headers, which count, where a reply must still fit.
	slack = 512
)

// oversizeCases are about replies that the broker would not carry. A broker
// cuts the connection of a client that tries all the same.
func oversizeCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "envelope.oversize-reply/file",
			Clause:  "envelope.oversize-reply",
			Explain: "A file that is too big to come in one piece is the everyday case; its reader must learn to ask for ranges.",
			Try:     "fakeagent call exec 'head -c 20000000 /dev/zero > big'; fakeagent call read big",
			Launch:  &engine.Launch{MaxPayload: smallPayload},
			Run:     oversizeFile,
		},
		{
			ID:      "envelope.oversize-reply/details",
			Clause:  "envelope.oversize-reply",
			Explain: "With the size and the limit at hand a caller can choose its ranges instead of guessing.",
			Launch:  &engine.Launch{MaxPayload: smallPayload},
			Run:     oversizeDetails,
		},
		{
			ID:      "envelope.oversize-reply/list",
			Clause:  "envelope.oversize-reply",
			Explain: "A recursive list outgrows any limit some day, and no single entry of it looks big.",
			Launch:  &engine.Launch{MaxPayload: smallPayload},
			Run:     oversizeList,
		},
		{
			ID:      "envelope.oversize-reply/command-output",
			Clause:  "envelope.oversize-reply",
			Explain: "A build that prints too much has still been run; its caller must not take it for lost and run it again.",
			Try:     "fakeagent call exec 'head -c 20000000 /dev/zero'",
			Launch:  &engine.Launch{MaxPayload: smallPayload},
			Run:     oversizeOutput,
		},
		{
			ID:      "envelope.oversize-reply/one-byte-over",
			Clause:  "envelope.oversize-reply",
			Explain: "What counts is the encoded reply, not the content in it: measured without its envelope, the last bytes cut the connection.",
			Launch:  &engine.Launch{MaxPayload: smallPayload},
			Run:     oneByteOver,
		},
		{
			ID:      "envelope.oversize-reply/just-below-is-sent",
			Clause:  "envelope.oversize-reply",
			Explain: "An agent that refuses far below the limit halves what every transfer can carry.",
			Launch:  &engine.Launch{MaxPayload: smallPayload},
			Run:     justBelow,
		},
		{
			ID:      "envelope.oversize-reply/connection-stays",
			Clause:  "envelope.oversize-reply",
			Explain: "Where the broker has to refuse, it cuts the agent off, and everybody else's operations with it.",
			Launch:  &engine.Launch{MaxPayload: smallPayload},
			Run:     connectionStays,
		},
	}
}

// fileOf makes a file of n bytes without a request that is as big.
func fileOf(ctx context.Context, t *engine.T, n int) string {
	name := t.Path(ctx, "file-of-"+strconv.Itoa(n))
	const piece = smallPayload / 2
	for off := 0; off < n; off += piece {
		engine.Must[*agentv1.FsWriteResponse](ctx, t.Given(), &agentv1.FsWriteRequest{
			Path: name, Content: []byte(strings.Repeat("x", min(piece, n-off))), Append: true,
		})
	}
	return name
}

func tooLarge(ctx context.Context, t *engine.T, op proto.Message) *agentv1.AgentError {
	return t.Refused(ctx, op, agentv1.ErrorCode_ERROR_CODE_PAYLOAD_TOO_LARGE)
}

func oversizeFile(ctx context.Context, t *engine.T) {
	tooLarge(ctx, t, &agentv1.FsReadRequest{Path: fileOf(ctx, t, 3*smallPayload)})
}

func oversizeDetails(ctx context.Context, t *engine.T) {
	const size = 3 * smallPayload
	detail := tooLarge(ctx, t, &agentv1.FsReadRequest{Path: fileOf(ctx, t, size)}).GetDetail()
	engine.Equal(t, "the detail op", detail["op"], "fs_read")
	engine.Equal(t, "the detail max_payload", detail["max_payload"], strconv.Itoa(t.Instance().Broker.MaxPayload()))
	// The envelope adds less than a hundred bytes, and an agent may stop to
	// count where it is sure that the reply is too large.
	encoded, err := strconv.Atoi(detail["encoded_bytes"])
	t.Check(err == nil, "a decimal detail encoded_bytes", "%q", detail["encoded_bytes"])
	t.Check(encoded > smallPayload && encoded < size+slack,
		"a detail encoded_bytes above the limit and about the file's size", "%d", encoded)
}

func oversizeList(ctx context.Context, t *engine.T) {
	dir := t.Path(ctx, "many")
	t.Given().Mkdir(ctx, dir)
	// An entry takes 20 bytes at the least: name, path and mtime.
	if r := t.Given().Run(ctx, "fill", t.Abs(ctx, dir), strconv.Itoa(smallPayload/16)); r.GetExitCode() != 0 {
		t.Given().Fatalf("a directory with many files", "exit code %d", r.GetExitCode())
	}
	tooLarge(ctx, t, &agentv1.FsListRequest{Path: dir})
}

func oversizeOutput(ctx context.Context, t *engine.T) {
	tooLarge(ctx, t, &agentv1.ExecRequest{
		Command: t.Helper(ctx, "out", "--stdout", strconv.Itoa(3*smallPayload)), Cwd: t.Dir(ctx), TimeoutMs: 10_000,
	})
}

// readReplyOf is a read whose reply takes exactly size bytes when encoded.
func readReplyOf(ctx context.Context, t *engine.T, size int) *agentv1.ControlRequest {
	req := wire.NewRequest(&agentv1.FsReadRequest{})
	req.RequestId = "exactly"
	n := size
	for {
		resp := &agentv1.ControlResponse{
			RequestId: req.RequestId,
			Result: &agentv1.ControlResponse_FsRead{FsRead: &agentv1.FsReadResponse{
				Content: make([]byte, n), TotalSize: uint64(n),
			}},
		}
		over := proto.Size(resp) - size
		if over == 0 {
			req.GetFsRead().Path = fileOf(ctx, t, n)
			return req
		}
		n -= over
	}
}

func oneByteOver(ctx context.Context, t *engine.T) {
	t.WantError(t.Do(ctx, readReplyOf(ctx, t, smallPayload+1)), agentv1.ErrorCode_ERROR_CODE_PAYLOAD_TOO_LARGE)
}

func justBelow(ctx context.Context, t *engine.T) {
	r := engine.MustOf[*agentv1.FsReadResponse](t, t.Do(ctx, readReplyOf(ctx, t, smallPayload-slack)))
	engine.Equal(t, "the bytes read", uint64(len(r.GetContent())), r.GetTotalSize())
}

// connectionStays looks for the Hello that follows a cut, and for a command
// that was lost with it.
func connectionStays(ctx context.Context, t *engine.T) {
	name := fileOf(ctx, t, 3*smallPayload)
	mark := t.Instance().Watch.Mark()
	beside := t.Start(wire.NewRequest(&agentv1.ExecRequest{Command: t.Helper(ctx, "sleep", "300ms"), Cwd: t.Dir(ctx), TimeoutMs: 10_000}))
	tooLarge(ctx, t, &agentv1.FsReadRequest{Path: name})
	engine.MustOf[*agentv1.ExecResponse](t.Given(), beside.Response(ctx, t.Scale(replyLimit)))
	t.Ping(ctx, 1)
	for _, a := range t.Instance().Watch.Since(mark) {
		t.Check(!wire.IsHello(a), "a connection that stays", "a Hello, as after a cut")
	}
}
