package session

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// OpName is the wire name of the request's op, such as "fs_read"; empty when
// it has none.
func OpName(req *agentv1.ControlRequest) string {
	if f := opField(req); f != nil {
		return string(f.Name())
	}
	return ""
}

// An op and its result share one field number.
func opField(req *agentv1.ControlRequest) protoreflect.FieldDescriptor {
	m := req.ProtoReflect()
	return m.WhichOneof(m.Descriptor().Oneofs().ByName("op"))
}

func resultField(resp *agentv1.ControlResponse) protoreflect.FieldDescriptor {
	m := resp.ProtoReflect()
	return m.WhichOneof(m.Descriptor().Oneofs().ByName("result"))
}

func fieldName(f protoreflect.FieldDescriptor) string {
	if f == nil {
		return "no op"
	}
	return string(f.Name())
}
