package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"agentproof/agent"
	"agentproof/relay"
	"agentproof/session"
	"agentproof/stream"
)

// runRelay says which relay `fakeagent run` gives the agent.
type runRelay struct {
	none   bool
	url    string
	token  string
	listen string
}

func (f *runRelay) flags(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.BoolVar(&f.none, "no-relay", false, "no relay: the agent offers no terminals and no desktop")
	fl.StringVar(&f.url, "relay-url", "", "use the relay at `URL` instead of an own one")
	fl.StringVar(&f.token, "relay-token", "", "the agent's `TOKEN` for --relay-url")
	fl.StringVar(&f.listen, "relay-listen", "", "`ADDR` of the own relay (default a free port on loopback, and none with --nats)")
	cmd.MarkFlagsMutuallyExclusive("no-relay", "relay-url", "relay-listen")
	cmd.MarkFlagsRequiredTogether("relay-url", "relay-token")
}

// configure puts the flags over what cfg holds, and tells whether a relay is
// to be started. An agent that somebody else's broker serves has that
// somebody's relay or none, unless --relay-listen asks for one.
func (f *runRelay) configure(cfg *agent.Config) (own bool) {
	switch {
	case f.none:
		cfg.RelayURL, cfg.RelayToken = "", ""
	case f.url != "":
		cfg.RelayURL, cfg.RelayToken = f.url, f.token
	case f.listen != "":
		return true
	default:
		return len(cfg.URLs) == 0 && cfg.RelayURL == ""
	}
	return false
}

// start runs a relay for the agent of cfg, which learns of it, as r does.
func (f *runRelay) start(cfg *agent.Config, r *reach) (*relay.Server, error) {
	viewers, producers := stream.Secret(rand.Text()), stream.Secret(rand.Text())
	token, err := stream.MintProducer(producers, stream.ProducerClaims{
		WorkspaceID: cfg.WorkspaceID, AgentID: cfg.AgentID,
		// It must last as long as the agent runs.
		Exp: time.Now().AddDate(10, 0, 0).Unix(),
	})
	if err != nil {
		return nil, fmt.Errorf("make the agent's relay token: %w", err)
	}
	srv, err := relay.Start(relay.Config{
		Listen: f.listen, ViewerSecret: viewers, ProducerSecret: producers, Logger: cfg.Logger.With("part", "relay"),
	})
	if err != nil {
		return nil, err
	}
	cfg.RelayURL, cfg.RelayToken = srv.URL(), string(token)
	r.RelayURL, r.ViewerSecret = srv.URL(), string(viewers)
	return srv, nil
}

// sessionRelay is where a relay URL leads viewers.
func sessionRelay(raw string) (session.Relay, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return session.Relay{}, errors.New("the relay URL names no host")
	}
	r := session.Relay{Host: u.Hostname(), Path: u.Path}
	switch u.Scheme {
	case "ws", "http":
		r.NoTLS = true
	case "wss", "https":
	default:
		return session.Relay{}, fmt.Errorf("the relay URL's scheme %q is neither ws nor wss", u.Scheme)
	}
	if u.Port() != "" {
		if r.Port, err = strconv.Atoi(u.Port()); err != nil {
			return session.Relay{}, fmt.Errorf("the relay URL's port: %w", err)
		}
	}
	return r, nil
}
