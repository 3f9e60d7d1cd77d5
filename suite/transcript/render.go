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

// Render decodes a message into m and returns it as compact protojson, with
// long fields shortened, and the names of lists that were. Bytes that do not
// decode are a JSON string that says so.
func Render(data []byte, m proto.Message, l Limits) (text json.RawMessage, notes []string) {
	if err := proto.Unmarshal(data, m); err != nil {
		head := l.Mask.Hide(data[:min(len(data), l.Bytes)])
		return quoted(fmt.Sprintf("%d bytes that do not decode: %q", len(data), head)), nil
	}
	s := shortener{Limits: l}
	s.message(m.ProtoReflect())
	encoded, err := protojson.Marshal(m)
	if err != nil {
		return quoted(err.Error()), nil
	}
	// protojson varies its spacing on purpose; a report should not.
	var compact bytes.Buffer
	if err := json.Compact(&compact, encoded); err != nil {
		return quoted(err.Error()), nil
	}
	// Once more, for what is no value of a field: the keys of maps.
	return json.RawMessage(l.Mask.hideSecrets([]byte(s.label(compact.String())))), s.notes
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
	if n := l.Len(); n > s.Items {
		s.notes = append(s.notes, fmt.Sprintf("%s: the first %d of %d", f.JSONName(), s.Items, n))
		l.Truncate(s.Items)
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
		switch {
		case f.Message() != nil:
			s.message(v.Message())
		case s.Mask != nil && f.Kind() == protoreflect.StringKind && secretName(k.String()):
			m.Set(k, protoreflect.ValueOfString(secretMark))
		default:
			m.Set(k, s.value(f, v))
		}
		return true
	})
}

func (s *shortener) value(f protoreflect.FieldDescriptor, v protoreflect.Value) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		text := v.String()
		head, cut := s.head([]byte(text))
		// A cut inside a character is no valid string field.
		head = bytes.ToValidUTF8(head, nil)
		return protoreflect.ValueOfString(string(head) + cut)
	case protoreflect.BytesKind:
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
