package stream_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
)

func channel() *agentv1.StreamChannel {
	return &agentv1.StreamChannel{
		ChannelId: "ch-1", WorkspaceId: "ws", AgentId: "ag",
		Kind: agentv1.StreamKind_STREAM_KIND_PTY, Port: stream.TerminalPort,
	}
}

// golden is what the vectors in testdata mean.
func golden() map[string]proto.Message {
	return map[string]proto.Message{
		"open-agent":          &agentv1.StreamOpen{Channel: channel(), Token: "ogr_x", Role: stream.RoleAgent},
		"open-client-resumes": &agentv1.StreamOpen{Channel: channel(), Token: "ogs_x", Role: stream.RoleClient, ResumeFromSeq: 7},
		"ack-accepted":        &agentv1.StreamOpenAck{Accepted: true},
		"ack-accepted-resume": &agentv1.StreamOpenAck{Accepted: true, ResumeFromSeq: 7},
		"ack-rejected": &agentv1.StreamOpenAck{
			Error: &agentv1.AgentError{Code: agentv1.ErrorCode_ERROR_CODE_STREAM, Message: "no"},
		},
		"frame":        &agentv1.StreamFrame{ChannelId: "ch-1", Seq: 42, Data: []byte("hi"), ProducedAtMs: 1_700_000_000_000},
		"frame-zeroes": &agentv1.StreamFrame{ChannelId: "ch-1", Data: []byte("hi")},
		"close": &agentv1.StreamClose{
			ChannelId: "ch-1", Reason: agentv1.StreamCloseReason_STREAM_CLOSE_REASON_PROCESS_EXIT, Message: "bye",
		},
		"desktop-input": &agentv1.DesktopInput{
			ChannelId: "ch-1",
			Event: &agentv1.DesktopInput_Pointer{Pointer: &agentv1.PointerEvent{
				X: 10, Y: 20,
				Action: agentv1.PointerAction_POINTER_ACTION_CLICK,
				Button: agentv1.PointerButton_POINTER_BUTTON_LEFT,
			}},
		},
	}
}

func vectors(tb testing.TB) map[string][]byte {
	tb.Helper()
	text, err := os.ReadFile("testdata/vectors.txt")
	if err != nil {
		tb.Fatal(err)
	}
	all := make(map[string][]byte)
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, digits, ok := strings.Cut(line, ":")
		b, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
		if !ok || err != nil {
			tb.Fatalf("vector %q: %v", line, err)
		}
		all[name] = b
	}
	return all
}

func TestMessagesHaveTheBytesOfTheWire(t *testing.T) {
	t.Parallel()
	want := vectors(t)
	messages := golden()
	if len(want) != len(messages) {
		t.Fatalf("%d vectors for %d messages", len(want), len(messages))
	}
	for name, m := range messages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := stream.Encode(m)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want[name]) {
				t.Errorf("encoded % x, want % x", got, want[name])
			}
			back, err := stream.Decode(want[name])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(m, back, protocmp.Transform()); diff != "" {
				t.Errorf("decoded (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		bytes []byte
		tag   stream.Tag
		err   error
	}{
		"no bytes":                      {nil, 0, stream.ErrEmpty},
		"a tag of nothing":              {[]byte{0}, 0, stream.ErrUnknownTag},
		"a tag from the future":         {[]byte{6, 8, 1}, 6, stream.ErrUnknownTag},
		"a body that breaks off":        {[]byte{3, 0x0a, 4, 'c'}, stream.TagFrame, stream.ErrMalformed},
		"a string that is not UTF-8":    {[]byte{3, 0x0a, 1, 0xff}, stream.TagFrame, stream.ErrMalformed},
		"a group that never ends":       {[]byte{1, 0x53}, stream.TagOpen, stream.ErrMalformed},
		"a varint of eleven bytes":      {append([]byte{3, 0x10}, bytes.Repeat([]byte{0xff}, 11)...), stream.TagFrame, stream.ErrMalformed},
		"a field with the number zero":  {[]byte{4, 0x00, 0x00}, stream.TagClose, stream.ErrMalformed},
		"a text message's first letter": {[]byte("hello"), 'h', stream.ErrUnknownTag},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := stream.Decode(tc.bytes)
			if m != nil || !errors.Is(err, tc.err) {
				t.Fatalf("Decode = %v, %v; want %v", m, err, tc.err)
			}
			var de *stream.DecodeError
			if !errors.As(err, &de) || de.Tag != tc.tag {
				t.Errorf("err = %#v, want a DecodeError with tag %v", err, tc.tag)
			}
		})
	}
}

func TestEncodeRefusesWhatTheStreamPlaneHasNoTagFor(t *testing.T) {
	t.Parallel()
	if b, err := stream.Encode(&agentv1.PingRequest{}); err == nil {
		t.Errorf("a ping was encoded as % x", b)
	}
	if b, err := stream.Encode(&agentv1.StreamClose{Message: "\xff"}); err == nil {
		t.Errorf("a message that is not UTF-8 was encoded as % x", b)
	}
}

func FuzzDecode(f *testing.F) {
	for _, b := range vectors(f) {
		f.Add(b)
	}
	f.Add([]byte{3, 0x18, 7, 0x12, 1, 'x', 0x1a, 2, 'h', 'i', 0x1a, 1, 'z'})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := stream.Decode(b)
		var de *stream.DecodeError
		if (m == nil) != (err != nil) || err != nil && !errors.As(err, &de) {
			t.Fatalf("Decode = %v, %v", m, err)
		}
		frame, isFrame := m.(*agentv1.StreamFrame)
		info, inspectErr := stream.InspectFrame(b)
		if isFrame != (inspectErr == nil) {
			t.Fatalf("Decode gives %v, %v but InspectFrame %v", m, err, inspectErr)
		}
		if isFrame && (info.Seq != frame.GetSeq() || info.Size != len(frame.GetData())) {
			t.Fatalf("InspectFrame = %+v of %v", info, frame)
		}
		if m == nil {
			return
		}
		again, err := stream.Encode(m)
		if err != nil {
			t.Fatalf("encode what was decoded: %v", err)
		}
		back, err := stream.Decode(again)
		if err != nil || !proto.Equal(m, back) {
			t.Fatalf("round trip gives %v, %v", back, err)
		}
	})
}

func TestACursorCountsWhatIsMissingAndRefusesWhatItHad(t *testing.T) {
	t.Parallel()
	c := stream.NewCursor(5)
	steps := []struct {
		seq, missed uint64
		fresh       bool
		next        uint64
	}{
		{4, 0, false, 5}, {5, 0, true, 6}, {5, 0, false, 6}, {9, 3, true, 10}, {6, 0, false, 10}, {10, 0, true, 11},
	}
	for _, s := range steps {
		missed, fresh := c.Admit(s.seq)
		if missed != s.missed || fresh != s.fresh || c.Next() != s.next {
			t.Errorf("Admit(%d) = %d, %v and then %d; want %d, %v and %d", s.seq, missed, fresh, c.Next(), s.missed, s.fresh, s.next)
		}
	}
}
