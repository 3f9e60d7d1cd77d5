// Package xconn holds connections to X servers that notice the server's death,
// never block on events that nobody reads, and of which many live in one
// process.
package xconn

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// handshakeTimeout bounds the dial: a server answers within milliseconds, one
// that is stopped never.
const handshakeTimeout = 5 * time.Second

// Options says which display to connect to, and who hears its events.
type Options struct {
	// Display is the display's name, as in the variable DISPLAY.
	Display string
	// Authority is the file with the display's cookie; empty for none.
	Authority string
	// Event, when set, is called with every event, one after the other. It
	// may send requests and wait for their replies.
	Event func(xgb.Event)
	// Error, when set, hears of requests that failed and that nobody checked.
	Error func(xgb.Error)
}

// OptionsFrom reads DISPLAY, XAUTHORITY and HOME from an environment; the last
// of equal names counts.
func OptionsFrom(environ []string) Options {
	var o Options
	var home string
	for _, entry := range environ {
		switch name, value, _ := strings.Cut(entry, "="); name {
		case "DISPLAY":
			o.Display = value
		case "XAUTHORITY":
			o.Authority = value
		case "HOME":
			home = value
		}
	}
	if o.Authority == "" {
		o.Authority = defaultAuthority(home)
	}
	return o
}

// A Conn is a connection to an X server. The embedded xgb.Conn is safe for
// concurrent use and fails with io.EOF once the server is gone.
type Conn struct {
	*xgb.Conn
	Setup  *xproto.SetupInfo
	Screen *xproto.ScreenInfo

	socket net.Conn
	done   chan struct{}
}

// Dial connects. ctx bounds only that. The caller must Close the connection.
func Dial(ctx context.Context, o Options) (*Conn, error) {
	fillTables()
	a, err := parseDisplay(o.Display)
	if err != nil {
		return nil, fmt.Errorf("connect to an X server: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	socket, err := a.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to the X server at %s: %w", o.Display, err)
	}
	x, err := handshake(ctx, socket, cookie(o.Authority, a))
	if err != nil {
		socket.Close()
		return nil, fmt.Errorf("connect to the X server at %s: %w", o.Display, err)
	}
	c := &Conn{Conn: x, Setup: xproto.Setup(x), socket: socket, done: make(chan struct{})}
	go c.drain(o)
	if a.screen >= len(c.Setup.Roots) {
		c.Close()
		return nil, fmt.Errorf("connect to the X server at %s: it has %d screens", o.Display, len(c.Setup.Roots))
	}
	x.DefaultScreen = a.screen
	c.Screen = &c.Setup.Roots[a.screen]
	return c, nil
}

func handshake(ctx context.Context, socket net.Conn, cookie string) (*xgb.Conn, error) {
	stop := context.AfterFunc(ctx, func() { socket.Close() })
	defer stop()
	var x *xgb.Conn
	var err error
	if cookie == "" {
		x, err = xgb.NewConnNet(socket)
	} else {
		x, err = xgb.NewConnNetWithCookieHex(socket, cookie)
	}
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return x, err
}

// drain takes events for as long as the connection lives: xgb stops reading,
// replies included, when too many wait.
func (c *Conn) drain(o Options) {
	defer close(c.done)
	for {
		event, failure := c.WaitForEvent()
		switch {
		case event == nil && failure == nil:
			return
		case event != nil && o.Event != nil:
			o.Event(event)
		case failure != nil && o.Error != nil:
			o.Error(failure)
		}
	}
}

// Done is closed when the connection has ended, whoever ended it.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Close ends the connection; what was requested before is carried out. It must
// not be called by Options.Event.
func (c *Conn) Close() {
	c.socket.Close()
	<-c.done
}

// Limit ends the connection, and with it every wait for a reply, unless the
// function that it returns is called within d: X has no timeouts, and a server
// that is stopped would hold its clients forever.
func (c *Conn) Limit(d time.Duration) (stop func() bool) {
	return time.AfterFunc(d, func() { c.socket.Close() }).Stop
}

// An Extension is what a server calls one of its extensions.
type Extension struct {
	Major      byte
	FirstEvent byte
	FirstError byte
}

// Extension makes the extension's requests usable on this connection, in the
// place of the Init function of its xgb package, and tells whether the server
// has it. Most extensions want to be asked for their version before anything
// else.
func (c *Conn) Extension(name string) (Extension, bool, error) {
	reply, err := xproto.QueryExtension(c.Conn, uint16(len(name)), name).Reply()
	if err != nil {
		return Extension{}, false, fmt.Errorf("ask for the extension %s: %w", name, err)
	}
	if !reply.Present {
		return Extension{}, false, nil
	}
	c.ExtLock.Lock()
	c.Extensions[name] = reply.MajorOpcode
	c.ExtLock.Unlock()
	return Extension{reply.MajorOpcode, reply.FirstEvent, reply.FirstError}, true, nil
}
