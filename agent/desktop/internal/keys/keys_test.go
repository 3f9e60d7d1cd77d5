package keys_test

import (
	"errors"
	"strings"
	"testing"

	"agentproof/agent/desktop/internal/keys"
)

func TestNamesAreRead(t *testing.T) {
	t.Parallel()
	char := func(r rune) keys.Key { return keys.Key{Rune: r} }
	key := func(n keys.Name) keys.Key { return keys.Key{Name: n} }
	tests := map[string]keys.Chord{
		"a":               {Key: char('a')},
		"A":               {Key: char('A')},
		"漢":               {Key: char('漢')},
		" ":               {Key: char(' ')},
		"+":               {Key: char('+')},
		"Space":           {Key: char(' ')},
		"Enter":           {Key: key(keys.Enter)},
		"Return":          {Key: key(keys.Enter)},
		"\n":              {Key: key(keys.Enter)},
		"Esc":             {Key: key(keys.Escape)},
		"ArrowLeft":       {Key: key(keys.Left)},
		"Left":            {Key: key(keys.Left)},
		"PageDown":        {Key: key(keys.PageDown)},
		"F1":              {Key: key(keys.F1)},
		"F12":             {Key: key(keys.F12)},
		"Shift":           {Key: key(keys.Shift)},
		"ctrl":            {Key: key(keys.Control)},
		"Meta":            {Key: key(keys.Super)},
		"ctrl+c":          {Hold: keys.HoldControl, Key: char('c')},
		"ctrl+shift+t":    {Hold: keys.HoldControl | keys.HoldShift, Key: char('t')},
		"shift+ctrl+t":    {Hold: keys.HoldControl | keys.HoldShift, Key: char('t')},
		"Control+Control": {Hold: keys.HoldControl, Key: key(keys.Control)},
		"alt+F4":          {Hold: keys.HoldAlt, Key: key(keys.F1 + 3)},
		"cmd++":           {Hold: keys.HoldSuper, Key: char('+')},
		"shift+Tab":       {Hold: keys.HoldShift, Key: key(keys.Tab)},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := keys.Parse(name); err != nil || got != want {
				t.Errorf("%q = %+v, %v; want %+v", name, got, err, want)
			}
		})
	}
}

func TestUnknownNamesAreErrorsThatDoNotRepeatThem(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", "enter", "ENTER", "arrowleft", "F0", "F13", "F01", "F+1", "hunter2secret", "ctrl+", "ctrl+hunter2secret",
		"hunter2secret+c", "+c", "ctrl++c", "\x00", "\x7f", "\xff", "e\u0301", "ctrl-c", "aa",
	} {
		_, err := keys.Parse(name)
		if !errors.Is(err, keys.ErrUnknown) {
			t.Errorf("%q: err = %v, want %v", name, err, keys.ErrUnknown)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q is in the error %q", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"", "+", "ctrl+c", "ctrl++", "F12", "漢"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		c, err := keys.Parse(name)
		if (err == nil) != ((c.Key.Name != 0) != (c.Key.Rune != 0)) {
			t.Errorf("%q = %+v, %v", name, c, err)
		}
	})
}
