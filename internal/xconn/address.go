package xconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"strings"
)

// ErrNoDisplay is the error of dialling an empty display name.
var ErrNoDisplay = errors.New("DISPLAY is not set")

// socketDir is where X servers of this machine keep their sockets.
const socketDir = "/tmp/.X11-unix"

// address is a display name taken apart.
type address struct {
	host   string // empty for this machine
	socket string // a socket file given in full, else empty
	number int
	screen int
}

// parseDisplay reads [host]:number[.screen], unix:number[.screen] and
// /path/to/socket:number[.screen].
func parseDisplay(name string) (address, error) {
	if name == "" {
		return address{}, ErrNoDisplay
	}
	host, rest, ok := cutLast(name, ":")
	if !ok {
		return address{}, fmt.Errorf("the display name %q has no colon", name)
	}
	number, screen, hasScreen := strings.Cut(rest, ".")
	var a address
	var err error
	if a.number, err = parseOrdinal(number); err != nil {
		return address{}, fmt.Errorf("the display name %q has no valid number", name)
	}
	if hasScreen {
		if a.screen, err = parseOrdinal(screen); err != nil {
			return address{}, fmt.Errorf("the display name %q has no valid screen", name)
		}
	}
	switch {
	case strings.HasPrefix(host, "/"):
		a.socket = host + ":" + number
	case host != "unix":
		a.host = strings.Trim(host, "[]")
	}
	return a, nil
}

// parseOrdinal accepts what can be added to a port number.
func parseOrdinal(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 15)
	return int(n), err
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// dial opens the socket. Servers of this machine listen on a file and, on
// Linux, on an abstract name too, which is there also for a process that sees
// another /tmp.
func (a address) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	if a.host != "" {
		return d.DialContext(ctx, "tcp", net.JoinHostPort(a.host, strconv.Itoa(6000+a.number)))
	}
	if a.socket != "" {
		return d.DialContext(ctx, "unix", a.socket)
	}
	path := socketDir + "/X" + strconv.Itoa(a.number)
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil && runtime.GOOS == "linux" {
		if abstract, err := d.DialContext(ctx, "unix", "@"+path); err == nil {
			return abstract, nil
		}
	}
	return conn, err
}
