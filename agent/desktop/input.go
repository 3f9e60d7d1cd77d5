package desktop

import (
	"strings"
	"unicode"

	"agentproof/agent/desktop/internal/backend"
	"agentproof/agent/desktop/internal/keys"
	"agentproof/agent/internal/operr"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// inputOf reads an event, of which at most one part is set. What it is given
// never shows in an error: text may be a password (error.no-secrets).
func inputOf(p *agentv1.PointerEvent, k *agentv1.KeyEvent, s *agentv1.ScrollEvent) (backend.Input, error) {
	switch {
	case p != nil:
		return pointerOf(p)
	case k != nil && k.GetIsText():
		return textOf(k.GetKey())
	case k != nil:
		return keyOf(k)
	case s != nil:
		return backend.Scroll{
			X: int(s.GetX()), Y: int(s.GetY()), DX: int(s.GetDeltaX()), DY: int(s.GetDeltaY()),
		}, nil
	}
	return nil, refuse("the desktop input holds no event that this agent knows")
}

func pointerOf(p *agentv1.PointerEvent) (backend.Input, error) {
	in := backend.Pointer{X: int(p.GetX()), Y: int(p.GetY())}
	switch p.GetAction() {
	case agentv1.PointerAction_POINTER_ACTION_UNSPECIFIED, agentv1.PointerAction_POINTER_ACTION_MOVE:
		in.Action = backend.Move
	case agentv1.PointerAction_POINTER_ACTION_DOWN:
		in.Action = backend.Down
	case agentv1.PointerAction_POINTER_ACTION_UP:
		in.Action = backend.Up
	case agentv1.PointerAction_POINTER_ACTION_CLICK:
		in.Action = backend.Press
	case agentv1.PointerAction_POINTER_ACTION_DOUBLE_CLICK:
		in.Action = backend.DoublePress
	default:
		return nil, refuse("no pointer action has the number %d", p.GetAction())
	}
	switch p.GetButton() {
	case agentv1.PointerButton_POINTER_BUTTON_UNSPECIFIED, agentv1.PointerButton_POINTER_BUTTON_LEFT:
		in.Button = backend.Left
	case agentv1.PointerButton_POINTER_BUTTON_RIGHT:
		in.Button = backend.Right
	case agentv1.PointerButton_POINTER_BUTTON_MIDDLE:
		in.Button = backend.Middle
	default:
		return nil, refuse("no pointer button has the number %d", p.GetButton())
	}
	return in, nil
}

func keyOf(k *agentv1.KeyEvent) (backend.Input, error) {
	chord, err := keys.Parse(k.GetKey())
	if err != nil {
		e := refuse("%v", err)
		e.Err = err
		return nil, e
	}
	in := backend.Key{Chord: chord}
	switch k.GetAction() {
	case agentv1.KeyAction_KEY_ACTION_UNSPECIFIED, agentv1.KeyAction_KEY_ACTION_PRESS:
		in.Action = backend.Press
	case agentv1.KeyAction_KEY_ACTION_DOWN:
		in.Action = backend.Down
	case agentv1.KeyAction_KEY_ACTION_UP:
		in.Action = backend.Up
	default:
		return nil, refuse("no key action has the number %d", k.GetAction())
	}
	return in, nil
}

// textOf refuses what cannot be typed before a part of it is. Line breaks of
// every system are one Enter each.
func textOf(text string) (backend.Input, error) {
	text = lineBreaks.Replace(text)
	untypable := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
	if i := strings.IndexFunc(text, untypable); i >= 0 {
		return nil, refuse("the text holds a control character, which no key types, at byte %d", i)
	}
	return backend.Text(text), nil
}

var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n")

func refuse(format string, args ...any) *operr.Error {
	return operr.New(agentv1.ErrorCode_ERROR_CODE_PROTOCOL, format, args...)
}
