package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Relay is where viewers meet a machine's streams.
type Relay struct {
	Host string
	// Port 0 means 443, or 80 with NoTLS.
	Port  int
	NoTLS bool
	// Path empty means RelayPath.
	Path string
}

// Protocol is what a stream carries.
type Protocol string

const (
	ProtocolPTY Protocol = "pty"
	ProtocolVNC Protocol = "vnc"
	ProtocolRaw Protocol = "raw"
)

// Endpoint is where a viewer opens a websocket. It holds no token: the viewer
// presents that in-band (session.endpoint.token-in-band).
type Endpoint struct {
	Host     string   `json:"host"`
	Port     int      `json:"port"`
	TLS      bool     `json:"tls"`
	Path     string   `json:"path"`
	Query    string   `json:"query"`
	Protocol Protocol `json:"protocol"`
}

// URL is the endpoint as a websocket URL, without the port when it is the
// scheme's own.
func (e Endpoint) URL() string {
	u := url.URL{Scheme: "wss", Host: e.Host, Path: e.Path, RawQuery: e.Query}
	standard := 443
	if !e.TLS {
		u.Scheme, standard = "ws", 80
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(e.Host, "["), "]")
	switch {
	case e.Port != standard:
		u.Host = net.JoinHostPort(bare, strconv.Itoa(e.Port))
	case strings.Contains(bare, ":"):
		u.Host = "[" + bare + "]"
	}
	return u.String()
}

// ResolveExposedPort starts what a port stands for and says where its stream
// is: DesktopPort the desktop, any other port a new terminal at every call. A
// port other than those two is refused unless the agent's channel carries it,
// for the relay would never pair the two ends (session.endpoint).
func (s *Session) ResolveExposedPort(ctx context.Context, port int) (Endpoint, error) {
	e, err := s.resolvePort(ctx, port)
	if err != nil {
		return Endpoint{}, fmt.Errorf("resolve port %d: %w", port, err)
	}
	return e, nil
}

func (s *Session) resolvePort(ctx context.Context, port int) (Endpoint, error) {
	if port < 1 || port > 65535 {
		return Endpoint{}, errors.New("not a port")
	}
	if s.cfg.Relay.Host == "" {
		return Endpoint{}, errors.New("the session has no relay")
	}
	if port == DesktopPort {
		resp, err := s.Do(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_DesktopEnsure{
			DesktopEnsure: &agentv1.DesktopEnsureRequest{},
		}})
		if err != nil {
			return Endpoint{}, err
		}
		return s.endpoint(port, resp.GetDesktopEnsure().GetChannel()), nil
	}
	resp, err := s.Do(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_PtyOpen{PtyOpen: &agentv1.PtyOpenRequest{
		Cwd:  s.terminalDir(),
		Term: "xterm-256color",
	}}})
	if err != nil {
		return Endpoint{}, err
	}
	pty := resp.GetPtyOpen()
	if port != TerminalPort && pty.GetChannel().GetPort() != uint32(port) {
		err := fmt.Errorf("the agent's channel is for port %d", pty.GetChannel().GetPort())
		return Endpoint{}, errors.Join(err, s.closeTerminal(ctx, pty.GetPtyId()))
	}
	return s.endpoint(port, pty.GetChannel()), nil
}

// closeTerminal takes back a terminal that no viewer can reach.
func (s *Session) closeTerminal(ctx context.Context, id string) error {
	_, err := s.Do(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_PtyClose{PtyClose: &agentv1.PtyCloseRequest{PtyId: id}}})
	if err != nil {
		return fmt.Errorf("close the terminal: %w", err)
	}
	return nil
}

// terminalDir is the base, except that a terminal for "/" opens there: its
// base is empty and would be the agent's root (session.path.terminal-cwd).
func (s *Session) terminalDir() string {
	if s.cfg.WorkingDir == "/" {
		return "/"
	}
	return baseOf(s.cfg.WorkingDir)
}

func (s *Session) endpoint(port int, ch *agentv1.StreamChannel) Endpoint {
	r := s.cfg.Relay
	e := Endpoint{Host: r.Host, Port: r.Port, TLS: !r.NoTLS, Path: r.Path, Protocol: ProtocolRaw}
	if e.Port == 0 && e.TLS {
		e.Port = 443
	} else if e.Port == 0 {
		e.Port = 80
	}
	if e.Path == "" {
		e.Path = RelayPath
	}
	switch ch.GetKind() {
	case agentv1.StreamKind_STREAM_KIND_PTY:
		e.Protocol = ProtocolPTY
	case agentv1.StreamKind_STREAM_KIND_DESKTOP:
		e.Protocol = ProtocolVNC
	}
	channel := ch.GetChannelId()
	if channel == "" {
		channel = fmt.Sprintf("%s:%s:%d", s.cfg.WorkspaceID, s.cfg.AgentID, port)
	}
	e.Query = fmt.Sprintf("ws=%s&agent=%s&port=%d&channel=%s",
		encodeURIComponent(s.cfg.WorkspaceID), encodeURIComponent(s.cfg.AgentID), port, encodeURIComponent(channel))
	return e
}

// encodeURIComponent escapes as JavaScript's function of that name does.
// Viewers compare queries byte for byte, and url.QueryEscape and
// url.PathEscape each keep or change other characters
// (session.endpoint.escaping).
func encodeURIComponent(s string) string {
	const upperHex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.!~*'()", c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
		}
	}
	return b.String()
}
