package termpic_test

import (
	"errors"
	"testing"
	"time"

	"agentproof/internal/termpic"
)

// terminal answers the question with a text, in pieces of one byte.
type terminal string

func (t terminal) Ask(_ string, _ time.Duration, enough func([]byte) bool) ([]byte, error) {
	for i := range len(t) {
		if enough([]byte(t[:i])) {
			return []byte(t[:i]), nil
		}
	}
	return []byte(t), nil
}

type broken struct{}

func (broken) Ask(string, time.Duration, func([]byte) bool) ([]byte, error) {
	return nil, errors.New("it is gone")
}

func TestTheTerminalSaysHowItTakesPictures(t *testing.T) {
	t.Parallel()
	const kitty = "\x1b_Gi=31;OK\x1b\\"
	for _, tt := range []struct {
		name    string
		environ map[string]string
		asked   termpic.Terminal
		want    termpic.Protocol
	}{
		{"kitty by its answer", nil, terminal(kitty + "\x1b[?62;c"), termpic.Kitty},
		{"kitty before sixels", nil, terminal(kitty + "\x1b[?62;4c"), termpic.Kitty},
		{"sixels by an attribute", nil, terminal("\x1b[?62;4;22c"), termpic.Sixel},
		{"an attribute with a 4 in it", nil, terminal("\x1b[?64;14;40c"), termpic.None},
		{"a terminal of text", nil, terminal("\x1b[?1;2c"), termpic.None},
		{"one that was typed into", nil, terminal("ls -l\r\x1b[A\x1b[?62;4c"), termpic.Sixel},
		{"kitty that refuses", nil, terminal("\x1b_Gi=31;EINVAL\x1b\\\x1b[?62;c"), termpic.None},
		{"silence", nil, terminal(""), termpic.None},
		{"a broken one", nil, broken{}, termpic.None},
		{"none to ask", nil, nil, termpic.None},
		{"iTerm2", map[string]string{"TERM_PROGRAM": "iTerm.app"}, broken{}, termpic.ITerm},
		{"iTerm2 over ssh", map[string]string{"LC_TERMINAL": "iTerm2"}, broken{}, termpic.ITerm},
		{"kitty by its variable", map[string]string{"KITTY_WINDOW_ID": "3"}, broken{}, termpic.Kitty},
		{"kitty by its name", map[string]string{"TERM": "xterm-kitty"}, broken{}, termpic.Kitty},
		{"iTerm2 around tmux", map[string]string{"LC_TERMINAL": "iTerm2", "TMUX": "x"}, terminal("\x1b[?1;2;4c"), termpic.Sixel},
		{"kitty around screen", map[string]string{"KITTY_WINDOW_ID": "3", "STY": "x"}, terminal("\x1b[?1;2c"), termpic.None},
		{"a dumb one", map[string]string{"TERM": "dumb"}, terminal("\x1b[?62;4c"), termpic.None},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := termpic.Detect(func(name string) string { return tt.environ[name] }, tt.asked)
			if got != tt.want {
				t.Errorf("it is %s, want %s", got, tt.want)
			}
		})
	}
}

// FuzzDetect feeds it what terminals, and users who type, could answer with.
func FuzzDetect(f *testing.F) {
	f.Add("\x1b[?62;4c")
	f.Add("\x1b_Gi=31;OK\x1b\\\x1b[?c")
	f.Add("\x1b[?\x1b[?1;2;")
	f.Fuzz(func(t *testing.T, answer string) {
		switch p := termpic.Detect(func(string) string { return "" }, terminal(answer)); p {
		case termpic.Kitty, termpic.Sixel, termpic.None:
		default:
			t.Errorf("it is %q", p)
		}
	})
}
