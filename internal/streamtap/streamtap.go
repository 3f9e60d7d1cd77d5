// Package streamtap stands between an agent and its relay, to see what they
// say to each other and to change it.
package streamtap

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"agentproof/stream"
)

// A Tap passes every connection that it is asked for on to a relay, message by
// message. A side that does not read slows the other one, as it would without
// a tap. It is safe for concurrent use while its fields do not change.
type Tap struct {
	// Relay is where the relay listens: "ws://host:port".
	Relay string
	// Dial, when set, changes the request URI that the relay is asked for; ""
	// refuses the connection.
	Dial func(uri string) string
	// Plain leaves out this project's extension (stream.ResendHeader), as other
	// agents do.
	Plain bool
	// Open, when set, makes what looks at the messages of a new connection.
	Open func() Edits
}

// An Edit sees one message and returns what is passed on in its place. It is
// called for one message at a time and owns its bytes.
type Edit func(message []byte) [][]byte

// Edits are those of one connection; what is nil changes nothing.
type Edits struct {
	ToRelay Edit
	ToAgent Edit
	// Lost is called when the relay's end is gone and the agent's is not; what
	// it returns is passed on to the agent.
	Lost func() [][]byte
}

// ServeHTTP serves one connection of an agent until one of its ends is gone,
// and then ends the other in the same way.
func (t *Tap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t.Serve(context.Background(), w, r) // the request's own context ends with the upgrade
}

// Serve is ServeHTTP until ctx ends, which cuts both ends.
func (t *Tap) Serve(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	uri := r.RequestURI
	if t.Dial != nil {
		uri = t.Dial(uri)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if uri == "" {
		http.Error(w, "refused", http.StatusBadGateway)
		return
	}
	header := http.Header{}
	if resend := r.Header.Get(stream.ResendHeader); resend != "" && !t.Plain {
		header.Set(stream.ResendHeader, resend)
	}
	relay, resp, err := websocket.Dial(ctx, t.Relay+uri, &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		http.Error(w, "the relay is away", http.StatusBadGateway)
		return
	}
	defer relay.CloseNow()
	if resend := resp.Header.Get(stream.ResendHeader); resend != "" {
		w.Header().Set(stream.ResendHeader, resend)
	}
	agent, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer agent.CloseNow()
	relay.SetReadLimit(stream.MaxMessage)
	agent.SetReadLimit(stream.MaxMessage)

	var edits Edits
	if t.Open != nil {
		edits = t.Open()
	}
	lost := sync.OnceFunc(func() { _ = write(ctx, agent, edits.Lost()) })
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		defer cancel()
		relayLost, err := pump(ctx, relay, agent, edits.ToRelay)
		if relayLost && edits.Lost != nil {
			lost()
			drain(ctx, agent)
		}
		end(relay, err)
	}()
	_, err = pump(ctx, agent, relay, edits.ToAgent)
	if edits.Lost != nil && ctx.Err() == nil {
		lost()
		select {
		case <-gone:
		case <-time.After(lostGrace):
		}
	}
	end(agent, err)
	cancel()
	<-gone
}

// lostGrace is how long an agent may take to read what Lost told it: a
// connection that is closed before loses that.
const lostGrace = 5 * time.Second

// drain reads until a side has ended.
func drain(ctx context.Context, from *websocket.Conn) {
	ctx, cancel := context.WithTimeout(ctx, lostGrace)
	defer cancel()
	for {
		if _, _, err := from.Read(ctx); err != nil {
			return
		}
	}
}

// pump passes messages on until one side ends, and returns how. lost is set
// when that was the side which they go to.
func pump(ctx context.Context, to, from *websocket.Conn, edit Edit) (lost bool, err error) {
	for {
		typ, message, err := from.Read(ctx)
		if err != nil {
			return false, err
		}
		if typ != websocket.MessageBinary {
			continue // ignored by either end (stream.md, Framing)
		}
		messages := [][]byte{message}
		if edit != nil {
			messages = edit(message)
		}
		if err := write(ctx, to, messages); err != nil {
			return true, err
		}
	}
}

func write(ctx context.Context, to *websocket.Conn, messages [][]byte) error {
	for _, m := range messages {
		if err := to.Write(ctx, websocket.MessageBinary, m); err != nil {
			return err
		}
	}
	return nil
}

// end ends a connection as the other one ended: with a close frame, or bare.
func end(c *websocket.Conn, how error) {
	if status := websocket.CloseStatus(how); status == websocket.StatusNormalClosure || status == websocket.StatusGoingAway {
		_ = c.Close(status, "")
		return
	}
	_ = c.CloseNow()
}
