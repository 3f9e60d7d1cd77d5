package transcript

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// secretMark stands for a value that is nobody's business.
const secretMark = "{secret}"

// secretWord is part of the names of variables whose values are kept out.
const secretWord = `(?i:token|secret|passw|credential|api_?key|access_?key|private_?key|authorization|cookie)`

var (
	secretNames = regexp.MustCompile(secretWord)
	// assignments are such variables in a listing of an environment. A value
	// that is a placeholder already stays one.
	assignments = regexp.MustCompile(`([A-Za-z0-9_]*` + secretWord + `[A-Za-z0-9_]*=)[^\s"'\\{}]{4,}`)
)

// secretName tells whether a variable of this name is likely to hold a secret.
func secretName(name string) bool { return secretNames.MatchString(name) }

// A Mask replaces what differs from run to run, or is secret, by placeholders
// such as {root}, and the other way round. A nil Mask hides nothing. It is safe
// for concurrent use.
type Mask struct {
	mu     sync.Mutex
	values []masked // longest value first
}

type masked struct {
	value, name string
	secret      bool
}

// minMasked is the length of the shortest value that is hidden: shorter ones
// would be found in texts that have nothing to do with them.
const minMasked = 4

// Add makes the mask hide value behind the name, such as "{root}". The first
// name of a value stays.
func (m *Mask) Add(name, value string) { m.add(masked{value: value, name: name}) }

// AddSecret is Add for a value that nobody must see.
func (m *Mask) AddSecret(name, value string) { m.add(masked{value, name, true}) }

func (m *Mask) add(v masked) {
	if len(v.value) < minMasked {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(m.values, func(known masked) bool { return known.value == v.value }) {
		return
	}
	// A new slice: others may be going through the old one.
	values := append(slices.Clone(m.values), v)
	slices.SortStableFunc(values, func(a, b masked) int { return len(b.value) - len(a.value) })
	m.values = values
}

// AddSecrets hides the values of the variables in environ, as of os.Environ,
// whose names say that they are secret.
func (m *Mask) AddSecrets(environ []string) {
	for _, kv := range environ {
		// A short value is a setting, and would be found everywhere.
		if name, value, _ := strings.Cut(kv, "="); len(value) >= 8 && secretName(name) {
			m.AddSecret(secretMark, value)
		}
	}
}

// Hide returns text with placeholders in it. It does not change text.
func (m *Mask) Hide(text []byte) []byte {
	if m == nil {
		return text
	}
	m.mu.Lock()
	values := m.values
	m.mu.Unlock()
	for _, v := range values {
		text = bytes.ReplaceAll(text, []byte(v.value), []byte(v.name))
	}
	if assignments.Match(text) {
		text = assignments.ReplaceAll(text, []byte("${1}"+secretMark))
	}
	return text
}

// hideSecrets is Hide for what is secret alone.
func (m *Mask) hideSecrets(text []byte) []byte {
	if m == nil {
		return text
	}
	m.mu.Lock()
	values := m.values
	m.mu.Unlock()
	for _, v := range values {
		if v.secret {
			text = bytes.ReplaceAll(text, []byte(v.value), []byte(v.name))
		}
	}
	return text
}

// Fill returns text with the values in the places of their placeholders, but
// for what was secret.
func (m *Mask) Fill(text []byte) []byte {
	m.mu.Lock()
	values := m.values
	m.mu.Unlock()
	for _, v := range values {
		if v.name == secretMark {
			continue
		}
		text = bytes.ReplaceAll(text, []byte(v.name), []byte(v.value))
	}
	return text
}

// ShowsSecret tells whether something secret is still in what was hidden in: in
// a field that no schema knows, for example.
func (m *Mask) ShowsSecret(hidden []byte) bool {
	m.mu.Lock()
	values := m.values
	m.mu.Unlock()
	return slices.ContainsFunc(values, func(v masked) bool {
		return v.secret && bytes.Contains(hidden, []byte(v.value))
	})
}

// HideMessage hides in every field of an encoded message. All else stays byte
// for byte: unknown fields, their order, what comes twice. Bytes that are no
// such message are masked as one text.
func (m *Mask) HideMessage(data []byte, d protoreflect.MessageDescriptor) []byte {
	return rewriteOr(data, d, func(key string, content []byte) []byte {
		if secretName(key) {
			return []byte(secretMark)
		}
		return m.Hide(content)
	}, m.Hide)
}

// FillMessage is the reverse of HideMessage.
func (m *Mask) FillMessage(data []byte, d protoreflect.MessageDescriptor) []byte {
	return rewriteOr(data, d, func(_ string, content []byte) []byte { return m.Fill(content) }, m.Fill)
}

func rewriteOr(data []byte, d protoreflect.MessageDescriptor, edit func(string, []byte) []byte, other func([]byte) []byte) []byte {
	if out, ok := rewrite(data, d, "", edit); ok {
		return out
	}
	return other(data)
}

// rewrite passes the content of every string and bytes field through edit,
// with the key of the map entry that it is in, if any.
func rewrite(data []byte, d protoreflect.MessageDescriptor, key string, edit func(key string, content []byte) []byte) (out []byte, ok bool) {
	out = make([]byte, 0, len(data))
	if d.IsMapEntry() {
		key = entryKey(data)
	}
	for rest := data; len(rest) > 0; {
		number, kind, n := protowire.ConsumeTag(rest)
		if n < 0 {
			return nil, false
		}
		size := protowire.ConsumeFieldValue(number, kind, rest[n:])
		if size < 0 {
			return nil, false
		}
		field, value := d.Fields().ByNumber(number), rest[n:n+size]
		if kind != protowire.BytesType || field == nil || d.IsMapEntry() && number == 1 {
			out = append(out, rest[:n+size]...)
		} else {
			content, _ := protowire.ConsumeBytes(value)
			switch {
			case field.Message() != nil:
				if content, ok = rewrite(content, field.Message(), key, edit); !ok {
					return nil, false
				}
			case field.Kind() == protoreflect.StringKind, field.Kind() == protoreflect.BytesKind:
				content = edit(key, content)
			}
			out = protowire.AppendBytes(append(out, rest[:n]...), content)
		}
		rest = rest[n+size:]
	}
	return out, true
}

// entryKey is the key of an encoded map entry; "" unless it is a string.
func entryKey(entry []byte) string {
	for len(entry) > 0 {
		number, kind, n := protowire.ConsumeTag(entry)
		if n < 0 {
			return ""
		}
		size := protowire.ConsumeFieldValue(number, kind, entry[n:])
		if size < 0 {
			return ""
		}
		if number == 1 && kind == protowire.BytesType {
			content, _ := protowire.ConsumeBytes(entry[n:])
			return string(content)
		}
		entry = entry[n+size:]
	}
	return ""
}
