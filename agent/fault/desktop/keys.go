package desktop

import (
	"strings"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func keyboards() []fault.Mutant {
	replaced := func(old, with string) agent.Middleware {
		return keys(func(k *agentv1.KeyEvent) { k.Key = strings.ReplaceAll(k.Key, old, with) })
	}
	action := func(from, to agentv1.KeyAction) agent.Middleware {
		return keys(func(k *agentv1.KeyEvent) {
			if k.Action == from && !k.IsText {
				k.Action = to
			}
		})
	}
	return []fault.Mutant{
		mutant("types on a British keyboard", "desktop.input.text/punctuation", "typed", replaced(`"`, "@")),
		mutant("types a letter twice only once", "desktop.input.text/digits-and-repeated-letters", "typed", replaced("bb", "b")),
		mutant("cuts long texts", "desktop.input.text/long-text-whole", "typed",
			keys(func(k *agentv1.KeyEvent) { k.Key = k.Key[:min(len(k.Key), 256)] })),
		mutant("presses Enter for its name in a text", "desktop.input.text/names-of-keys-are-text", "typed", replaced("Enter", "\n")),
		wide(mutant("holds Shift after a text", "desktop.input.text/capitals", "every key released", holdsShift)),
		wide(mutant("drops foreign letters", "desktop.input.text-unicode/letters-of-other-alphabets", "typed", replaced("ж", ""))),
		mutant("runs out of spare keys", "desktop.input.text-unicode/more-characters-than-spare-keys", "typed", replaced("э", "а")),
		mutant("types Linefeed for Enter", "desktop.input.text-unicode/newline-and-tab", "key-down Return", replaced("\n", "\t")),
		mutant("swaps the arrows", "desktop.input.key/arrows", "key-down Left", replaced("Left", "Right")),
		mutant("goes home for a page up", "desktop.input.key/paging-keys", "key-down Page_Up", replaced("PageUp", "Home")),
		mutant("types on a German keyboard", "desktop.input.key/characters", "key-down z", replaced("z", "y")),
		mutant("holds a key without an action", "desktop.input.key/no-action-is-a-press", "key-up q", action(0, 2)),
		mutant("ignores the case of names", "desktop.input.key/names-are-case-sensitive", "wrong case", replaced("ENTER", "Enter")),
		mutant("never lets a key go", "desktop.input.key/held-until-up", "h up", dropsUp),
		mutant("has no shifted keys", "desktop.input.key-shifted/capitals-and-signs", "typed",
			keys(func(k *agentv1.KeyEvent) { k.Key = strings.ToLower(k.Key) })),
		mutant("counts function keys from nought", "desktop.input.key-function/all-twelve", "key-down F12", replaced("F12", "F11")),
		wide(mutant("presses nothing for a chord", "desktop.input.chord/one-modifier", "presses of the chord's key 1",
			keys(func(k *agentv1.KeyEvent) {
				if strings.Contains(k.Key, "+") && !k.IsText {
					k.Key = "F1"
				}
			}))),
		wide(mutant("holds a chord", "desktop.input.chord/one-modifier", "every key released", holdsShiftAfter("ctrl+"))),
		wide(mutant("holds Shift after a capital", "desktop.input.key-shifted/capitals-and-signs", "every key released", holdsShiftAfter("A"))),
		mutant("forgets Shift in a chord", "desktop.input.chord/two-modifiers", "modifiers", replaced("shift+", "")),
		mutant("takes Alt for Ctrl", "desktop.input.chord/with-a-named-key", "modifiers", replaced("alt+", "ctrl+")),
	}
}
