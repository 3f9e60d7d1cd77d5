package termpic

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// answerLimit is how long a terminal may take to say what it can: one at the
// far end of a slow line, since nearly all answer.
const answerLimit = time.Second

// question asks whether the terminal takes pictures as kitty does, which others
// leave unanswered, and then for its attributes, which all answer.
const question = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\" + "\x1b[c"

// maxAnswer bounds what is read as an answer: a user who types meanwhile is
// none.
const maxAnswer = 4 << 10

// A Terminal is asked what it can.
type Terminal interface {
	// Ask writes the question and returns what came back until enough says
	// so, or until the limit.
	Ask(question string, limit time.Duration, enough func(answer []byte) bool) ([]byte, error)
}

// Detect tells how a terminal takes pictures, None if it does not. What
// getenv says of it goes before a question, which t may be nil for.
func Detect(getenv func(string) string, t Terminal) Protocol {
	if p := known(getenv); p != "" {
		return p
	}
	if t == nil {
		return None
	}
	answer, err := t.Ask(question, answerLimit, func(answer []byte) bool {
		_, done := attributes(answer)
		return done || len(answer) > maxAnswer
	})
	if err != nil {
		return None
	}
	return capable(answer)
}

// known is what the environment tells, empty where it tells nothing. Inside a
// multiplexer it speaks of the terminal around it, which it does not reach.
func known(getenv func(string) string) Protocol {
	switch {
	case getenv("TERM") == "dumb":
		return None
	case getenv("TMUX") != "" || getenv("STY") != "":
		return ""
	case getenv("TERM_PROGRAM") == "iTerm.app", getenv("LC_TERMINAL") == "iTerm2":
		return ITerm
	case getenv("KITTY_WINDOW_ID") != "", strings.Contains(getenv("TERM"), "kitty"):
		return Kitty
	default:
		return ""
	}
}

// capable reads the answers to the question.
func capable(answer []byte) Protocol {
	if bytes.Contains(answer, []byte("\x1b_Gi=31;OK\x1b\\")) {
		return Kitty
	}
	if codes, ok := attributes(answer); ok && slices.Contains(codes, "4") {
		return Sixel
	}
	return None
}

// attributes are the codes of a terminal's primary attributes, as in
// ESC [ ? 62 ; 4 c, wherever they are in the answer.
func attributes(answer []byte) (codes []string, ok bool) {
	for rest := answer; ; {
		_, after, found := bytes.Cut(rest, []byte("\x1b[?"))
		if !found {
			return nil, false
		}
		end := bytes.IndexFunc(after, func(r rune) bool { return r != ';' && (r < '0' || r > '9') })
		if end > 0 && after[end] == 'c' {
			return strings.Split(string(after[:end]), ";"), true
		}
		rest = after
	}
}
