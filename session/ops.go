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

var (
	opOneof     = (*agentv1.ControlRequest)(nil).ProtoReflect().Descriptor().Oneofs().ByName("op")
	resultOneof = (*agentv1.ControlResponse)(nil).ProtoReflect().Descriptor().Oneofs().ByName("result")
)

// An op and its result share one field number.
func opField(req *agentv1.ControlRequest) protoreflect.FieldDescriptor {
	return req.ProtoReflect().WhichOneof(opOneof)
}

func resultField(resp *agentv1.ControlResponse) protoreflect.FieldDescriptor {
	return resp.ProtoReflect().WhichOneof(resultOneof)
}

func fieldName(f protoreflect.FieldDescriptor) string {
	if f == nil {
		return "no op"
	}
	return string(f.Name())
}
