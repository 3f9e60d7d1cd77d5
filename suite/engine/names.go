package engine

import (
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// opName is the member of the request's op, as in "fs_read"; empty for none.
func opName(req *agentv1.ControlRequest) string {
	m := req.ProtoReflect()
	if f := m.WhichOneof(m.Descriptor().Oneofs().ByName("op")); f != nil {
		return string(f.Name())
	}
	return ""
}

// opOf is the operation that has results of type R, as in "fs_read".
func opOf[R proto.Message]() string {
	var zero R
	fields := (*agentv1.ControlResponse)(nil).ProtoReflect().Descriptor().Oneofs().ByName("result").Fields()
	for i := range fields.Len() {
		if fields.Get(i).Message() == zero.ProtoReflect().Descriptor() {
			return string(fields.Get(i).Name())
		}
	}
	return ""
}

// resultOf returns the member of the response's result and its name.
func resultOf(resp *agentv1.ControlResponse) (string, proto.Message) {
	m := resp.ProtoReflect()
	f := m.WhichOneof(m.Descriptor().Oneofs().ByName("result"))
	if f == nil {
		return "", nil
	}
	return string(f.Name()), m.Get(f).Message().Interface()
}
