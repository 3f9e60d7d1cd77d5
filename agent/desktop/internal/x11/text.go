package x11

import (
	"context"
	"slices"

	"github.com/jezek/xgb/xproto"

	"agentproof/internal/keysym"
)

// flushEvery is after how many characters the server is waited for, so that a
// long text can be given up in between.
const flushEvery = 128

// text types exactly the characters of text. What the keyboard has is typed
// with it; the rest with borrowed keys, each of which keeps its meaning until
// the client has looked it up: clients see keycodes, and ask later what they
// mean.
func (s *session) text(ctx context.Context, text string) error {
	kb, err := s.readKeyboard()
	if err != nil {
		return err
	}
	lifted := s.quieten(kb)
	err = s.typeRunes(ctx, kb, text)
	s.restore(kb, lifted)
	if flushed := s.flush(); err == nil {
		err = flushed
	}
	if given := s.giveBackUnheld(); err == nil {
		err = given
	}
	return err
}

// quieten releases the modifiers that somebody holds, and Caps Lock.
func (s *session) quieten(kb keyboard) (lifted []xproto.Keycode) {
	for _, codes := range kb.Modifiers {
		for _, code := range codes {
			if kb.isDown(code) && !slices.Contains(lifted, code) {
				lifted = append(lifted, code)
			}
		}
	}
	s.up(lifted)
	s.toggleCaps(kb)
	return lifted
}

func (s *session) restore(kb keyboard, lifted []xproto.Keycode) {
	s.toggleCaps(kb)
	s.down(lifted)
}

// toggleCaps switches Caps Lock off if it was on, and on again.
func (s *session) toggleCaps(kb keyboard) {
	if kb.state&xproto.ModMaskLock == 0 {
		return
	}
	if code, ok := kb.Find(keysym.CapsLock); ok {
		s.down([]xproto.Keycode{code})
		s.up([]xproto.Keycode{code})
	}
}

func (s *session) typeRunes(ctx context.Context, kb keyboard, text string) error {
	layout := kb.layout()
	spares := s.spares(kb)
	var free []xproto.Keycode // of spares, those with nothing on them yet
	free = append(free, spares...)
	written := 0
	for _, r := range text {
		stroke, ok := layout[r]
		if !ok {
			if len(spares) == 0 {
				return errNoSpareKey
			}
			if len(free) == 0 {
				// All are in use: the client must have understood them before
				// they change their meaning.
				if err := s.flush(); err != nil {
					return err
				}
				if err := s.settle(ctx); err != nil {
					return err
				}
				layout = kb.layout()
				free = append(free, spares...)
			}
			stroke.code, free = free[0], free[1:]
			s.borrow(kb, stroke.code, runeSymbol(r))
			layout[r] = stroke
		}
		s.down(stroke.with)
		s.down([]xproto.Keycode{stroke.code})
		s.up([]xproto.Keycode{stroke.code})
		s.up(stroke.with)
		if written++; written%flushEvery == 0 {
			if err := s.flush(); err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

// layout lists the characters that the keyboard can type.
func (kb keyboard) layout() map[rune]stroke {
	layout := make(map[rune]stroke)
	for sym, k := range kb.symbols() {
		r, ok := sym.Rune()
		if _, have := layout[r]; ok && !have {
			layout[r] = k
		}
	}
	for _, r := range "\n\t" {
		if code, ok := kb.Find(runeSymbol(r)); ok {
			layout[r] = stroke{code: code}
		}
	}
	return layout
}

// runeSymbol is what stands on the key that types r.
func runeSymbol(r rune) keysym.Sym {
	switch r {
	case '\n':
		return keysym.Return
	case '\t':
		return keysym.Tab
	}
	return keysym.FromRune(r)
}
