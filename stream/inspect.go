package stream

import (
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// FrameInfo is what a relay needs to know of a frame that it passes on as it
// came.
type FrameInfo struct {
	Seq  uint64
	Size int // bytes of data
}

// Field numbers of StreamFrame that matter here.
const (
	frameChannelID = 1
	frameSeq       = 2
	frameData      = 3
)

// InspectFrame reads a StreamFrame without copying its data. It accepts
// exactly the bytes that Decode accepts as a frame; the error is a
// *DecodeError.
func InspectFrame(b []byte) (FrameInfo, error) {
	var info FrameInfo
	if len(b) == 0 {
		return info, &DecodeError{Err: ErrEmpty}
	}
	if Tag(b[0]) != TagFrame {
		return info, &DecodeError{Tag: Tag(b[0]), Err: ErrUnknownTag}
	}
	for rest := b[1:]; len(rest) > 0; {
		num, typ, n := protowire.ConsumeTag(rest)
		if n < 0 || !num.IsValid() {
			return FrameInfo{}, &DecodeError{Tag: TagFrame, Err: ErrMalformed}
		}
		rest = rest[n:]
		n = protowire.ConsumeFieldValue(num, typ, rest)
		if n < 0 || !info.take(num, typ, rest[:n]) {
			return FrameInfo{}, &DecodeError{Tag: TagFrame, Err: ErrMalformed}
		}
		rest = rest[n:]
	}
	return info, nil
}

// take notes one field whose value is known to be well formed, and tells
// whether it may stand in a frame.
func (info *FrameInfo) take(num protowire.Number, typ protowire.Type, value []byte) bool {
	switch {
	case num == frameChannelID && typ == protowire.BytesType:
		s, _ := protowire.ConsumeBytes(value)
		return utf8.Valid(s)
	case num == frameSeq && typ == protowire.VarintType:
		info.Seq, _ = protowire.ConsumeVarint(value)
	case num == frameData && typ == protowire.BytesType:
		d, _ := protowire.ConsumeBytes(value)
		info.Size = len(d)
	}
	return true
}
