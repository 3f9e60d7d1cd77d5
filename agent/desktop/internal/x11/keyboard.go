package x11

import (
	"fmt"
	"iter"

	"github.com/jezek/xgb/xproto"

	"agentproof/agent/desktop/internal/backend"
	"agentproof/agent/desktop/internal/keys"
	"agentproof/internal/keysym"
	"agentproof/internal/xconn"
)

// heldKey is a key that was pressed with Down, by what was asked for.
type heldKey = keys.Chord

// keyboard is the state of the keyboard at one moment.
type keyboard struct {
	*xconn.Keymap
	state uint16 // modifiers and the active group
	down  []byte // a bit for each keycode
}

// stroke is how to type a symbol: a key, and what to hold for it.
type stroke struct {
	code xproto.Keycode
	with []xproto.Keycode
}

// readKeyboard asks anew each time: maps change, and other clients press keys.
func (s *session) readKeyboard() (kb keyboard, err error) {
	err = s.bounded(func() error {
		pointer := xproto.QueryPointer(s.conn.Conn, s.root)
		pressed := xproto.QueryKeymap(s.conn.Conn)
		if kb.Keymap, err = s.conn.ReadKeymap(); err != nil {
			return err
		}
		p, err := pointer.Reply()
		if err != nil {
			return fmt.Errorf("ask for the modifiers: %w", err)
		}
		k, err := pressed.Reply()
		if err != nil {
			return fmt.Errorf("ask for the pressed keys: %w", err)
		}
		kb.state, kb.down = p.Mask, k.Keys
		return nil
	})
	return kb, err
}

func (kb keyboard) isDown(code xproto.Keycode) bool {
	return kb.down[code/8]&(1<<(code%8)) != 0
}

// shift is the key that gives capitals.
func (kb keyboard) shift() (xproto.Keycode, bool) { return kb.Find(keysym.ShiftL) }

// symbols gives what the keyboard can type in its active layout, the likeliest
// way to a symbol first: some maps have characters on keys that no keyboard has.
func (kb keyboard) symbols() iter.Seq2[keysym.Sym, stroke] {
	shift, hasShift := kb.shift()
	third, _, hasThird := kb.ThirdLevel()
	with := [][]xproto.Keycode{nil, {shift}, {third}, {third, shift}}
	usable := 1
	if hasShift {
		usable = 2
	}
	if hasShift && hasThird {
		usable = 4
	}
	group := xconn.Group(kb.state)
	return func(yield func(keysym.Sym, stroke) bool) {
		for first := 0; first < usable; first += 2 {
			for _, code := range kb.Codes() {
				for level := first; level < min(first+2, usable); level++ {
					if sym := kb.At(code, group, level); sym != 0 && !yield(sym, stroke{code, with[level]}) {
						return
					}
				}
			}
		}
	}
}

// findRune looks for a character in the active layout.
func (kb keyboard) findRune(want rune) (stroke, bool) {
	for sym, k := range kb.symbols() {
		if r, ok := sym.Rune(); ok && r == want {
			return k, true
		}
	}
	return stroke{}, false
}

// key presses, holds or releases a chord.
func (s *session) key(in backend.Key) error {
	if codes, ok := s.held[in.Chord]; ok && in.Action == backend.Up {
		delete(s.held, in.Chord)
		s.up(codes)
		if err := s.flush(); err != nil {
			return err
		}
		return s.giveBackUnheld()
	}
	kb, err := s.readKeyboard()
	if err != nil {
		return err
	}
	codes, err := s.chord(kb, in.Chord)
	if err != nil {
		return err
	}
	switch in.Action {
	case backend.Down:
		s.down(codes)
		s.held[in.Chord] = codes
		return s.flush()
	case backend.Up:
		s.up(codes)
	default:
		s.down(codes)
		s.up(codes)
	}
	if err := s.flush(); err != nil {
		return err
	}
	return s.giveBackUnheld()
}

// chord lists the keys of a chord in the order in which to press them, without
// the modifiers that are down already.
func (s *session) chord(kb keyboard, c keys.Chord) ([]xproto.Keycode, error) {
	var codes []xproto.Keycode
	for _, name := range c.Hold.Names() {
		code, ok := kb.Find(symbol(keys.Key{Name: name}))
		if !ok {
			return nil, fmt.Errorf("press a chord: this keyboard has no %v key", symbol(keys.Key{Name: name}))
		}
		if !kb.isDown(code) {
			codes = append(codes, code)
		}
	}
	stroke, err := s.strokeFor(kb, c)
	if err != nil {
		return nil, err
	}
	for _, code := range stroke.with {
		if shift, _ := kb.shift(); !kb.isDown(code) && (code != shift || c.Hold&keys.HoldShift == 0) {
			codes = append(codes, code)
		}
	}
	return append(codes, stroke.code), nil
}

// strokeFor finds the chord's key, or makes one.
func (s *session) strokeFor(kb keyboard, c keys.Chord) (stroke, error) {
	if c.Key.Rune != 0 {
		if k, ok := kb.findRune(c.Key.Rune); ok {
			return k, nil
		}
	}
	sym := symbol(c.Key)
	// Under another alphabet ctrl+c still is the key that has c elsewhere.
	if c.Key.Name != 0 || c.Hold&^keys.HoldShift != 0 {
		if code, ok := kb.Find(sym); ok {
			return stroke{code: code}, nil
		}
	}
	spares := s.spares(kb)
	if len(spares) == 0 {
		return stroke{}, errNoSpareKey
	}
	s.borrow(kb, spares[0], sym)
	return stroke{code: spares[0]}, nil
}

// down presses keys in order, and up releases them the other way round.
func (s *session) down(codes []xproto.Keycode) {
	for _, code := range codes {
		s.fake(xproto.KeyPress, byte(code), 0, 0)
	}
}

func (s *session) up(codes []xproto.Keycode) {
	for i := len(codes) - 1; i >= 0; i-- {
		s.fake(xproto.KeyRelease, byte(codes[i]), 0, 0)
	}
}

// releaseAll lets go of everything that was pressed with Down, and gives back
// the keys that stood for what is not on the keyboard.
func (s *session) releaseAll() error {
	for button := range s.buttons {
		s.release(button)
	}
	for _, codes := range s.held {
		s.up(codes)
	}
	clear(s.buttons)
	clear(s.held)
	if err := s.flush(); err != nil {
		return err
	}
	return s.giveBackUnheld()
}

// symbol is what stands on a key.
func symbol(k keys.Key) keysym.Sym {
	if k.Rune != 0 {
		return keysym.FromRune(k.Rune)
	}
	if k.Name >= keys.F1 && k.Name <= keys.F12 {
		return keysym.F1 + keysym.Sym(k.Name-keys.F1)
	}
	return map[keys.Name]keysym.Sym{
		keys.Enter: keysym.Return, keys.Tab: keysym.Tab, keys.Escape: keysym.Escape,
		keys.Backspace: keysym.BackSpace, keys.Delete: keysym.Delete, keys.Insert: keysym.Insert,
		keys.Left: keysym.Left, keys.Right: keysym.Right, keys.Up: keysym.Up, keys.Down: keysym.Down,
		keys.Home: keysym.Home, keys.End: keysym.End, keys.PageUp: keysym.PageUp, keys.PageDown: keysym.PageDown,
		keys.CapsLock: keysym.CapsLock, keys.Shift: keysym.ShiftL, keys.Control: keysym.ControlL,
		keys.Alt: keysym.AltL, keys.Super: keysym.SuperL,
	}[k.Name]
}
