// Package keys reads the names of keys and chords that desktop_input carries
// (desktop.input.key, desktop.input.chord).
package keys

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrUnknown is the error of a name that is none. The name is not part of it:
// it may be text that somebody typed into the wrong field.
var ErrUnknown = errors.New("no key has that name; names are case-sensitive, for example " +
	"Enter, ArrowLeft, F5, a, ctrl+c or ctrl+shift+t")

// A Name is a key that is not a character.
type Name uint8

// Keys that are not characters.
const (
	Enter Name = iota + 1
	Tab
	Escape
	Backspace
	Delete
	Insert
	Left
	Right
	Up
	Down
	Home
	End
	PageUp
	PageDown
	CapsLock
	Shift
	Control
	Alt
	Super // also called Meta, Command and the Windows key
	F1
	F12 = F1 + 11
)

// A Key is a named key or a character; exactly one field is set.
type Key struct {
	Name Name
	Rune rune
}

// Modifiers is a set of keys to hold.
type Modifiers uint8

// The members of Modifiers.
const (
	HoldControl Modifiers = 1 << iota
	HoldAlt
	HoldShift
	HoldSuper
)

// Names lists the members in the order in which to press them.
func (m Modifiers) Names() []Name {
	var names []Name
	for i, name := range [...]Name{Control, Alt, Shift, Super} {
		if m&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// A Chord is a key and what is held meanwhile. Chords that mean the same are
// equal.
type Chord struct {
	Hold Modifiers
	Key  Key
}

// Parse reads a key's name or a chord, whose parts are joined by plus signs.
func Parse(name string) (Chord, error) {
	var c Chord
	for {
		// What is left may be the plus key itself.
		part, rest, more := strings.Cut(name, "+")
		if part == "" || !more {
			break
		}
		hold, ok := modifier(part)
		if !ok {
			return Chord{}, ErrUnknown
		}
		c.Hold |= hold
		name = rest
	}
	key, ok := parseKey(name)
	if !ok {
		return Chord{}, ErrUnknown
	}
	c.Key = key
	return c, nil
}

func parseKey(name string) (Key, bool) {
	if n, ok := named(name); ok {
		return Key{Name: n}, true
	}
	switch name {
	case "Space":
		return Key{Rune: ' '}, true
	case "\n", "\r":
		return Key{Name: Enter}, true
	case "\t":
		return Key{Name: Tab}, true
	}
	r, size := utf8.DecodeRuneInString(name)
	if size != len(name) || r == utf8.RuneError || unicode.IsControl(r) {
		return Key{}, false
	}
	return Key{Rune: r}, true
}

func named(name string) (Name, bool) {
	switch name {
	case "Enter", "Return":
		return Enter, true
	case "Tab":
		return Tab, true
	case "Escape", "Esc":
		return Escape, true
	case "Backspace":
		return Backspace, true
	case "Delete":
		return Delete, true
	case "Insert":
		return Insert, true
	case "ArrowLeft", "Left":
		return Left, true
	case "ArrowRight", "Right":
		return Right, true
	case "ArrowUp", "Up":
		return Up, true
	case "ArrowDown", "Down":
		return Down, true
	case "Home":
		return Home, true
	case "End":
		return End, true
	case "PageUp":
		return PageUp, true
	case "PageDown":
		return PageDown, true
	case "CapsLock":
		return CapsLock, true
	}
	if hold, ok := modifier(name); ok {
		return hold.Names()[0], true
	}
	return functionKey(name)
}

// functionKey reads F1 to F12.
func functionKey(name string) (Name, bool) {
	digits, ok := strings.CutPrefix(name, "F")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 1 || n > 12 || strconv.Itoa(n) != digits {
		return 0, false
	}
	return F1 + Name(n-1), true
}

// modifier knows the names that browsers, terminals and people give them.
func modifier(name string) (Modifiers, bool) {
	switch name {
	case "ctrl", "Ctrl", "control", "Control":
		return HoldControl, true
	case "alt", "Alt", "option", "Option":
		return HoldAlt, true
	case "shift", "Shift":
		return HoldShift, true
	case "super", "Super", "meta", "Meta", "cmd", "Cmd", "command", "Command", "win", "Win":
		return HoldSuper, true
	}
	return 0, false
}
