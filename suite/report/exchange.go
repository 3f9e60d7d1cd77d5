package report

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

const (
	// shownBytes is how much of a bytes or string field is shown. It is a
	// multiple of three, so that the base64 of a longer field begins with that
	// of its head.
	shownBytes = 120
	// shownItems is how many items of a list are shown.
	shownItems = 20
)

// Exchange is one request and its reply as protojson, compact, with long
// fields shortened: what was cut ends in "… (n bytes)". Bytes that do not
// decode are a string that says so.
type Exchange struct {
	Subject  string          `json:"subject"`
	Request  json.RawMessage `json:"request"`
	Response json.RawMessage `json:"response,omitempty"`
	// Error is why there is no response.
	Error   string  `json:"error,omitempty"`
	Seconds float64 `json:"seconds"`
	// Notes name the lists that were shortened.
	Notes []string `json:"notes,omitempty"`
}

// NewExchange decodes what went over the wire.
func NewExchange(x engine.Exchange) Exchange {
	var s shortener
	out := Exchange{
		Subject: x.Subject,
		Request: s.decode(x.Request, &agentv1.ControlRequest{}),
		Seconds: seconds(x.Took),
	}
	if x.Err != nil {
		out.Error = x.Err.Error()
	} else {
		out.Response = s.decode(x.Response, &agentv1.ControlResponse{})
	}
	out.Notes = s.notes
	return out
}

func (s *shortener) decode(data []byte, m proto.Message) json.RawMessage {
	if err := proto.Unmarshal(data, m); err != nil {
		return quoted(fmt.Sprintf("%d bytes that do not decode: %q", len(data), data[:min(len(data), shownBytes)]))
	}
	s.message(m.ProtoReflect())
	text, err := protojson.Marshal(m)
	if err != nil {
		return quoted(err.Error())
	}
	// protojson varies its spacing on purpose; a report should not.
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return quoted(err.Error())
	}
	return json.RawMessage(s.label(compact.String()))
}

func quoted(s string) json.RawMessage {
	text, err := json.Marshal(s)
	if err != nil {
		return json.RawMessage(`""`)
	}
	return text
}

// shortener cuts long fields of a message, in place. JSON has bytes in base64,
// which has no room for a remark; so each cut leaves a mark behind the head,
// and label puts the remark in the place of the mark.
type shortener struct {
	marks []string // base64 of head and mark, and its replacement, in turn
	notes []string
}

func (s *shortener) label(text string) string {
	return strings.NewReplacer(s.marks...).Replace(text)
}

func (s *shortener) message(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
			s.entries(f.MapValue(), v.Map())
		case f.IsList():
			s.items(f, v.List())
		case f.Message() != nil:
			s.message(v.Message())
		default:
			m.Set(f, s.value(f, v))
		}
		return true
	})
}

func (s *shortener) items(f protoreflect.FieldDescriptor, l protoreflect.List) {
	if n := l.Len(); n > shownItems {
		s.notes = append(s.notes, fmt.Sprintf("%s: the first %d of %d", f.JSONName(), shownItems, n))
		l.Truncate(shownItems)
	}
	for i := range l.Len() {
		if f.Message() != nil {
			s.message(l.Get(i).Message())
		} else {
			l.Set(i, s.value(f, l.Get(i)))
		}
	}
}

func (s *shortener) entries(f protoreflect.FieldDescriptor, m protoreflect.Map) {
	m.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		if f.Message() != nil {
			s.message(v.Message())
		} else {
			m.Set(k, s.value(f, v))
		}
		return true
	})
}

func (s *shortener) value(f protoreflect.FieldDescriptor, v protoreflect.Value) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		if text := v.String(); len(text) > shownBytes {
			// A cut inside a character is no valid string field.
			head := bytes.ToValidUTF8([]byte(text[:shownBytes]), nil)
			return protoreflect.ValueOfString(fmt.Sprintf("%s… (%d bytes)", head, len(text)))
		}
	case protoreflect.BytesKind:
		if data := v.Bytes(); len(data) > shownBytes {
			head := data[:shownBytes]
			marked := binary.BigEndian.AppendUint64(bytes.Clone(head), uint64(len(s.marks)))
			s.marks = append(s.marks, base64.StdEncoding.EncodeToString(marked),
				fmt.Sprintf("%s… (%d bytes)", base64.StdEncoding.EncodeToString(head), len(data)))
			return protoreflect.ValueOfBytes(marked)
		}
	}
	return v
}
