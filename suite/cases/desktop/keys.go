package desktop

import (
	"context"
	"fmt"
	"strings"
	"time"

	"agentproof/fixtures/display/witness"
	"agentproof/internal/xconn"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wait"
)

const (
	press = agentv1.KeyAction_KEY_ACTION_PRESS
	hold  = agentv1.KeyAction_KEY_ACTION_DOWN
	free  = agentv1.KeyAction_KEY_ACTION_UP
)

// keymapLimit is for an agent that gives keys back after its reply, when
// everybody has understood them.
const keymapLimit = 10 * time.Second

func textCases() []engine.Case {
	const plain, unicode = "desktop.input.text", "desktop.input.text-unicode"
	return []engine.Case{
		{
			ID: plain + "/capitals", Clause: plain, Needs: needs,
			Explain: "Libraries that press keys without Shift type passwords in small letters.",
			Run:     types("Hello WORLD aAbB"),
		},
		{
			ID: plain + "/punctuation", Clause: plain, Needs: needs,
			Explain: "Commands and passwords are made of these; a layout mistaken swaps half of them.",
			Run:     types("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
		},
		{
			ID: plain + "/digits-and-repeated-letters", Clause: plain, Needs: needs,
			Explain: "A letter twice in a row is two presses, and spaces count.",
			Run:     types("aabbb  1122334455667788990  zz"),
		},
		{
			ID: plain + "/long-text-whole", Clause: plain, Needs: needs,
			Explain: "Text that is pasted must not lose its end or its order.",
			Run:     types(strings.Repeat("The quick brown Fox, over 13 lazy dogs; ", 8) + "end."),
		},
		{
			ID: plain + "/names-of-keys-are-text", Clause: plain, Needs: needs,
			Explain: "With is_text the word Enter is five letters, and ctrl+c no chord.",
			Run:     types("Enter ctrl+c F5"),
		},
		{
			ID: unicode + "/letters-of-other-alphabets", Clause: unicode, Needs: needs,
			Explain: "Most of the world's names need a character that no US keyboard has.",
			Run:     types("Größe é ñ € ж 漢字 λ"),
		},
		{
			ID: unicode + "/more-characters-than-spare-keys", Clause: unicode, Needs: needs,
			Explain: "A keyboard has few keys to spare; text with more new characters than these needs them twice.",
			Run:     types("абвгдежзийклмнопрстуфхцчшщъыьэюя"),
		},
		{
			ID: unicode + "/beyond-the-first-plane", Clause: unicode, Needs: needs,
			Explain: "Emoji are single characters that UTF-16 splits in two.",
			Run:     types("ok 😀🚀 done"),
		},
		{
			ID: unicode + "/newline-and-tab", Clause: unicode, Needs: needs,
			Explain: "A form is filled in by Tab and sent by Enter; Linefeed does neither.",
			Run:     newlineAndTab,
		},
		{
			ID: unicode + "/keymap-unchanged", Clause: unicode, Needs: needs,
			Explain: "Keys that were borrowed for a text and not given back type something else under somebody's fingers.",
			Run:     keymapUnchanged,
		},
	}
}

// types expects exactly the text, and no key held afterwards.
func types(want string) func(context.Context, *engine.T) {
	return func(ctx context.Context, t *engine.T) {
		s := t.Screen(ctx)
		s.Input(ctx, text(want))
		events := s.Seen(ctx)
		engine.Equal(t, "typed", witness.Text(events), want)
		t.Check(balance(events) == 0, "every key released", "keys that are held")
	}
}

func newlineAndTab(ctx context.Context, t *engine.T) {
	s := t.Screen(ctx)
	s.Input(ctx, text("a\n\tb"))
	s.ExpectSeen(ctx, "key-down a", "key-up a", "key-down Return", "key-up Return",
		"key-down Tab", "key-up Tab", "key-down b", "key-up b")
}

// keymapUnchanged types what no keyboard has. Whether it is typed is the matter
// of other cases.
func keymapUnchanged(ctx context.Context, t *engine.T) {
	s := t.Screen(ctx)
	before := keymap(t, s)
	for _, words := range []string{"Größe", "漢字 λ 😀", "абвгдежзийклмнопрстуфхцчшщъыьэюя"} {
		t.Call(ctx, text(words))
	}
	same := wait.Until(ctx, t.Scale(keymapLimit), func(context.Context) bool { return keymap(t, s).Equal(before) })
	t.Check(same, "the keyboard map as it was before", "another")
}

func keymap(t *engine.T, s *engine.Screen) *xconn.Keymap {
	m, err := s.Keymap()
	if err != nil {
		t.Harness(err)
	}
	return m
}

func keyCases() []engine.Case {
	const plain, shifted = "desktop.input.key", "desktop.input.key-shifted"
	return []engine.Case{
		{
			ID: plain + "/editing-keys", Clause: plain, Needs: needs,
			Explain: "These are the names that clients send, in both spellings where there are two.",
			Run: presses("Enter", "Return", "Return", "Return", "Tab", "Tab", "Escape", "Escape", "Esc", "Escape",
				"Backspace", "BackSpace", "Delete", "Delete", "Space", " ", " ", " "),
		},
		{
			ID: plain + "/arrows", Clause: plain, Needs: needs,
			Explain: "Browsers say ArrowLeft and people say Left.",
			Run: presses("ArrowLeft", "Left", "ArrowRight", "Right", "ArrowUp", "Up", "ArrowDown", "Down",
				"Left", "Left", "Right", "Right", "Up", "Up", "Down", "Down"),
		},
		{
			ID: plain + "/paging-keys", Clause: plain, Needs: needs,
			Explain: "Long pages are read with these.",
			Run:     presses("Home", "Home", "End", "End", "PageUp", "Page_Up", "PageDown", "Page_Down"),
		},
		{
			ID: plain + "/characters", Clause: plain, Needs: needs,
			Explain: "A single character names its own key, once.",
			Run:     presses("a", "a", "z", "z", "0", "0", "9", "9", "-", "-", "/", "/", ".", ".", ";", ";"),
		},
		{
			ID: plain + "/no-action-is-a-press", Clause: plain, Needs: needs,
			Explain: "Clients that leave the action out mean a whole press.",
			Run:     keyWithoutAction,
		},
		{
			ID: plain + "/held-until-up", Clause: plain, Needs: needs,
			Explain: "Games and drags need a key that stays down; one that is never released types for ever.",
			Run:     keyHeld,
		},
		{
			ID: plain + "/names-are-case-sensitive", Clause: plain, Needs: needs,
			Explain: "What is no name of a key must not be taken for one that looks alike.",
			Run:     keyCaseSensitive,
		},
		{
			ID: shifted + "/capitals-and-signs", Clause: shifted, Needs: needs,
			Explain: "The key A is Shift and a: clients do not know which characters need Shift on that keyboard.",
			Run:     keysShifted,
		},
		{
			ID: "desktop.input.key-function/all-twelve", Clause: "desktop.input.key-function", Needs: needs,
			Explain: "F5 reloads and F11 fills the screen; off by one they do something else.",
			Run:     functionKeys,
		},
		{
			ID: "desktop.input.unknown-key/error-and-nothing-pressed", Clause: "desktop.input.unknown-key", Needs: needs,
			Explain: "A library that presses some junk key in the place of an unknown one, and reports success, is worse than an error.",
			Run:     unknownKey,
		},
	}
}

// presses expects each name, which is followed by the symbol's, to be pressed
// and released once.
func presses(names ...string) func(context.Context, *engine.T) {
	return func(ctx context.Context, t *engine.T) {
		s := t.Screen(ctx)
		for i := 0; i < len(names); i += 2 {
			s.Input(ctx, key(names[i], press))
			s.ExpectSeen(ctx, "key-down "+names[i+1], "key-up "+names[i+1])
		}
	}
}

func keyWithoutAction(ctx context.Context, t *engine.T) {
	s := t.Screen(ctx)
	s.Input(ctx, key("q", 0))
	s.ExpectSeen(ctx, "key-down q", "key-up q")
}

// keyHeld allows for the server's auto-repeat, which releases and presses in
// pairs.
func keyHeld(ctx context.Context, t *engine.T) {
	s := t.Screen(ctx)
	s.Input(ctx, key("h", hold))
	events := s.Seen(ctx)
	t.Logf("seen: %v", events)
	t.Check(len(events) > 0 && events[0].String() == "key-down h" && balance(events) == 1, "h down and not up", "another key, h up, or nothing")
	s.Input(ctx, key("h", free))
	events = s.Seen(ctx)
	t.Logf("seen: %v", events)
	t.Check(len(events) > 0 && events[len(events)-1].String() == "key-up h" && balance(events) == -1, "h up", "another key, or nothing")
}

func keyCaseSensitive(ctx context.Context, t *engine.T) {
	s := t.Screen(ctx)
	for _, name := range []string{"ENTER", "arrowleft", "tAB"} {
		t.Call(ctx, key(name, press)) // whether it is an error is another clause's matter
	}
	for _, e := range s.Seen(ctx) {
		switch e.Keysym.String() {
		case "Return", "Left", "Tab":
			t.Errorf("no key pressed for a name in the wrong case", "%v", e)
		}
	}
}

func keysShifted(ctx context.Context, t *engine.T) {
	s := t.Screen(ctx)
	for _, c := range "AZ!?%:\"{" {
		s.Input(ctx, key(string(c), press))
		events := s.Seen(ctx)
		engine.Equal(t, "typed", witness.Text(events), string(c))
		t.Check(balance(events) == 0, "every key released", "keys that are held")
	}
}

func functionKeys(ctx context.Context, t *engine.T) {
	s := t.Screen(ctx)
	for n := 1; n <= 12; n++ {
		name := fmt.Sprintf("F%d", n)
		s.Input(ctx, key(name, press))
		s.ExpectSeen(ctx, "key-down "+name, "key-up "+name)
	}
}

func unknownKey(ctx context.Context, t *engine.T) {
	s := t.Screen(ctx)
	for _, name := range []string{"NoSuchKey", "F99", ""} {
		typedError(ctx, t, fmt.Sprintf("the key %q", name), key(name, press))
	}
	s.ExpectSeen(ctx)
}

func chordCases() []engine.Case {
	const clause = "desktop.input.chord"
	return []engine.Case{
		{
			ID: clause + "/one-modifier", Clause: clause, Needs: needs,
			Explain: "Ctrl+C copies; a c without Ctrl overwrites what was selected.",
			Run:     chord("ctrl+c", "c", witness.Control),
		},
		{
			ID: clause + "/two-modifiers", Clause: clause, Needs: needs,
			Explain: "Both are down before the key and up after it.",
			Run:     chord("ctrl+shift+t", "t", witness.Control|witness.Shift),
		},
		{
			ID: clause + "/with-a-named-key", Clause: clause, Needs: needs,
			Explain: "Alt+Tab changes windows.",
			Run:     chord("alt+Tab", "tab", witness.Alt),
		},
	}
}

const modifiers = witness.Shift | witness.Control | witness.Alt | witness.Super

func chord(name, sym string, state int) func(context.Context, *engine.T) {
	return func(ctx context.Context, t *engine.T) {
		s := t.Screen(ctx)
		s.Input(ctx, key(name, press))
		events, pressed := s.Seen(ctx), 0
		for _, e := range events {
			// With Shift a symbol may be the shifted one.
			if e.Kind == witness.KeyDown && strings.EqualFold(e.Keysym.String(), sym) {
				pressed++
				t.Logf("seen: %v", events)
				t.Check(e.State&modifiers == state, "the key pressed while just the chord's modifiers are down", "others, or none")
			}
		}
		engine.Equal(t, "presses of the chord's key", pressed, 1)
		t.Check(balance(events) == 0, "every key released", "keys that are held")
	}
}
