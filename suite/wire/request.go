package wire

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// NewRequest puts an operation's message into a ControlRequest. It panics on a
// message that is no operation; nil gives a request without one.
func NewRequest(op proto.Message) *agentv1.ControlRequest {
	req := &agentv1.ControlRequest{}
	if op == nil {
		return req
	}
	m := req.ProtoReflect()
	fields := m.Descriptor().Oneofs().ByName("op").Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); f.Message().FullName() == op.ProtoReflect().Descriptor().FullName() {
			m.Set(f, protoreflect.ValueOfMessage(op.ProtoReflect()))
			return req
		}
	}
	panic(fmt.Sprintf("%T is not an operation", op))
}
