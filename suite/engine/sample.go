package engine

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// sampleName is a path, and an id of a terminal, that no agent has.
const sampleName = "agentproof-sample"

// Sample is a plain request for an operation, named as in "fs_read", that changes
// nothing and that an agent answers at once, with a result or with an error. It is
// nil for an unknown name.
func Sample(op string) *agentv1.ControlRequest {
	req := &agentv1.ControlRequest{}
	m := req.ProtoReflect()
	member := m.Descriptor().Oneofs().ByName("op").Fields().ByName(protoreflect.Name(op))
	if member == nil {
		return nil
	}
	body := m.Mutable(member).Message()
	fields := body.Descriptor().Fields()
	for i := range fields.Len() {
		switch f := fields.Get(i); {
		case f.Name() == "command" && f.IsList():
			body.Mutable(f).List().Append(protoreflect.ValueOfString("true"))
		case f.Name() == "args" && f.IsList():
			body.Mutable(f).List().Append(protoreflect.ValueOfString("--version"))
		case f.Kind() == protoreflect.StringKind && !f.IsList() && f.Name() != "cwd":
			body.Set(f, protoreflect.ValueOfString(sampleName))
		}
	}
	return req
}
