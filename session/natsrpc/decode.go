package natsrpc

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

const (
	fieldFSRead  protowire.Number = 14 // of ControlResponse
	fieldContent protowire.Number = 1  // of FsReadResponse

	// shareFrom is the size of a reply, in bytes, from which a copy of its
	// content costs more than looking for it.
	shareFrom = 32 << 10
)

// decode parses a reply that the response may keep: a file's content is not
// copied out of it.
func decode(data []byte) (*agentv1.ControlResponse, error) {
	if len(data) >= shareFrom {
		if resp, ok := decodeContent(data); ok {
			return resp, nil
		}
	}
	resp := new(agentv1.ControlResponse)
	return resp, proto.Unmarshal(data, resp)
}

// decodeContent parses a reply with a file's content and shares the content's
// bytes with data; it reports false for anything else. A message's encoding
// may be cut between fields, for its parts merge to the same message.
func decodeContent(data []byte) (*agentv1.ControlResponse, bool) {
	before, encoded, after, ok := cut(data, fieldFSRead)
	if !ok {
		return nil, false
	}
	readBefore, content, readAfter, ok := cut(encoded, fieldContent)
	if !ok {
		return nil, false
	}
	merge := proto.UnmarshalOptions{Merge: true}
	resp := new(agentv1.ControlResponse)
	if merge.Unmarshal(before, resp) != nil {
		return nil, false
	}
	read := resp.GetFsRead()
	if read == nil {
		read = new(agentv1.FsReadResponse)
		resp.Result = &agentv1.ControlResponse_FsRead{FsRead: read}
	}
	if merge.Unmarshal(readBefore, read) != nil {
		return nil, false
	}
	read.Content = content
	return resp, merge.Unmarshal(readAfter, read) == nil && merge.Unmarshal(after, resp) == nil
}

// cut returns the value of the first length-delimited field of that number in
// a message, and the encodings of the fields before and after it.
func cut(message []byte, number protowire.Number) (before, value, after []byte, ok bool) {
	for rest := message; len(rest) > 0; {
		n, kind, size := protowire.ConsumeTag(rest)
		if size < 0 {
			return nil, nil, nil, false
		}
		if n == number && kind == protowire.BytesType {
			value, length := protowire.ConsumeBytes(rest[size:])
			if length < 0 {
				return nil, nil, nil, false
			}
			before = message[:len(message)-len(rest)]
			return before, value[:len(value):len(value)], rest[size+length:], true
		}
		length := protowire.ConsumeFieldValue(n, kind, rest[size:])
		if length < 0 {
			return nil, nil, nil, false
		}
		rest = rest[size+length:]
	}
	return nil, nil, nil, false
}
