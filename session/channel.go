package session

import (
	"errors"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Endpoint is where a viewer finds a channel that an operation sent by Do
// returned. ResolveExposedPort does both in one, for a terminal of the default
// size that nobody resizes.
func (s *Session) Endpoint(ch *agentv1.StreamChannel) (Endpoint, error) {
	if s.cfg.Relay.Host == "" {
		return Endpoint{}, errors.New("the session has no relay")
	}
	return s.endpoint(int(ch.GetPort()), ch), nil
}
