package xconn

import (
	"fmt"
	"slices"

	"github.com/jezek/xgb/xproto"

	"agentproof/internal/keysym"
)

// Levels of a key in the order of a Keymap's columns.
const (
	levelShift = 1 << iota
	levelThree
)

// A Keymap is the server's core keyboard mapping at one moment.
//
// A row's columns are, by the convention of servers with XKB: the first two
// levels of the first layout, the first two of the second, then the levels
// from the third on of the first layout.
type Keymap struct {
	First xproto.Keycode
	Width int             // columns of a row
	Syms  []xproto.Keysym // rows, one a keycode
	// Modifiers are the keycodes behind Shift, Lock, Control and Mod1…5.
	Modifiers [8][]xproto.Keycode
}

// ReadKeymap asks the server.
func (c *Conn) ReadKeymap() (*Keymap, error) {
	first, last := c.Setup.MinKeycode, c.Setup.MaxKeycode
	mapping := xproto.GetKeyboardMapping(c.Conn, first, byte(last-first)+1)
	modifiers := xproto.GetModifierMapping(c.Conn)
	m, err := mapping.Reply()
	if err != nil {
		return nil, fmt.Errorf("read the keyboard mapping: %w", err)
	}
	mods, err := modifiers.Reply()
	if err != nil {
		return nil, fmt.Errorf("read the modifier mapping: %w", err)
	}
	// xgb hands out one column more than there is where the reply is padded.
	rows, width := int(last-first)+1, int(m.KeysymsPerKeycode)
	if width == 0 || len(m.Keysyms) < rows*width {
		return nil, fmt.Errorf("read the keyboard mapping: %d symbols for %d keys", len(m.Keysyms), rows)
	}
	k := &Keymap{First: first, Width: width, Syms: m.Keysyms[:rows*width]}
	per := int(mods.KeycodesPerModifier)
	for i := range k.Modifiers {
		for _, code := range mods.Keycodes[i*per : (i+1)*per] {
			if code != 0 {
				k.Modifiers[i] = append(k.Modifiers[i], code)
			}
		}
	}
	return k, nil
}

// Row is what stands on a key; it is empty for a keycode that there is not.
func (k *Keymap) Row(code xproto.Keycode) []xproto.Keysym {
	i := (int(code) - int(k.First)) * k.Width
	if i < 0 || i+k.Width > len(k.Syms) {
		return nil
	}
	return k.Syms[i : i+k.Width]
}

// Codes are all keycodes, in order.
func (k *Keymap) Codes() []xproto.Keycode {
	codes := make([]xproto.Keycode, 0, len(k.Syms)/k.Width)
	for i := range len(k.Syms) / k.Width {
		codes = append(codes, k.First+xproto.Keycode(i))
	}
	return codes
}

// At is the symbol on a key in a group (layout) at a level: 0 plain, 1 with
// Shift, 2 with the third-level key, 3 with both. It is 0 where there is none
// or where the mapping does not tell.
func (k *Keymap) At(code xproto.Keycode, group, level int) keysym.Sym {
	row := k.Row(code)
	column := 2*group + level
	if level >= levelThree {
		if group != 0 {
			return 0
		}
		column = 2 + level
	}
	if group > 1 || column >= len(row) {
		return 0
	}
	if row[column] == 0 && level == levelShift {
		// Without XKB a letter that stands alone is its own pair.
		if upper := keysym.Sym(row[column-1]).Upper(); upper != keysym.Sym(row[column-1]) {
			return upper
		}
	}
	return keysym.Sym(row[column])
}

// Find gives the first key that has the symbol as its plain one in any of the
// first two groups.
func (k *Keymap) Find(sym keysym.Sym) (xproto.Keycode, bool) {
	for group := range 2 {
		for _, code := range k.Codes() {
			if k.At(code, group, 0) == sym {
				return code, true
			}
		}
	}
	return 0, false
}

// ThirdLevel gives the key that chooses the third level, and the modifier bit
// that it sets.
func (k *Keymap) ThirdLevel() (code xproto.Keycode, mask uint16, ok bool) {
	for i, codes := range k.Modifiers {
		for _, code := range codes {
			if k.At(code, 0, 0) == keysym.Level3Shift {
				return code, 1 << i, true
			}
		}
	}
	return 0, 0, false
}

// Symbol is what a client makes of a key event with this keycode and state.
func (k *Keymap) Symbol(code xproto.Keycode, state uint16) keysym.Sym {
	group, level := Group(state), 0
	if state&xproto.ModMaskShift != 0 {
		level |= levelShift
	}
	if _, mask, ok := k.ThirdLevel(); ok && state&mask != 0 {
		level |= levelThree
	}
	if group > 1 || k.At(code, group, 0) == 0 {
		group = 0
	}
	sym := k.At(code, group, level)
	for _, lower := range [...]int{level & levelShift, 0} {
		if sym == 0 {
			sym = k.At(code, group, lower)
		}
	}
	if state&xproto.ModMaskLock != 0 && sym.Upper() != sym.Lower() {
		if sym == sym.Upper() && state&xproto.ModMaskShift != 0 {
			return sym.Lower()
		}
		return sym.Upper()
	}
	return sym
}

// Group is the active layout, counted from 0, in the state of an event or of a
// QueryPointer reply.
func Group(state uint16) int { return int(state>>13) & 3 }

// Equal compares what is mapped, column by column.
func (k *Keymap) Equal(other *Keymap) bool {
	return k.First == other.First && k.Width == other.Width && slices.Equal(k.Syms, other.Syms)
}
