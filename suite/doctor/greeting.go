package doctor

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"time"
)

// greetLimit is how long a server has to say something first. A NATS server
// does within a round trip.
const greetLimit = 700 * time.Millisecond

// greeted is what a port turned out to speak.
type greeted struct {
	nats, http, tls bool
	text            string // the first line of anything else
}

func (e *exam) dial(ctx context.Context, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: e.scale(dialLimit)}
	return d.DialContext(ctx, "tcp", addr)
}

// greeting finds out what a port speaks: NATS speaks first, and HTTP and TLS
// have to be asked. It closes conn.
func (e *exam) greeting(ctx context.Context, conn net.Conn, addr string) greeted {
	line := e.firstLine(conn, "")
	if line == "" {
		if again, err := e.dial(ctx, addr); err == nil {
			line = e.firstLine(again, fmt.Sprintf("GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", addr))
		}
	}
	switch {
	case strings.HasPrefix(line, "INFO "):
		return greeted{nats: true}
	case e.speaksTLS(ctx, addr): // before HTTP: a web server may say over HTTP that it wants TLS
		return greeted{tls: true}
	case strings.HasPrefix(line, "HTTP/"):
		return greeted{http: true}
	default:
		return greeted{text: line}
	}
}

// firstLine says something, if anything, and returns the first line of the
// answer, as far as people can read it.
func (e *exam) firstLine(conn net.Conn, say string) string {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(e.scale(greetLimit)))
	if _, err := conn.Write([]byte(say)); err != nil {
		return ""
	}
	buf := make([]byte, 100)
	n, _ := conn.Read(buf)
	line, _, _ := strings.Cut(string(buf[:n]), "\n")
	return strings.TrimSpace(strings.ToValidUTF8(line, "?"))
}

// speaksTLS shakes hands and believes nothing.
func (e *exam) speaksTLS(ctx context.Context, addr string) bool {
	conn, err := e.dial(ctx, addr)
	if err != nil {
		return false
	}
	ctx, cancel := e.within(ctx, greetLimit)
	defer cancel()
	c := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	defer conn.Close()
	return c.HandshakeContext(ctx) == nil
}
