package transcript

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Limits say how much of a message is shown. What was cut ends in
// "… (n bytes)".
type Limits struct {
	// Bytes is how much of a bytes or string field is shown. It is a multiple
	// of three, so that the base64 of a longer field begins with that of its
	// head.
	Bytes int
	// Items is how many items of a list are shown.
	Items int
	// Digest adds the SHA-256 of what was cut, so that two of them can still
	// be compared.
	Digest bool
	// Mask, when set, hides what must not be shown.
	Mask *Mask
}

// Rendered is a message for people and scripts to read.
type Rendered struct {
	// JSON is compact protojson with long fields shortened. For bytes that do
	// not decode it is a string that says so.
	JSON json.RawMessage
	// Notes name the lists that were shortened.
	Notes []string
	// Beside has what protojson encodes or leaves out, by the path of the field:
	// the text in bytes fields, and the fields that the schema does not know.
	Beside map[string]string
}

// Render decodes a message into m, which it changes, and renders it.
func Render(data []byte, m proto.Message, l Limits) Rendered {
	if err := proto.Unmarshal(data, m); err != nil {
		head := l.Mask.Hide(data[:min(len(data), l.Bytes)])
		return Rendered{JSON: quoted(fmt.Sprintf("%d bytes that do not decode: %q", len(data), head))}
	}
	s := shortener{Limits: l}
	s.message("", m.ProtoReflect())
	encoded, err := protojson.Marshal(m)
	if err != nil {
		return Rendered{JSON: quoted(err.Error())}
	}
	// protojson varies its spacing on purpose; a report should not.
	var compact bytes.Buffer
	if err := json.Compact(&compact, encoded); err != nil {
		return Rendered{JSON: quoted(err.Error())}
	}
	// Once more, for what is no value of a field: the keys of maps.
	return Rendered{json.RawMessage(l.Mask.hideSecrets([]byte(s.label(compact.String())))), s.notes, s.beside}
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
	Limits
	marks  []string // base64 of head and mark, and its replacement, in turn
	notes  []string
	beside map[string]string
}

func (s *shortener) label(text string) string {
	return strings.NewReplacer(s.marks...).Replace(text)
}

// message shortens the message at a path, as in "exec".
func (s *shortener) message(path string, m protoreflect.Message) {
	s.unknown(path, m.GetUnknown())
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		at := join(path, f.JSONName())
		switch {
		case f.IsMap():
			s.entries(at, f.MapValue(), v.Map())
		case f.IsList():
			s.items(at, f, v.List())
		case f.Message() != nil:
			s.message(at, v.Message())
		default:
			m.Set(f, s.value(at, f, v))
		}
		return true
	})
}

func (s *shortener) items(path string, f protoreflect.FieldDescriptor, l protoreflect.List) {
	if n := l.Len(); n > s.Items {
		s.notes = append(s.notes, fmt.Sprintf("%s: the first %d of %d", f.JSONName(), s.Items, n))
		l.Truncate(s.Items)
	}
	for i := range l.Len() {
		at := fmt.Sprintf("%s[%d]", path, i)
		if f.Message() != nil {
			s.message(at, l.Get(i).Message())
		} else {
			l.Set(i, s.value(at, f, l.Get(i)))
		}
	}
}

func (s *shortener) entries(path string, f protoreflect.FieldDescriptor, m protoreflect.Map) {
	m.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		switch {
		case f.Message() != nil:
			s.message(join(path, k.String()), v.Message())
		case s.Mask != nil && f.Kind() == protoreflect.StringKind && secretName(k.String()):
			m.Set(k, protoreflect.ValueOfString(secretMark))
		default:
			m.Set(k, s.value(join(path, k.String()), f, v))
		}
		return true
	})
}

func (s *shortener) value(path string, f protoreflect.FieldDescriptor, v protoreflect.Value) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		text := v.String()
		head, cut := s.head([]byte(text))
		// A cut inside a character is no valid string field.
		head = bytes.ToValidUTF8(head, nil)
		return protoreflect.ValueOfString(string(head) + cut)
	case protoreflect.BytesKind:
		s.decode(path, v.Bytes())
		head, cut := s.head(v.Bytes())
		if cut == "" {
			return protoreflect.ValueOfBytes(head)
		}
		head = head[:len(head)-len(head)%3]
		marked := binary.BigEndian.AppendUint64(bytes.Clone(head), uint64(len(s.marks)))
		s.marks = append(s.marks, base64.StdEncoding.EncodeToString(marked),
			base64.StdEncoding.EncodeToString(head)+cut)
		return protoreflect.ValueOfBytes(marked)
	}
	return v
}

// hideMargin is looked at behind a cut, so that no part of a secret that lies
// across it stays.
const hideMargin = 1 << 10

// head is what is shown of a field's content, and the remark behind it when
// that is not all.
func (s *shortener) head(content []byte) (head []byte, cut string) {
	if len(content) <= s.Bytes {
		return s.Mask.Hide(content), ""
	}
	head = s.Mask.Hide(content[:min(len(content), s.Bytes+hideMargin)])
	head = head[:min(len(head), s.Bytes)]
	if !s.Digest {
		return head, fmt.Sprintf("… (%d bytes)", len(content))
	}
	return head, fmt.Sprintf("… (%d bytes, sha256:%x)", len(content), sha256.Sum256(content))
}
