package engine

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

const (
	// shownText is the size up to which a text is quoted whole. Of a longer one
	// only the place that differs is shown.
	shownText = 120
	// shownAround is how much is shown of that place, in bytes.
	shownAround = 24
	// shownNames is how many names of a list are shown.
	shownNames = 6
	// clipHead and clipTail are what is kept of an expectation that is longer
	// than both together, in characters.
	clipHead, clipTail = 320, 120
)

// clip shortens what a failure says. Both ends are kept: what was expected
// begins a sentence, and what differs is often at its end.
func clip(s string) string {
	if len(s) <= clipHead+clipTail {
		return s
	}
	r := []rune(s)
	if len(r) <= clipHead+clipTail {
		return s
	}
	return fmt.Sprintf("%s… (%d characters) …%s", string(r[:clipHead]), len(r), string(r[len(r)-clipTail:]))
}

// Equal checks got == want and returns whether they are.
func Equal[V comparable](t *T, what string, got, want V) bool {
	if got == want {
		return true
	}
	w, g := difference(want, got)
	t.Errorf(what+" "+w, "%s", g)
	return false
}

// difference shows two values that differ.
func difference(want, got any) (w, g string) {
	ws, ok := want.(string)
	gs, same := got.(string)
	switch {
	case !ok || !same:
		return fmt.Sprint(want), fmt.Sprint(got)
	case len(ws) <= shownText && len(gs) <= shownText:
		return fmt.Sprintf("%q", ws), fmt.Sprintf("%q", gs)
	}
	n := firstDifference([]byte(ws), []byte(gs))
	return fmt.Sprintf("of %d bytes, at offset %d %q", len(ws), n, around([]byte(ws), n)),
		fmt.Sprintf("%d bytes, at offset %d %q", len(gs), n, around([]byte(gs), n))
}

// EqualBytes checks that got is want, and names the first difference.
func EqualBytes(t *T, what string, got, want []byte) bool {
	if bytes.Equal(got, want) {
		return true
	}
	n := firstDifference(got, want)
	t.Errorf(fmt.Sprintf("%s of %d bytes, byte for byte", what, len(want)),
		"%d bytes, the first difference at offset %d: want %q, got %q",
		len(got), n, around(want, n), around(got, n))
	return false
}

// EqualSet checks that two lists hold the same strings equally often, in any
// order, and returns whether they do.
func EqualSet(t *T, what string, got, want []string) bool {
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if slices.Equal(got, want) {
		return true
	}
	w, g := fmt.Sprintf("%q", want), fmt.Sprintf("%q", got)
	if max(len(w), len(g)) > 2*shownText {
		w, g = fmt.Sprintf("of %d", len(want)), fmt.Sprintf("%d%s%s", len(got),
			someNames(", without ", without(want, got)), someNames(", and with ", without(got, want)))
	}
	t.Errorf(what+" "+w, "%s", g)
	return false
}

// without returns what list has beyond other. Both are sorted.
func without(list, other []string) []string {
	var left []string
	for _, s := range list {
		for len(other) > 0 && other[0] < s {
			other = other[1:]
		}
		if len(other) > 0 && other[0] == s {
			other = other[1:]
			continue
		}
		left = append(left, s)
	}
	return left
}

// someNames is a label and the first names of a list, or nothing for an empty
// list.
func someNames(label string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	quoted := make([]string, 0, shownNames)
	for _, name := range names[:min(len(names), shownNames)] {
		quoted = append(quoted, fmt.Sprintf("%q", clip(name)))
	}
	text := label + strings.Join(quoted, " ")
	if more := len(names) - len(quoted); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func firstDifference(a, b []byte) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// around is a short piece of b that begins at off.
func around(b []byte, off int) []byte {
	return b[min(off, len(b)):min(off+shownAround, len(b))]
}

// Same is Equal for values that differ between two runs of one target, such as
// ids, paths and times. The reason says whether there is one at all, and a note
// beside it has both values.
func Same[V comparable](t *T, want string, got, expected V) bool {
	if got == expected {
		return true
	}
	var none V
	if got == none {
		t.Errorf(want, "none")
		return false
	}
	w, g := difference(expected, got)
	t.Logf("%s: %s expected, %s came", want, clip(w), clip(g))
	t.Errorf(want, "another one")
	return false
}
