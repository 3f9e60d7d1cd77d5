// Package keysym translates between X key symbols and characters.
package keysym

import (
	"fmt"
	"sort"
	"unicode"
)

// A Sym is an X key symbol; 0 is none.
type Sym uint32

// Symbols of keys that are not characters.
const (
	BackSpace   Sym = 0xff08
	Tab         Sym = 0xff09
	Linefeed    Sym = 0xff0a
	Return      Sym = 0xff0d
	Escape      Sym = 0xff1b
	Home        Sym = 0xff50
	Left        Sym = 0xff51
	Up          Sym = 0xff52
	Right       Sym = 0xff53
	Down        Sym = 0xff54
	PageUp      Sym = 0xff55
	PageDown    Sym = 0xff56
	End         Sym = 0xff57
	Insert      Sym = 0xff63
	KPEnter     Sym = 0xff8d
	F1          Sym = 0xffbe
	F12         Sym = 0xffc9
	ShiftL      Sym = 0xffe1
	ControlL    Sym = 0xffe3
	CapsLock    Sym = 0xffe5
	AltL        Sym = 0xffe9
	SuperL      Sym = 0xffeb
	Delete      Sym = 0xffff
	Level3Shift Sym = 0xfe03
)

// unicodeBase is added to the code points that have no symbol of their own.
const unicodeBase = 0x1000000

// run is a row of symbols whose characters are neighbours too.
type run struct {
	sym   uint16
	char  uint16
	count uint16
}

// FromRune gives the symbol that every client understands as r.
func FromRune(r rune) Sym {
	if r >= 0x20 && r <= 0x7e || r >= 0xa0 && r <= 0xff {
		return Sym(r)
	}
	return unicodeBase + Sym(r)
}

// Rune is the character that s stands for; false for keys that are none, such
// as Return, keypad keys and dead accents.
func (s Sym) Rune() (rune, bool) {
	// Some programs put Latin-1 into Unicode's range as well; clients take it.
	r := s
	if s >= unicodeBase && s <= unicodeBase+unicode.MaxRune {
		r -= unicodeBase
	}
	if r >= 0x20 && r <= 0x7e || r >= 0xa0 && (r <= 0xff || r != s) {
		return rune(r), true
	}
	i := sort.Search(len(legacy), func(i int) bool { return Sym(legacy[i].sym) > s }) - 1
	if i >= 0 && s < Sym(legacy[i].sym)+Sym(legacy[i].count) {
		return rune(legacy[i].char) + rune(s-Sym(legacy[i].sym)), true
	}
	return 0, false
}

// Upper is the symbol of the capital letter, or s itself.
func (s Sym) Upper() Sym { return s.fold(unicode.ToUpper) }

// Lower is the symbol of the small letter, or s itself.
func (s Sym) Lower() Sym { return s.fold(unicode.ToLower) }

func (s Sym) fold(to func(rune) rune) Sym {
	r, ok := s.Rune()
	if !ok || to(r) == r {
		return s
	}
	return FromRune(to(r))
}

var names = map[Sym]string{
	BackSpace: "BackSpace", Tab: "Tab", Linefeed: "Linefeed", Return: "Return", Escape: "Escape",
	Home: "Home", Left: "Left", Up: "Up", Right: "Right", Down: "Down", PageUp: "Page_Up",
	PageDown: "Page_Down", End: "End", Insert: "Insert", KPEnter: "KP_Enter", Delete: "Delete",
	ShiftL: "Shift_L", ControlL: "Control_L", CapsLock: "Caps_Lock", AltL: "Alt_L", SuperL: "Super_L",
	Level3Shift: "ISO_Level3_Shift",
}

// String is the character, a key's name, or the number.
func (s Sym) String() string {
	if r, ok := s.Rune(); ok {
		return string(r)
	}
	if name, ok := names[s]; ok {
		return name
	}
	if s >= F1 && s <= F1+34 {
		return fmt.Sprintf("F%d", s-F1+1)
	}
	return fmt.Sprintf("keysym 0x%x", uint32(s))
}
