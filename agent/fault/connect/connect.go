// Package connect holds agents that do not find every way to their broker, or
// show it another bearer than their own.
package connect

import (
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"agentproof/agent"
	"agentproof/agent/fault"
)

// scale keeps what shows in nothing coming short.
const scale = 0.2

// nowhere is a URL at which no broker listens.
const nowhere = "nats://127.0.0.1:1"

// Mutants returns the area's mutants, anew.
func Mutants() []fault.Mutant { return slices.Concat(bearers(), ways()) }

func bearers() []fault.Mutant {
	const verbatim, again = "connect.token/verbatim", "connect.token/on-every-connection"
	return []fault.Mutant{
		{Name: "escapes its bearer", Case: verbatim, Says: "another token, or none",
			Config: func(cfg *agent.Config) { cfg.Token = url.QueryEscape(cfg.Token) }},
		{Name: "refuses a bearer with odd characters", Case: verbatim, Says: "none that got in", Scale: scale,
			Config: func(cfg *agent.Config) {
				if strings.ContainsAny(cfg.Token, "/?#@") {
					cfg.URLs = []string{nowhere}
				}
			}},
		{Name: "forgets its bearer", Case: again, Says: "another token, or none", Scale: scale,
			Config: func(cfg *agent.Config) {
				connections := 0
				cfg.NATSOptions = append(cfg.NATSOptions, func(o *nats.Options) error {
					if connections++; connections > 1 {
						o.Token = ""
					}
					return nil
				})
			}},
	}
}

// ways are agents to which a kind of URL is closed.
func ways() []fault.Mutant {
	first := func(cfg *agent.Config) { cfg.URLs = cfg.URLs[:1] }
	return []fault.Mutant{
		{Name: "stays with the first broker that it knew", Case: "connect.urls/nats", Says: "over nats", Scale: scale, Alone: true, Config: faithful()},
		{Name: "knows no TLS", Case: "connect.urls/tls", Says: "over tls", Scale: scale, Config: without("tls")},
		{Name: "knows no websocket", Case: "connect.urls/ws", Says: "over ws", Scale: scale,
			Also: []string{"connect.urls/wss", "connect.urls/next-after-a-dead-websocket"}, Config: without("ws", "wss")},
		{Name: "knows no websocket over TLS", Case: "connect.urls/wss", Says: "over wss", Scale: scale, Config: without("wss")},
		{Name: "tries one URL only", Case: "connect.urls/next-after-a-dead-one", Says: "the second of two nats URLs", Scale: scale,
			Also: []string{"connect.urls/next-after-a-dead-websocket"}, Config: first},
		{Name: "tries one websocket only", Case: "connect.urls/next-after-a-dead-websocket", Says: "the second of two ws URLs", Scale: scale,
			Config: func(cfg *agent.Config) {
				if strings.HasPrefix(cfg.URLs[0], "ws") {
					first(cfg)
				}
			}},
	}
}

// faithful goes to the first plain broker that any agent of this mutant was told
// of, as one that keeps what it was told once.
func faithful() func(*agent.Config) {
	var first atomic.Pointer[string]
	return func(cfg *agent.Config) {
		if url := cfg.URLs[0]; len(cfg.URLs) == 1 && strings.HasPrefix(url, "nats:") && !first.CompareAndSwap(nil, &url) {
			cfg.URLs = []string{*first.Load()}
		}
	}
}

// without leaves out the URLs of some schemes.
func without(schemes ...string) func(*agent.Config) {
	return func(cfg *agent.Config) {
		cfg.URLs = slices.DeleteFunc(slices.Clone(cfg.URLs), func(raw string) bool {
			scheme, _, _ := strings.Cut(raw, "://")
			return slices.Contains(schemes, scheme)
		})
		if len(cfg.URLs) == 0 {
			cfg.URLs = []string{nowhere}
		}
	}
}
