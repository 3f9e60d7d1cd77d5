package report

import (
	"bytes"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

// shownBytes is how much of a bytes or string field is shown.
const shownBytes = 120

// Exchange is one request and its reply, readable.
type Exchange struct {
	Subject  string          `json:"subject"`
	Request  json.RawMessage `json:"request"`
	Response json.RawMessage `json:"response,omitempty"`
	Error    string          `json:"error,omitempty"`
	Seconds  float64         `json:"seconds"`
}

// NewExchange decodes what went over the wire and shortens long fields.
func NewExchange(x engine.Exchange) Exchange {
	out := Exchange{
		Subject: x.Subject,
		Request: decoded(x.Request, &agentv1.ControlRequest{}),
		Seconds: seconds(x.Took),
	}
	if x.Err != nil {
		out.Error = x.Err.Error()
	} else {
		out.Response = decoded(x.Response, &agentv1.ControlResponse{})
	}
	return out
}

// decoded is a message in protojson's terms; bytes that do not decode are
// shown as Go would quote them.
func decoded(data []byte, m proto.Message) json.RawMessage {
	if err := proto.Unmarshal(data, m); err != nil {
		return quoted(fmt.Sprintf("%d bytes that do not decode: %q", len(data), data[:min(len(data), shownBytes)]))
	}
	shorten(m.ProtoReflect())
	text, err := protojson.Marshal(m)
	if err != nil {
		return quoted(err.Error())
	}
	// protojson varies its spacing on purpose; a report should not.
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return quoted(err.Error())
	}
	return compact.Bytes()
}

func quoted(s string) json.RawMessage {
	text, err := json.Marshal(s)
	if err != nil {
		return json.RawMessage(`""`)
	}
	return text
}

// shorten cuts long strings and bytes of m, at any depth, in place.
func shorten(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
			v.Map().Range(func(k protoreflect.MapKey, e protoreflect.Value) bool {
				v.Map().Set(k, cut(f.MapValue(), e))
				return true
			})
		case f.IsList():
			shortenList(f, v.List())
		case f.Message() != nil:
			shorten(v.Message())
		default:
			m.Set(f, cut(f, v))
		}
		return true
	})
}

// shownItems is how many items of a list are shown.
const shownItems = 20

func shortenList(f protoreflect.FieldDescriptor, l protoreflect.List) {
	if l.Len() > shownItems {
		l.Truncate(shownItems)
	}
	for i := range l.Len() {
		if f.Message() != nil {
			shorten(l.Get(i).Message())
		} else {
			l.Set(i, cut(f, l.Get(i)))
		}
	}
}

func cut(f protoreflect.FieldDescriptor, v protoreflect.Value) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		if s := v.String(); len(s) > shownBytes {
			// A cut inside a character is no valid string field.
			head := bytes.ToValidUTF8([]byte(s[:shownBytes]), nil)
			return protoreflect.ValueOfString(fmt.Sprintf("%s… (%d bytes)", head, len(s)))
		}
	case protoreflect.BytesKind:
		if b := v.Bytes(); len(b) > shownBytes {
			return protoreflect.ValueOfBytes(b[:shownBytes])
		}
	}
	return v
}
