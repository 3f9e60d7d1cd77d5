package x11_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"unicode"

	"agentproof/agent/desktop/internal/backend"
	"agentproof/fixtures/display/witness"
	"agentproof/internal/keysym"
	"agentproof/internal/xconn"
)

// keymap reads the server's map on a connection of its own.
func (s *stage) keymap() *xconn.Keymap {
	s.Helper()
	c, err := xconn.Dial(s.Context(), xconn.OptionsFrom(s.display.Env()))
	if err != nil {
		s.Fatal(err)
	}
	defer c.Close()
	m, err := c.ReadKeymap()
	if err != nil {
		s.Fatal(err)
	}
	return m
}

// distinct is n characters that no keyboard has, of every length in UTF-8.
func distinct(n int) string {
	var text strings.Builder
	for r := rune(0x3b1); n > 0; r += 173 {
		if unicode.IsGraphic(r) {
			text.WriteRune(r)
			n--
		}
	}
	return text.String()
}

func TestTextIsTypedExactly(t *testing.T) {
	t.Parallel()
	var ascii strings.Builder
	for r := ' '; r <= '~'; r++ {
		ascii.WriteRune(r)
	}
	tests := map[string]string{
		"nothing":                       "",
		"a word":                        "word",
		"capitals and punctuation":      "Hello, World! (100%) \"quoted\"",
		"all of ASCII":                  ascii.String(),
		"ASCII backwards and again":     strings.Repeat("~}|{zyxZYX987 ", 40),
		"lines and columns":             "a\tb\nc\n\n\td",
		"Latin":                         "Grüße, çà et là: ñandú, Øre",
		"Cyrillic":                      "Привет, мир",
		"Chinese, Japanese and Korean":  "漢字 かな カナ 한글",
		"emoji":                         "😀👩‍💻🇩🇪✌🏽",
		"accents that combine":          "e\u0301a\u0308",
		"one character many times":      strings.Repeat("é", 300),
		"300 different characters":      distinct(300),
		"new and known ones in turn":    strings.Join(strings.Split(distinct(60), ""), "aB!"),
		"the euro and other old symbol": "€ŠšЖж‚",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, small)
			before := s.keymap()
			if got := witness.Text(s.seen(func() { s.inject(backend.Text(text)) })); got != text {
				t.Errorf("typed %q, want %q", got, text)
			}
			if !s.keymap().Equal(before) {
				t.Error("the keyboard map is not as before")
			}
		})
	}
}

func TestTextIsTypedExactlyUnderEveryLayout(t *testing.T) {
	t.Parallel()
	setxkbmap, err := exec.LookPath("setxkbmap")
	if err != nil {
		t.Skip("setxkbmap is not installed (package x11-xkb-utils)")
	}
	const text = "Hello yz YZ @#{}[]|\\~^`'\"<>?/-_=+ äöüß éè ñ Привет 漢😀\n"
	for _, layout := range []string{"de", "fr", "us(intl)", "ru", "us,ru", "gr,us", "ara", "jp", "us(dvorak)"} {
		t.Run(layout, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, small)
			name, variant, _ := strings.Cut(strings.TrimSuffix(layout, ")"), "(")
			cmd := exec.CommandContext(t.Context(), setxkbmap, "-layout", name, "-variant", variant)
			cmd.Env = append(cmd.Environ(), s.display.Env()...)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			before := s.keymap()
			if got := witness.Text(s.seen(func() { s.inject(backend.Text(text)) })); got != text {
				t.Errorf("typed %q, want %q", got, text)
			}
			if !s.keymap().Equal(before) {
				t.Error("the keyboard map is not as before")
			}
		})
	}
}

func TestTextIsTypedExactlyWhateverIsHeldOrLocked(t *testing.T) {
	t.Parallel()
	for _, hold := range []string{"Shift", "ctrl", "Alt", "super"} {
		t.Run(hold+" is held", func(t *testing.T) {
			t.Parallel()
			s := newStage(t, small)
			s.press(hold, backend.Down)
			if got := witness.Text(s.seen(func() { s.inject(backend.Text("aB1!é")) })); got != "aB1!é" {
				t.Errorf("typed %q", got)
			}
			events := s.seen(func() { s.press("x", backend.Press) })
			if len(events) == 0 || events[0].State == 0 {
				t.Errorf("the key is not held any more: %+v", events)
			}
		})
	}
	t.Run("Caps Lock is on", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, small)
		s.press("CapsLock", backend.Press)
		if got := witness.Text(s.seen(func() { s.inject(backend.Text("aB1!éÉ")) })); got != "aB1!éÉ" {
			t.Errorf("typed %q", got)
		}
		if got := witness.Text(s.seen(func() { s.press("x", backend.Press) })); got != "X" {
			t.Errorf("a key then gives %q: Caps Lock is not as before", got)
		}
	})
}

func TestKeysArriveAsWhatTheyAreCalled(t *testing.T) {
	t.Parallel()
	s := newStage(t, small)
	before := s.keymap()
	tests := map[string]keysym.Sym{
		"Enter": keysym.Return, "Return": keysym.Return, "Tab": keysym.Tab, "Escape": keysym.Escape, "Esc": keysym.Escape,
		"Backspace": keysym.BackSpace, "Delete": keysym.Delete, "Space": ' ', " ": ' ',
		"ArrowLeft": keysym.Left, "Left": keysym.Left, "ArrowRight": keysym.Right, "Right": keysym.Right,
		"ArrowUp": keysym.Up, "Up": keysym.Up, "ArrowDown": keysym.Down, "Down": keysym.Down,
		"Home": keysym.Home, "End": keysym.End, "PageUp": keysym.PageUp, "PageDown": keysym.PageDown,
		"Insert": keysym.Insert, "Shift": keysym.ShiftL, "Control": keysym.ControlL, "Alt": keysym.AltL, "Meta": keysym.SuperL,
		"a": 'a', "7": '7', ";": ';', "A": 'A', "!": '!', "(": '(', "é": 'é', "漢": keysym.FromRune('漢'),
	}
	for i := range keysym.Sym(12) {
		tests[fmt.Sprintf("F%d", i+1)] = keysym.F1 + i
	}
	for name, want := range tests {
		events := s.seen(func() { s.press(name, backend.Press) })
		downs := 0
		for _, e := range events {
			if e.Kind == witness.KeyDown && e.Keysym == want {
				downs++
			}
		}
		if last := events[len(events)-1]; downs != 1 || last.Kind != witness.KeyUp || len(events) > 4 {
			t.Errorf("%s: saw %v, want %v once", name, events, want)
		}
	}
	if !s.keymap().Equal(before) {
		t.Error("the keyboard map is not as before")
	}
}

func TestChordsHoldTheirModifiers(t *testing.T) {
	t.Parallel()
	s := newStage(t, small)
	tests := map[string]struct {
		want  keysym.Sym
		state int
	}{
		"ctrl+c":       {'c', witness.Control},
		"ctrl+shift+t": {'T', witness.Control | witness.Shift},
		"alt+F4":       {keysym.F1 + 3, witness.Alt},
		"super+Space":  {' ', witness.Super},
		"shift+Left":   {keysym.Left, witness.Shift},
		"ctrl+alt+x":   {'x', witness.Control | witness.Alt},
		"ctrl++":       {'+', witness.Control | witness.Shift},
		"ctrl+!":       {'!', witness.Control | witness.Shift},
		"ctrl+é":       {'é', witness.Control},
	}
	for name, tc := range tests {
		events := s.seen(func() { s.press(name, backend.Press) })
		var hit bool
		var depth int
		for _, e := range events {
			switch e.Kind {
			case witness.KeyDown:
				depth++
				hit = hit || e.Keysym == tc.want && e.State == tc.state
			case witness.KeyUp:
				depth--
			}
		}
		if !hit || depth != 0 {
			t.Errorf("%s: saw %+v, want %v with state %#x and all let go", name, events, tc.want, tc.state)
		}
	}
	if got := witness.Text(s.seen(func() { s.press("a", backend.Press) })); got != "a" {
		t.Errorf("the next key typed %q", got)
	}
}

func TestAChordUnderAnotherAlphabetIsTheSameKey(t *testing.T) {
	t.Parallel()
	setxkbmap, err := exec.LookPath("setxkbmap")
	if err != nil {
		t.Skip("setxkbmap is not installed (package x11-xkb-utils)")
	}
	s := newStage(t, small)
	latin := s.seen(func() { s.press("ctrl+c", backend.Press) })
	cmd := exec.CommandContext(t.Context(), setxkbmap, "-layout", "ru,us")
	cmd.Env = append(cmd.Environ(), s.display.Env()...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	russian := s.seen(func() { s.press("ctrl+c", backend.Press) })
	if len(latin) != 4 || len(russian) != 4 || latin[1].Keycode != russian[1].Keycode {
		t.Errorf("saw %+v, and before %+v", russian, latin)
	}
}

func TestAHeldKeyStaysDownUntilItIsReleased(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Shift", "a", "A", "é", "F5", "ctrl+shift+t"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, small)
			before := s.keymap()
			downs := s.seen(func() { s.press(name, backend.Down) })
			ups := s.seen(func() { s.press(name, backend.Up) })
			if len(downs) == 0 || len(downs) != len(ups) {
				t.Fatalf("saw %v and then %v", downs, ups)
			}
			for i, e := range downs {
				last := ups[len(ups)-1-i]
				if e.Kind != witness.KeyDown || last.Kind != witness.KeyUp || e.Keycode != last.Keycode {
					t.Errorf("saw %v and then %v", downs, ups)
				}
			}
			if !s.keymap().Equal(before) {
				t.Error("the keyboard map is not as before")
			}
		})
	}
}

func TestReleasingAKeyThatIsNotDownIsHarmless(t *testing.T) {
	t.Parallel()
	s := newStage(t, small)
	events := s.seen(func() {
		s.press("a", backend.Up)
		s.press("漢", backend.Up)
		s.press("ctrl+c", backend.Up)
	})
	for _, e := range events {
		if e.Kind == witness.KeyDown {
			t.Errorf("saw %v", events)
		}
	}
	if got := witness.Text(s.seen(func() { s.press("b", backend.Press) })); got != "b" {
		t.Errorf("the next key typed %q", got)
	}
}

func TestTypingGoesOnWhileAnotherKeyIsBorrowed(t *testing.T) {
	t.Parallel()
	s := newStage(t, small)
	before := s.keymap()
	s.press("漢", backend.Down)
	text := distinct(60)
	if got := witness.Text(s.seen(func() { s.inject(backend.Text(text)) })); got != text {
		t.Errorf("typed %q, want %q", got, text)
	}
	s.press("漢", backend.Up)
	if !s.keymap().Equal(before) {
		t.Error("the keyboard map is not as before")
	}
}
