//go:build cgo && robotgo

package native

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"time"

	"github.com/go-vgo/robotgo"
	"github.com/jezek/xgb/xproto"

	"agentproof/agent/desktop/internal/backend"
	"agentproof/internal/xconn"
)

const (
	// wheelStep is the library's unit.
	wheelStep       = 1
	scrollsSideways = true
	// markName is a property by which a server is known again.
	markName = "AGENTPROOF_NATIVE"
	// answerTimeout bounds the wait for a server that may have been stopped.
	answerTimeout = 5 * time.Second
)

// xlib is the library's connection, one for the whole process.
var xlib struct {
	mark string // on the server that it is connected to; empty before the first use
	lost bool   // that server has gone
}

// guard keeps the library from ending the process, as Xlib does when its
// server has gone, and from driving display :0, which it falls back to.
type guard struct {
	options xconn.Options
	virtual bool
}

func newGuard(environ []string) guard { return guard{options: xconn.OptionsFrom(environ)} }

func (g *guard) id() string { return g.options.Display }

// check connects for a moment: the library's own connection would not survive
// the news. It must be closed before a capture, which changes tables that a
// connection reads. The caller holds process.
func (g *guard) check(ctx context.Context) error {
	if g.options.Display != os.Getenv("DISPLAY") {
		return &backend.Unavailable{Reason: "an agent built with the tag robotgo can only use the DISPLAY of its own process"}
	}
	if xlib.lost {
		return errLost
	}
	c, err := xconn.Dial(ctx, g.options)
	if err != nil {
		xlib.lost = xlib.mark != ""
		return &backend.Unavailable{Reason: "the display cannot be used: " + err.Error(), Err: err}
	}
	defer c.Close()
	defer c.Limit(answerTimeout)()
	if c.Screen.RootDepth < 24 {
		return &backend.Unavailable{Reason: fmt.Sprintf("the screen has a colour depth of %d bits; an agent built with the tag robotgo needs 24", c.Screen.RootDepth)}
	}
	if g.virtual, err = c.Virtual(); err != nil {
		return err
	}
	if xlib.mark == "" {
		return begin(c)
	}
	same, err := marked(c)
	if err != nil {
		return err
	}
	if !same {
		xlib.lost = true
		return errLost
	}
	return nil
}

var errLost = &backend.Unavailable{
	Reason: "the X server has gone, which an agent built with the tag robotgo does not get over; start it again",
}

// begin lets Xlib connect, and marks the server.
func begin(c *xconn.Conn) error {
	robotgo.GetScreenSize()
	name, err := atom(c)
	if err != nil {
		return err
	}
	mark := rand.Text()
	err = xproto.ChangePropertyChecked(c.Conn, xproto.PropModeReplace, c.Screen.Root, name, xproto.AtomString,
		8, uint32(len(mark)), []byte(mark)).Check()
	if err != nil {
		return fmt.Errorf("mark the X server: %w", err)
	}
	xlib.mark = mark
	return nil
}

// marked tells whether this is the server that Xlib knows.
func marked(c *xconn.Conn) (bool, error) {
	name, err := atom(c)
	if err != nil {
		return false, err
	}
	reply, err := xproto.GetProperty(c.Conn, false, c.Screen.Root, name, xproto.AtomString, 0, 64).Reply()
	if err != nil {
		return false, fmt.Errorf("recognise the X server: %w", err)
	}
	return string(reply.Value) == xlib.mark, nil
}

func atom(c *xconn.Conn) (xproto.Atom, error) {
	reply, err := xproto.InternAtom(c.Conn, false, uint16(len(markName)), markName).Reply()
	if err != nil {
		return 0, fmt.Errorf("name the mark: %w", err)
	}
	return reply.Atom, nil
}

// typable tells what the library types here without changing the keyboard map
// for good.
func typable(r rune) bool { return r >= ' ' && r <= '~' || r == '\n' || r == '\t' }

func typeRune(r rune) { robotgo.UnicodeType(uint32(r)) }
