package natsrpc

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func encoded(tb testing.TB, m proto.Message) []byte {
	tb.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func fileReply(content []byte, size uint64) *agentv1.ControlResponse {
	return &agentv1.ControlResponse{RequestId: "request-1", Result: &agentv1.ControlResponse_FsRead{
		FsRead: &agentv1.FsReadResponse{Content: content, TotalSize: size},
	}}
}

func TestALargeContentIsNotCopied(t *testing.T) {
	t.Parallel()
	want := fileReply(bytes.Repeat([]byte("x"), shareFrom), 1<<40)
	data := encoded(t, want)
	got, err := decode(data)
	if err != nil || !proto.Equal(got, want) {
		t.Fatalf("decode = %v, %v", got, err)
	}
	content := got.GetFsRead().GetContent()
	at := bytes.Index(data, content)
	if &content[0] != &data[at] {
		t.Error("the content was copied")
	}
	// What a caller appends must not run into the rest of the reply.
	if cap(content) != len(content) {
		t.Errorf("the content has room for %d more bytes", cap(content)-len(content))
	}
}

// FuzzDecodeContent holds decodeContent to what the protobuf library makes of
// the same bytes.
func FuzzDecodeContent(f *testing.F) {
	file := encoded(f, fileReply([]byte("content"), 7))
	pong := encoded(f, &agentv1.ControlResponse{Result: &agentv1.ControlResponse_Ping{Ping: &agentv1.PingResponse{Nonce: 1}}})
	f.Add(file)
	f.Add(pong)
	f.Add(bytes.Join([][]byte{file, encoded(f, fileReply(nil, 8)), encoded(f, fileReply([]byte("again"), 0))}, nil))
	f.Add(bytes.Join([][]byte{file, pong}, nil))
	f.Add(bytes.Join([][]byte{pong, file}, nil))
	f.Add(encoded(f, fileReply(nil, 7)))
	f.Add(file[:len(file)-1])
	f.Add([]byte{0x72, 3, 0x0a, 1, 'x', 0x0a, 1, 0xff}) // an id that is not UTF-8
	f.Fuzz(func(t *testing.T, data []byte) {
		want := new(agentv1.ControlResponse)
		err := proto.Unmarshal(data, want)
		got, ok := decodeContent(data)
		if ok && (err != nil || !proto.Equal(got, want)) {
			t.Errorf("decodeContent = %v, proto.Unmarshal = %v, %v", got, want, err)
		}
	})
}
