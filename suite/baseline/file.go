package baseline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// File is a file of known failures. It remembers the text that it was read
// from, so that Fix changes nothing else.
type File struct {
	path  string
	doc   yaml.Node // empty for a file that is yet to be written
	list  *yaml.Node
	items []item
}

// item is an entry and where it stands.
type item struct {
	Entry
	node *yaml.Node
}

// Parse reads the text of a file; path is for errors. No text is a file
// without entries.
func Parse(path string, data []byte) (*File, error) {
	f := &File{path: path}
	if len(bytes.TrimSpace(data)) == 0 {
		data = []byte("schema: " + Schema + "\nfailures: []\n")
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	switch err := dec.Decode(&f.doc); {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s: it holds nothing but comments", path)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: there is something behind the YAML document", path)
	}
	if err := f.parse(f.doc.Content[0]); err != nil {
		return nil, err
	}
	return f, nil
}

// fail is an error that names the line.
func (f *File) fail(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", f.path, n.Line, fmt.Sprintf(format, args...))
}

// pairs calls do for the keys of a mapping, each of which may be there once.
func (f *File) pairs(n *yaml.Node, what string, do func(key string, value *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return f.fail(n, "%s is a mapping of keys to values", what)
	}
	seen := make(map[string]bool)
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if seen[key.Value] {
			return f.fail(key, "%q is there twice", key.Value)
		}
		seen[key.Value] = true
		if err := do(key.Value, value); err != nil {
			return err
		}
	}
	return nil
}

func (f *File) parse(root *yaml.Node) error {
	schema := ""
	err := f.pairs(root, "a baseline", func(key string, value *yaml.Node) error {
		switch key {
		case "schema":
			schema = value.Value
		case "failures":
			f.list = value
		default:
			return f.fail(value, "there is no key %q: there are schema and failures", key)
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case schema != Schema:
		return f.fail(root, "the schema is %q, this program reads %q", schema, Schema)
	case f.list == nil:
		return f.fail(root, "failures is missing: without any it is []")
	case f.list.Kind != yaml.SequenceNode:
		return f.fail(f.list, "failures is a list")
	}
	for _, n := range f.list.Content {
		e, err := f.entry(n)
		if err != nil {
			return err
		}
		for _, other := range f.items {
			if other.Case == e.Case && overlap(other.OS, e.OS) {
				return f.fail(n, "the case %s has an entry for the same system on line %d", e.Case, other.node.Line)
			}
		}
		f.items = append(f.items, item{e, n})
	}
	return nil
}

// overlap tells whether two entries can be about the same agent.
func overlap(a, b []string) bool {
	return len(a) == 0 || len(b) == 0 || slices.ContainsFunc(a, func(os string) bool { return slices.Contains(b, os) })
}

func (f *File) entry(n *yaml.Node) (e Entry, err error) {
	err = f.pairs(n, "an entry", func(key string, value *yaml.Node) (err error) {
		if key == "os" {
			e.OS, err = f.systems(value)
			return err
		}
		if value.Kind != yaml.ScalarNode {
			return f.fail(value, "%s is text", key)
		}
		switch key {
		case "case":
			e.Case = value.Value
		case "reason":
			e.Reason = value.Value
		case "issue":
			e.Issue = value.Value
		case "until":
			if e.Until, err = time.Parse(time.DateOnly, value.Value); err != nil {
				return f.fail(value, "until is %q, not a day such as 2027-03-01", value.Value)
			}
		default:
			return f.fail(value, "there is no key %q: there are case, reason, issue, until and os", key)
		}
		return nil
	})
	switch {
	case err != nil:
		return e, err
	case e.Case == "":
		return e, f.fail(n, "the entry names no case")
	case strings.TrimSpace(e.Reason) == "":
		return e, f.fail(n, "the entry of %s says no reason: it is what the case fails with, or how that begins", e.Case)
	}
	return e, nil
}

// systems are the values of os: one, or a list.
func (f *File) systems(n *yaml.Node) ([]string, error) {
	nodes := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		nodes = n.Content
	}
	if len(nodes) == 0 {
		return nil, f.fail(n, "os is empty: leave it out for all systems")
	}
	var out []string
	for _, n := range nodes {
		name, ok := systems[n.Value]
		if !ok {
			return nil, f.fail(n, "there is no os %q: there are linux, macos and windows", n.Value)
		}
		out = append(out, name)
	}
	return out, nil
}

// head is what a new file begins with.
const head = `Failures that are known. Each entry is bound to the reason that its case fails
with (or how that begins), and to a day when it has one; wrong entries fail the
run. A failure in this file still keeps the agent from a certificate.
'conformance baseline --fix FILE DIR' brings it up to date.`

// Bytes is the text of the file.
func (f *File) Bytes() ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(&f.doc), enc.Close()); err != nil {
		return nil, fmt.Errorf("encode the baseline: %w", err)
	}
	return b.Bytes(), nil
}
