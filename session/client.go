package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// ErrClosed is the error of a client that was closed.
var ErrClosed = errors.New("session: client is closed")

// A Client binds sessions for a sandbox consumer. It is safe for concurrent
// use.
type Client struct {
	cfg    Config
	newRPC func() ControlRPC

	mu     sync.Mutex
	rpc    ControlRPC // nil until the first session is bound
	closed bool
}

// NewClient returns a client whose sessions are configured by cfg; its AgentID
// may be empty if Resume brings one. newRPC runs once, when the first session
// is bound (session.client.new).
func NewClient(newRPC func() ControlRPC, cfg Config) *Client {
	return &Client{cfg: cfg, newRPC: newRPC}
}

// BackendID is the constant of that name.
func (c *Client) BackendID() string { return BackendID }

// SupportsDefaultOptions is false: a machine cannot be made to order.
func (c *Client) SupportsDefaultOptions() bool { return false }

// CanPersistOwnedSessionState is false: nobody owns a machine's files but the
// machine.
func (c *Client) CanPersistOwnedSessionState() bool { return false }

// Create binds a session to the client's own agent. There is no box to
// provision (session.client.bind).
func (c *Client) Create() (*Session, error) { return c.bind(c.cfg.AgentID) }

// Resume binds a session to the agent that state names, a JSON object as
// Deserialize takes it; empty means the client's own agent
// (session.client.resume).
func (c *Client) Resume(state []byte) (*Session, error) {
	st, err := c.Deserialize(state)
	if err != nil {
		return nil, err
	}
	return c.bind(st.AgentID)
}

func (c *Client) bind(agentID string) (*Session, error) {
	if agentID == "" {
		return nil, errors.New("session: no agent id: neither the state nor the client has one")
	}
	rpc, err := c.controlRPC()
	if err != nil {
		return nil, err
	}
	cfg := c.cfg
	cfg.AgentID = agentID
	return New(rpc, cfg)
}

func (c *Client) controlRPC() (ControlRPC, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	if c.rpc == nil && c.newRPC != nil {
		c.rpc = c.newRPC()
	}
	return c.rpc, nil
}

// Serialize returns the JSON to persist of a session: {"agentId": …} and
// nothing else.
func (c *Client) Serialize(s *Session) ([]byte, error) {
	data, err := json.Marshal(s.SerializeState())
	if err != nil {
		return nil, fmt.Errorf("serialize session state: %w", err)
	}
	return data, nil
}

// Deserialize reads {"agentId": …} or {"providerState": {"agentId": …}}; the
// former wins. An id that is missing, empty or no string is replaced by the
// client's own (session.client.round-trip).
func (c *Client) Deserialize(state []byte) (SerializedState, error) {
	var top map[string]any
	if len(state) > 0 {
		if err := json.Unmarshal(state, &top); err != nil {
			return SerializedState{}, fmt.Errorf("deserialize session state: %w", err)
		}
	}
	id := top["agentId"]
	if id == nil {
		provider, _ := top["providerState"].(map[string]any)
		id = provider["agentId"]
	}
	if s, ok := id.(string); ok && s != "" {
		return SerializedState{AgentID: s}, nil
	}
	return SerializedState{AgentID: c.cfg.AgentID}, nil
}

// Close closes the ControlRPC if it can be closed. Sessions of the client are
// of no use after it, and it binds no more.
func (c *Client) Close() error {
	c.mu.Lock()
	rpc, closed := c.rpc, c.closed
	c.closed = true
	c.mu.Unlock()
	closer, ok := rpc.(io.Closer)
	if closed || !ok {
		return nil
	}
	if err := closer.Close(); err != nil {
		return fmt.Errorf("close the control connection: %w", err)
	}
	return nil
}

// BackendSession is a client with the session that it resumed.
type BackendSession struct {
	Client  *Client
	Session *Session
}

// BuildBackendSession makes a client and resumes the session of cfg's agent
// with it: the one construction that everything in a control plane shares, so
// that a worker's session and a viewer's cannot differ
// (session.client.build). Close the client when done.
func BuildBackendSession(newRPC func() ControlRPC, cfg Config) (*BackendSession, error) {
	c := NewClient(newRPC, cfg)
	s, err := c.Resume(nil)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &BackendSession{Client: c, Session: s}, nil
}
