package monitor

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/verdict"
)

// Envelope is what a monitor looks at of a request or a response.
type Envelope struct {
	id      string
	op      protowire.Number // the member of the op or the result; 0 is none
	ops     int              // how many there are
	failed  bool             // an error is set
	decodes bool             // as far as it was looked at
}

// Peek reads an envelope without decoding what is in it, which may be large.
func Peek(data []byte) Envelope {
	const id, second, firstOp = 1, 2, 10
	e := Envelope{}
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return Envelope{}
		}
		size := protowire.ConsumeFieldValue(number, kind, data[n:])
		if size < 0 {
			return Envelope{}
		}
		if kind == protowire.BytesType {
			content, _ := protowire.ConsumeBytes(data[n:])
			switch {
			case number == id:
				e.id = string(content)
			case number == second:
				e.failed = true
			case number >= firstOp && memberName(number) != "":
				e.op = number
				e.ops++
			}
		}
		data = data[n+size:]
	}
	e.decodes = true
	return e
}

// Op is the name of the member, as in "fs_read"; empty for none.
func (e Envelope) Op() string { return memberName(e.op) }

// memberName is the name of an operation, which is also that of its result.
func memberName(number protowire.Number) string {
	members := (*agentv1.ControlResponse)(nil).ProtoReflect().Descriptor().Oneofs().ByName("result").Fields()
	if f := members.ByNumber(number); f != nil {
		return string(f.Name())
	}
	return ""
}

// Breach is a Finding in a reply; Fatal when nothing else in it can be judged.
type Breach struct {
	Finding
	Fatal bool
}

// Undecodable is the breach of a reply of a size that does not decode.
func Undecodable(size int) Breach {
	return Breach{Finding{Clause: "envelope.result-xor-error", Failure: verdict.Failure{
		Want: "a reply that decodes as a ControlResponse", Got: fmt.Sprintf("%d bytes that do not", size), Cause: "envelope.result-xor-error",
	}}, true}
}

// JudgeReply says what a reply breaks, whatever the operation. What a request that
// does not decode, or that holds several operations, is answered with is for
// cases to say.
func JudgeReply(sent Envelope, valid bool, reply []byte) []Breach {
	got := Peek(reply)
	if !got.decodes {
		return []Breach{Undecodable(len(reply))}
	}
	var out []Breach
	if valid && got.id != sent.id {
		out = append(out, Breach{Broke("envelope.request-id", "the request's id echoed", "another id"), false})
	}
	switch {
	case got.failed && got.op != 0:
		out = append(out, Breach{Broke("envelope.result-xor-error", "a result or an error, not both", "both"), false})
	case !got.failed && got.op == 0:
		out = append(out, Breach{Broke("envelope.result-xor-error", "a result or an error", "neither"), true})
	case valid && sent.ops <= 1 && got.op != 0 && got.op != sent.op:
		out = append(out, Breach{Broke("envelope.result-matches-op",
			"a result of "+memberName(sent.op), "one of "+memberName(got.op)), true})
	}
	return out
}
