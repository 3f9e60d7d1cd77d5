//go:build cgo && (darwin || windows || (linux && robotgo))

package native

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-vgo/robotgo"

	"agentproof/agent/desktop/internal/backend"
	"agentproof/agent/desktop/internal/keys"
)

var errNotOnKeyboard = errors.New("the character is on no key of this keyboard")

// shifted and unshifted are the two characters of the keys of an American
// keyboard, which the library takes every keyboard for.
const (
	shifted   = `~!@#$%^&*()_+{}|:"<>?`
	unshifted = "`1234567890-=[]\\;',./"
)

// key presses, holds or releases a chord.
func (b *Backend) key(in backend.Key) error {
	switch in.Action {
	case backend.Down:
		if err := toggle(in.Chord, "down"); err != nil {
			return err
		}
		b.held[in.Chord] = true
		return nil
	case backend.Up:
		delete(b.held, in.Chord)
		return toggle(in.Chord, "up")
	}
	name, with, err := named(in.Chord)
	if err != nil {
		return err
	}
	if err := robotgo.KeyTap(name, with); err != nil {
		return fmt.Errorf("press a key: %w", err)
	}
	return nil
}

func toggle(c keys.Chord, action string) error {
	name, with, err := named(c)
	if err != nil {
		return err
	}
	args := []any{action}
	for _, modifier := range with {
		args = append(args, modifier)
	}
	if err := robotgo.KeyToggle(name, args...); err != nil {
		return fmt.Errorf("hold a key %s: %w", action, err)
	}
	return nil
}

// named gives the library's names. It must not be asked for others: it presses
// some key for a name that it does not know.
func named(c keys.Chord) (name string, with []string, err error) {
	for _, modifier := range c.Hold.Names() {
		with = append(with, libraryName(modifier))
	}
	if c.Key.Name != 0 {
		return libraryName(c.Key.Name), with, nil
	}
	r := c.Key.Rune
	if r == ' ' {
		return "space", with, nil
	}
	if r < ' ' || r > '~' {
		return "", nil, errNotOnKeyboard
	}
	needsShift := r >= 'A' && r <= 'Z'
	name = strings.ToLower(string(r))
	if i := strings.IndexRune(shifted, r); i >= 0 {
		name, needsShift = unshifted[i:i+1], true
	}
	if needsShift && c.Hold&keys.HoldShift == 0 {
		with = append(with, "shift")
	}
	return name, with, nil
}

func libraryName(n keys.Name) string {
	if n >= keys.F1 && n <= keys.F12 {
		return fmt.Sprintf("f%d", n-keys.F1+1)
	}
	return map[keys.Name]string{
		keys.Enter: "enter", keys.Tab: "tab", keys.Escape: "esc", keys.Backspace: "backspace",
		keys.Delete: "delete", keys.Insert: "insert", keys.Left: "left", keys.Right: "right",
		keys.Up: "up", keys.Down: "down", keys.Home: "home", keys.End: "end",
		keys.PageUp: "pageup", keys.PageDown: "pagedown", keys.CapsLock: "capslock",
		keys.Shift: "shift", keys.Control: "ctrl", keys.Alt: "alt", keys.Super: "cmd",
	}[n]
}

// typeText refuses what it cannot type before it types anything.
func typeText(ctx context.Context, text string) error {
	for _, r := range text {
		if !typable(r) {
			return errNotOnKeyboard
		}
	}
	for _, r := range text {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		switch r {
		case '\n':
			err = robotgo.KeyTap("enter")
		case '\t':
			err = robotgo.KeyTap("tab")
		default:
			typeRune(r)
		}
		if err != nil {
			return fmt.Errorf("type text: %w", err)
		}
	}
	return nil
}
