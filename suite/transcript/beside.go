package transcript

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// besideBytes is how much is shown of the text in a bytes field. It has room for
// what most helpers report.
const besideBytes = 600

// decode notes the text in a bytes field, which protojson shows as base64. What
// helpers report is JSON, and is shown on one line.
func (s *shortener) decode(path string, content []byte) {
	head := content[:min(len(content), besideBytes+hideMargin)]
	if !isText(head, len(head) < len(content)) {
		return
	}
	if report := reported(content); report != nil {
		s.note(path, s.excerpt(report))
		return
	}
	s.note(path, fmt.Sprintf("%q", s.excerpt(content)))
}

// reported is a JSON object on one line, its long lists cut: a helper's report
// has the whole environment. It is nil for what is no such object.
func reported(content []byte) []byte {
	var object map[string]any
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.UseNumber() // so that large numbers stay as they are
	if len(content) > 16*besideBytes || dec.Decode(&object) != nil || object == nil || dec.More() {
		return nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(cutLists(object)) != nil {
		return nil
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func cutLists(v any) any {
	const shown = 5
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			v[key] = cutLists(member)
		}
	case []any:
		for i := range v {
			v[i] = cutLists(v[i])
		}
		if more := len(v) - shown; more > 0 {
			return append(v[:shown:shown], fmt.Sprintf("… and %d more", more))
		}
	}
	return v
}

func (s *shortener) note(path, text string) {
	if s.beside == nil {
		s.beside = make(map[string]string)
	}
	// The key of a map can be a part of the path.
	s.beside[string(s.Mask.hideSecrets([]byte(path)))] = text
}

// excerpt is the head of a text, with nothing in it that must not be shown.
func (s *shortener) excerpt(text []byte) string {
	head := s.Mask.Hide(text[:min(len(text), besideBytes+hideMargin)])
	if len(head) <= besideBytes && len(text) <= besideBytes+hideMargin {
		return string(head)
	}
	head = head[:min(len(head), besideBytes)]
	return fmt.Sprintf("%s… (%d bytes)", bytes.ToValidUTF8(head, nil), len(text))
}

// isText reports whether content is non-empty text for people. cut is set where
// more follows, so that the last character may be incomplete.
func isText(content []byte, cut bool) bool {
	for i := 0; i < len(content); {
		r, size := utf8.DecodeRune(content[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return cut && len(content)-i < utf8.UTFMax && i > 0
		case r != '\n' && r != '\r' && r != '\t' && r != '\x1b' && !unicode.IsPrint(r):
			return false
		}
		i += size
	}
	return len(content) > 0
}

// unknown notes the fields of a message that the schema does not have, by their
// numbers.
func (s *shortener) unknown(path string, fields []byte) {
	if values := s.rawFields(fields); values != "" {
		s.note(join(path, "unknown"), values)
	}
}

// rawFields shows encoded fields as in "4: 7, 9: \"text\"". It is empty for
// bytes that are none.
func (s *shortener) rawFields(fields []byte) string {
	var shown []string
	for len(fields) > 0 {
		number, kind, n := protowire.ConsumeTag(fields)
		if n < 0 {
			return ""
		}
		size := protowire.ConsumeFieldValue(number, kind, fields[n:])
		if size < 0 {
			return ""
		}
		if len(shown) < s.Items {
			shown = append(shown, fmt.Sprintf("%d: %s", number, s.rawValue(kind, fields[n:n+size])))
		} else if len(shown) == s.Items {
			shown = append(shown, "…")
		}
		fields = fields[n+size:]
	}
	return strings.Join(shown, ", ")
}

func (s *shortener) rawValue(kind protowire.Type, value []byte) string {
	switch kind {
	case protowire.VarintType:
		v, _ := protowire.ConsumeVarint(value)
		return fmt.Sprint(v)
	case protowire.Fixed32Type:
		v, _ := protowire.ConsumeFixed32(value)
		return fmt.Sprintf("%#x", v)
	case protowire.Fixed64Type:
		v, _ := protowire.ConsumeFixed64(value)
		return fmt.Sprintf("%#x", v)
	case protowire.BytesType:
		content, _ := protowire.ConsumeBytes(value)
		head, cut := s.head(content)
		return fmt.Sprintf("%q", head) + cut
	default:
		return "a group"
	}
}
