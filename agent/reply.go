package agent

import (
	"context"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"agentproof/agent/internal/files"
	"agentproof/agent/internal/operr"
	"agentproof/agent/internal/workspace"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// reply sends resp, or an error that fits where resp cannot be sent: silence
// would cost the caller its whole deadline. A reply for which there is no
// connection any more is dropped; its caller was told of the loss.
func (a *Agent) reply(_ context.Context, to string, resp *agentv1.ControlResponse) {
	data, err := encode(a.buffers.Get(0), resp)
	if err != nil {
		a.log.Error("reply cannot be encoded", "request", resp.GetRequestId(), "error", err)
		data, err = encode(nil, unencodable(resp, err))
	} else if limit := a.MaxPayload(); limit > 0 && len(data) > limit {
		data, err = encode(nil, oversize(resp, len(data), limit))
	}
	if err == nil {
		a.sendReply(to, data, resp)
	}
	a.buffers.Put(data)
}

func (a *Agent) sendReply(to string, data []byte, resp *agentv1.ControlResponse) {
	if err := a.publish(to, data); err != nil {
		a.log.Debug("reply not sent", "request", resp.GetRequestId(), "error", err)
	}
}

// MaxPayload is the newest connection's limit on a message, in bytes; 0 before
// the first connection. Replies carry no headers that would count.
func (a *Agent) MaxPayload() int {
	if nc := a.conn.Load(); nc != nil {
		return int(nc.MaxPayload())
	}
	return 0
}

// encode appends m to buf. Only a message that holds invalid UTF-8 is refused,
// so only then the strings are gone through (envelope.string-utf8).
func encode(buf []byte, m proto.Message) ([]byte, error) {
	data, err := proto.MarshalOptions{}.MarshalAppend(buf, m)
	if err == nil {
		return data, nil
	}
	m = proto.Clone(m)
	repairStrings(m.ProtoReflect())
	return proto.MarshalOptions{}.MarshalAppend(buf[:0], m)
}

// encodeInPlace encodes a file's content where it was read into m, which spares
// a copy of it. It is false for a reply that has no such content.
func encodeInPlace(resp *agentv1.ControlResponse, m *files.Memory) ([]byte, bool) {
	const fsRead, content = 14, 1
	read := resp.GetFsRead()
	if resp.GetError() != nil || len(read.GetContent()) == 0 {
		return nil, false
	}
	behind, err1 := proto.Marshal(&agentv1.FsReadResponse{TotalSize: read.GetTotalSize()})
	before, err2 := proto.Marshal(&agentv1.ControlResponse{RequestId: resp.GetRequestId()})
	if err1 != nil || err2 != nil {
		return nil, false
	}
	size := protowire.SizeTag(content) + protowire.SizeBytes(len(read.GetContent())) + len(behind)
	before = protowire.AppendVarint(protowire.AppendTag(before, fsRead, protowire.BytesType), uint64(size))
	before = protowire.AppendVarint(protowire.AppendTag(before, content, protowire.BytesType), uint64(len(read.GetContent())))
	return m.Enclose(before, read.GetContent(), behind)
}

// unencodable replaces a reply that has no encoding (envelope.unencodable).
func unencodable(resp *agentv1.ControlResponse, err error) *agentv1.ControlResponse {
	e := operr.New(agentv1.ErrorCode_ERROR_CODE_OS, "the reply to %s cannot be encoded: %v", resultName(resp), err)
	return &agentv1.ControlResponse{RequestId: workspace.Text(resp.GetRequestId()), Error: operr.ToProto(e)}
}

// oversize replaces a reply that the broker would not take
// (envelope.oversize-reply).
func oversize(resp *agentv1.ControlResponse, size, limit int) *agentv1.ControlResponse {
	e := operr.TooLarge(resultName(resp), int64(size), int64(limit))
	if x := resp.GetExec(); x != nil {
		e.With("total_output_bytes", strconv.Itoa(len(x.GetStdout())+len(x.GetStderr())))
	}
	id := resp.GetRequestId()
	if len(id) > limit/2 {
		id = "" // a reply without its id is still better than none
	}
	return &agentv1.ControlResponse{RequestId: id, Error: operr.ToProto(e)}
}

// resultName is the field name of the result that resp carries.
func resultName(resp *agentv1.ControlResponse) string {
	m := resp.ProtoReflect()
	if f := m.WhichOneof(m.Descriptor().Oneofs().ByName("result")); f != nil {
		return string(f.Name())
	}
	return "error"
}
