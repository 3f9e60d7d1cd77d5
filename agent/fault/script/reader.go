package script

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// reader goes through a YAML document and collects what is wrong with it. Its
// methods return zero values for what they could not read.
type reader struct {
	name string
	errs []error
}

// mistake is one thing that is wrong with a script.
type mistake struct {
	place string // file:line
	text  string
}

func (m *mistake) Error() string { return m.place + ": " + m.text }

func (r *reader) place(n *yaml.Node) string { return r.name + ":" + strconv.Itoa(n.Line) }

func (r *reader) fail(n *yaml.Node, format string, args ...any) {
	r.errs = append(r.errs, &mistake{r.place(n), fmt.Sprintf(format, args...)})
}

// field is a key of a mapping and what reads its value.
type field struct {
	key  string
	read func(key string, value *yaml.Node)
}

// mapping reads the fields of a mapping, in the order of the document, and
// tells which are there. what names it in sentences.
func (r *reader) mapping(n *yaml.Node, what string, fields []field) (present map[string]bool) {
	n = resolve(n)
	present = make(map[string]bool)
	if n.Kind != yaml.MappingNode {
		r.fail(n, "%s has keys of its own: %s", what, listed(keys(fields), "and"))
		return present
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], resolve(n.Content[i+1])
		name := resolve(key).Value
		read := reading(fields, name)
		switch {
		case read == nil:
			r.fail(key, "%s has no key %q: it has %s", what, name, listed(keys(fields), "and"))
		case present[name]:
			r.fail(key, "%s is there twice", name)
		default:
			read(name, value)
		}
		present[name] = present[name] || read != nil
	}
	return present
}

func reading(fields []field, key string) func(string, *yaml.Node) {
	for _, f := range fields {
		if f.key == key {
			return f.read
		}
	}
	return nil
}

func keys(fields []field) []string {
	var names []string
	for _, f := range fields {
		names = append(names, f.key)
	}
	return names
}

// sequence returns the elements of a list, of which there is at least one.
func (r *reader) sequence(n *yaml.Node, what string) []*yaml.Node {
	n = resolve(n)
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.fail(n, "%s takes a list with one entry or more", what)
		return nil
	}
	var elements []*yaml.Node
	for _, e := range n.Content {
		elements = append(elements, resolve(e))
	}
	return elements
}

// text reads a scalar that is not empty, whatever YAML takes it for: a 1 among
// arguments is one.
func (r *reader) text(key string, n *yaml.Node, takes string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Value == "" || n.ShortTag() == "!!null" {
		r.fail(n, "%s takes %s", key, takes)
		return "", false
	}
	return n.Value, true
}

// choice reads one of a few words.
func (r *reader) choice(key string, n *yaml.Node, words []string) string {
	for _, w := range words {
		if n.Kind == yaml.ScalarNode && n.Value == w {
			return w
		}
	}
	got := ""
	if n.Kind == yaml.ScalarNode {
		got = ", not " + strconv.Quote(n.Value)
	}
	r.fail(n, "%s takes %s%s", key, listed(words, "or"), got)
	return ""
}

// affirmed reads the true of what is either there or not.
func (r *reader) affirmed(key string, n *yaml.Node) bool {
	return r.choice(key, n, []string{"true"}) == "true"
}

// number reads a whole number from low on.
func (r *reader) number(key string, n *yaml.Node, low uint64) uint64 {
	v, err := strconv.ParseUint(n.Value, 10, 64)
	if n.Kind != yaml.ScalarNode || err != nil || v < low {
		r.fail(n, "%s takes a whole number from %d on", key, low)
		return low
	}
	return v
}

// probability reads a number above 0 and up to 1.
func (r *reader) probability(key string, n *yaml.Node) float64 {
	p, err := strconv.ParseFloat(n.Value, 64)
	if n.Kind != yaml.ScalarNode || err != nil || !(p > 0 && p <= 1) {
		r.fail(n, "%s takes a number above 0 and up to 1", key)
		return 1
	}
	return p
}

// longest is a bound on durations that nobody needs, so that a slip of the
// keyboard is noticed.
const longest = 24 * time.Hour

// span reads a duration or a range of durations.
func (r *reader) span(key string, n *yaml.Node) span {
	low, high, ranged := strings.Cut(n.Value, "..")
	if !ranged {
		high = low
	}
	from, err1 := time.ParseDuration(low)
	to, err2 := time.ParseDuration(high)
	switch {
	case n.Kind != yaml.ScalarNode, err1 != nil, err2 != nil:
		r.fail(n, "%s takes a duration such as 500ms, 10s or 2m, or a range of them such as 1s..3s", key)
	case from <= 0 || to <= 0 || max(from, to) > longest:
		r.fail(n, "%s %s: durations are above 0 and up to 24h", key, n.Value)
	case from > to:
		r.fail(n, "%s %s: a range begins with its shorter end", key, n.Value)
	default:
		return span{from, to}
	}
	return span{}
}

// resolve follows an alias to what it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// listed is a list in a sentence.
func listed(words []string, and string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " " + and + " " + words[last]
}
