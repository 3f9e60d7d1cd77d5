package x11

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jezek/xgb/xproto"

	"agentproof/internal/keysym"
)

var errNoSpareKey = errors.New("a character is not on the keyboard, and no key is free to stand for it")

// spareColumns is enough for every shift level of both groups that a keyboard
// may be in.
const spareColumns = 4

// vendor symbols are on keys such as "launch the calculator".
const firstVendorSym, lastVendorSym = 0x1008fe01, 0x1008ffff

// spares are the keycodes that may be borrowed: those without any symbol, or,
// where there are none, those of keys that no keyboard in use has.
func (s *session) spares(kb keyboard) []xproto.Keycode {
	free := func(syms []xproto.Keysym) bool {
		return !slices.ContainsFunc(syms, func(sym xproto.Keysym) bool { return sym != 0 })
	}
	vendor := func(syms []xproto.Keysym) bool {
		return !slices.ContainsFunc(syms, func(sym xproto.Keysym) bool {
			return sym != 0 && (sym < firstVendorSym || sym > lastVendorSym)
		})
	}
	for _, may := range []func([]xproto.Keysym) bool{free, vendor} {
		var codes []xproto.Keycode
		for _, code := range kb.Codes() {
			if _, taken := s.borrowed[code]; !taken && may(kb.Row(code)) && !kb.isDown(code) && !kb.isModifier(code) {
				codes = append(codes, code)
			}
		}
		if len(codes) > 0 {
			return codes
		}
	}
	return nil
}

func (kb keyboard) isModifier(code xproto.Keycode) bool {
	return slices.ContainsFunc(kb.Modifiers[:], func(codes []xproto.Keycode) bool { return slices.Contains(codes, code) })
}

// borrow lets a key stand for a symbol, whatever is held with it.
func (s *session) borrow(kb keyboard, code xproto.Keycode, sym keysym.Sym) {
	if _, ok := s.borrowed[code]; !ok {
		s.borrowed[code] = slices.Clone(kb.Row(code))
	}
	row := slices.Repeat([]xproto.Keysym{xproto.Keysym(sym)}, spareColumns)
	xproto.ChangeKeyboardMapping(s.conn.Conn, 1, code, spareColumns, row)
}

// giveBackUnheld restores the borrowed keys that are not held, once whoever was
// typed at has understood them. It is done whoever has lost interest meanwhile.
func (s *session) giveBackUnheld() error {
	var codes []xproto.Keycode
	for code := range s.borrowed {
		if !s.isHeld(code) {
			codes = append(codes, code)
		}
	}
	if len(codes) == 0 {
		return nil
	}
	err := s.settle(context.Background())
	restored := s.bounded(func() error {
		for _, code := range codes {
			row := s.borrowed[code]
			if err := xproto.ChangeKeyboardMappingChecked(s.conn.Conn, 1, code, byte(len(row)), row).Check(); err != nil {
				return fmt.Errorf("give a key back: %w", err)
			}
			delete(s.borrowed, code)
		}
		return nil
	})
	if restored != nil {
		return restored
	}
	return err
}

func (s *session) isHeld(code xproto.Keycode) bool {
	for _, codes := range s.held {
		if slices.Contains(codes, code) {
			return true
		}
	}
	return false
}
