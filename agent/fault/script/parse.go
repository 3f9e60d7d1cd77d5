package script

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Parse reads a script; name stands for it in errors and logs. The error holds
// one sentence a line for each mistake, with the place to mend.
func Parse(name string, data []byte) (*Script, error) {
	r := &reader{name: name}
	doc, err := document(name, data)
	if err != nil {
		return nil, err
	}
	s := new(Script)
	present := r.mapping(doc, "a script", []field{
		{"seed", func(key string, n *yaml.Node) { s.Seed = r.number(key, n, 1) }},
		{"rules", func(key string, n *yaml.Node) {
			for _, e := range r.sequence(n, key) {
				s.rules = append(s.rules, r.rule(e))
			}
		}},
	})
	if len(r.errs) == 0 && !present["rules"] {
		r.fail(doc, "a script needs rules")
	}
	if len(r.errs) > 0 {
		return nil, errors.Join(r.errs...)
	}
	return s, nil
}

// document returns the root of the only document.
func document(name string, data []byte) (*yaml.Node, error) {
	var doc, more yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(data))
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, &mistake{name, "a script needs rules, and this one is empty"}
	case err != nil:
		return nil, notYAML(name, err)
	}
	switch err := d.Decode(&more); {
	case err == nil:
		return nil, &mistake{name + ":" + strconv.Itoa(more.Line), "a script is one document, and here begins another"}
	case !errors.Is(err, io.EOF):
		return nil, notYAML(name, err)
	}
	return doc.Content[0], nil
}

// notYAML gives the library's error the form of all others. A pattern's "*"
// without quotes is an alias to YAML.
func notYAML(name string, err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	m := &mistake{name, text}
	if at := regexp.MustCompile(`^line (\d+): (.*)`).FindStringSubmatch(text); at != nil {
		m = &mistake{name + ":" + at[1], at[2]}
	}
	m.text = "this is not YAML: " + m.text
	if strings.Contains(text, "alphabetic or numeric character") { // of an alias's name
		m.text += `: a pattern that begins with * or & needs quotes, as in "*.lock"`
	}
	return m
}

// rule reads one rule.
func (r *reader) rule(n *yaml.Node) *rule {
	v := &rule{place: r.place(n), probability: 1}
	var when *yaml.Node
	present := r.mapping(n, "a rule", []field{
		{"on", func(_ string, n *yaml.Node) { v.on, v.ops = r.on(n) }},
		{"when", func(_ string, n *yaml.Node) { when = n }},
		{"after", func(key string, n *yaml.Node) { v.after = r.number(key, n, 0) }},
		{"times", func(key string, n *yaml.Node) { v.times = r.number(key, n, 1) }},
		{"probability", func(key string, n *yaml.Node) { v.probability = r.probability(key, n) }},
		{"do", func(_ string, n *yaml.Node) { v.do = r.actions(n) }},
	})
	if n.Kind != yaml.MappingNode {
		return v
	}
	if !present["on"] {
		r.fail(n, `a rule needs on, the operation that it is about: an op of the protocol, or "*" for all`)
	}
	if !present["do"] {
		r.fail(n, "a rule needs do, which says what happens")
	}
	if when != nil && v.ops != nil {
		v.when = r.when(when, v.on)
	}
	return v
}

// on reads the ops of a rule: one, a list, or patterns.
func (r *reader) on(n *yaml.Node) (patterns []string, ops map[string]bool) {
	entries := []*yaml.Node{n}
	if n.Kind != yaml.ScalarNode {
		entries = r.sequence(n, "on")
	}
	ops = make(map[string]bool)
	for _, e := range entries {
		pattern, ok := r.text("on", e, "an op of the protocol")
		if !ok {
			return nil, nil
		}
		found, err := selected(pattern)
		if err != nil {
			r.fail(e, "on: the pattern %q %v", pattern, err)
			return nil, nil
		}
		if len(found) == 0 {
			var all []string
			for _, o := range operations() {
				all = append(all, o.name)
			}
			r.fail(e, `on: there is no op %q: there are %s, and patterns such as "fs_*"`, pattern, listed(all, "and"))
			return nil, nil
		}
		patterns = append(patterns, pattern)
		for _, o := range found {
			ops[o.name] = true
		}
	}
	return patterns, ops
}

// selected are the operations that one entry of on stands for.
func selected(pattern string) ([]operation, error) {
	g, err := wordGlob(pattern)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(operations(), func(o operation) bool { return !g.matches(o.name) }), nil
}

// when reads the conditions of a rule on the given ops.
func (r *reader) when(n *yaml.Node, on []string) (conditions []condition) {
	add := func(key, text string, holds func(*call) bool) {
		conditions = append(conditions, condition{key, text, holds})
	}
	fits := func(read func(string, *yaml.Node)) func(string, *yaml.Node) {
		return func(key string, n *yaml.Node) {
			if r.fits(key, n, on) {
				read(key, n)
			}
		}
	}
	r.mapping(n, "when", []field{
		{"argv", fits(func(key string, n *yaml.Node) {
			if text, matches := r.argv(n); matches != nil {
				add(key, text, func(c *call) bool { return len(c.argv) > 0 && matches(c.argv) })
			}
		})},
		{"cwd", fits(func(key string, n *yaml.Node) {
			if text, matches := r.location(key, n); matches != nil {
				add(key, text, func(c *call) bool { return matches(c.cwd) })
			}
		})},
		{"path", fits(func(key string, n *yaml.Node) {
			if text, matches := r.location(key, n); matches != nil {
				add(key, text, func(c *call) bool { return slices.ContainsFunc(c.paths, matches) })
			}
		})},
		{"event", fits(func(key string, n *yaml.Node) {
			event := r.choice(key, n, []string{"pointer", "key", "scroll"})
			add(key, event, func(c *call) bool { return c.event == event })
		})},
	})
	return conditions
}

// fits refuses a condition on an op that has nothing to compare: the rule would
// never act. Under a pattern it is enough if one of its ops has.
func (r *reader) fits(key string, n *yaml.Node, on []string) bool {
	for _, pattern := range on {
		ops, err := selected(pattern)
		if err != nil {
			return false
		}
		if !slices.ContainsFunc(ops, func(o operation) bool { return slices.Contains(o.keys, key) }) {
			r.fail(n, "when: %s has no %s", pattern, key)
			return false
		}
	}
	return true
}

// argv reads the pattern of a command line: a list of patterns, one an element,
// or one for all elements with a space between them.
func (r *reader) argv(n *yaml.Node) (text string, matches func([]string) bool) {
	if n.Kind == yaml.ScalarNode {
		pattern, ok := r.text("argv", n, "a pattern, or a list of them")
		if !ok {
			return "", nil
		}
		g, err := wordGlob(pattern)
		if err != nil {
			r.fail(n, "argv: the pattern %q %v", pattern, err)
			return "", nil
		}
		return strconv.Quote(pattern), func(argv []string) bool { return g.matches(strings.Join(argv, " ")) }
	}
	var globs []glob
	var quoted []string
	for _, e := range r.sequence(n, "argv") {
		if e.Kind != yaml.ScalarNode {
			r.fail(e, "argv takes a pattern, or a list of them")
			return "", nil
		}
		g, err := wordGlob(e.Value)
		if err != nil {
			r.fail(e, "argv: the pattern %q %v", e.Value, err)
			return "", nil
		}
		globs, quoted = append(globs, g), append(quoted, strconv.Quote(e.Value))
	}
	if globs == nil {
		return "", nil
	}
	return "[" + strings.Join(quoted, ", ") + "]", argvMatcher(globs)
}

// location reads the pattern of a path.
func (r *reader) location(key string, n *yaml.Node) (text string, matches func(location) bool) {
	pattern, ok := r.text(key, n, `a pattern, as in "**/*.lock"`)
	if !ok {
		return "", nil
	}
	matches, err := locationMatcher(pattern)
	if err != nil {
		r.fail(n, "%s: the pattern %q %v", key, pattern, err)
		return "", nil
	}
	return strconv.Quote(pattern), matches
}
