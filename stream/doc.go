// Package stream is what agents, relays and viewers share of the stream plane:
// the framing of messages, the tokens of both families, the URLs, a handshaken
// connection to a relay, and a viewer that survives a relay's restart.
//
// The producer's side of a channel is in the package stream/producer; the
// relay itself is in the package relay.
package stream

import agentv1 "agentproof/proto/opengeni/agent/v1"

// What both ends of the stream plane agree on.
const (
	// Path is where a relay accepts websockets.
	Path = "/stream"
	// TerminalPort and DesktopPort are the ports of the two kinds of streams.
	TerminalPort = 7681
	DesktopPort  = 6080

	// MaxMessage is the largest websocket message after the handshake and
	// MaxOpen the largest first one, both in bytes with the tag.
	MaxMessage = 16 << 20
	MaxOpen    = 64 << 10
)

// Websocket status codes, from the private range, by which this project's
// relay tells a viewer that coming back would be of no use.
const (
	StatusDisplaced  = 4001 // a newer viewer took the channel
	StatusNoProducer = 4002 // no producer came within the idle time
)

// Role is the side of a channel that a connection takes.
type Role = agentv1.StreamRole

// The two roles that a relay accepts.
const (
	RoleAgent  = agentv1.StreamRole_STREAM_ROLE_AGENT
	RoleClient = agentv1.StreamRole_STREAM_ROLE_CLIENT
)
