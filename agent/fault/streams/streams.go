// Package streams holds agents that get their side of the stream plane wrong:
// how they dial the relay, number their frames, come back, and take input.
package streams

import (
	"net/url"
	"slices"
	"strings"

	"agentproof/agent"
	"agentproof/agent/fault"
	"agentproof/internal/streamtap"
)

// soon is the scale for what shows in nothing coming.
const soon = 0.2

// Mutants returns the area's mutants, anew.
func Mutants() []fault.Mutant { return slices.Concat(dials(), frames(), inputs(), reconnects()) }

func tapped(name, id, says string, tap streamtap.Tap) fault.Mutant {
	return fault.Mutant{Name: name, Case: id, Says: says, Beside: fault.Tapped(tap)}
}

// silent is a mutant that shows in nothing coming.
func silent(name, id, says string, tap streamtap.Tap) fault.Mutant {
	m := tapped(name, id, says, tap)
	m.Scale = soon
	return m
}

// query changes what the agent adds to its relay URL.
func query(edit func(own, added string) string) streamtap.Tap {
	return streamtap.Tap{Dial: func(uri string) string {
		i := strings.Index(uri, "ws=")
		return edit(uri[:i], uri[i:])
	}}
}

func dials() []fault.Mutant {
	const (
		key  = "stream.dial.producer/routing-key"
		ours = "stream.dial.producer/keeps-the-urls-own-query"
		path = "stream.dial.producer/keeps-the-urls-own-path"
	)
	all := []string{"stream.dial.producer/*"}
	swapped := query(func(own, added string) string {
		return own + strings.NewReplacer("ws=", "agent=", "agent=", "ws=").Replace(added)
	})
	reordered := query(func(own, added string) string {
		words := strings.Split(added, "&")
		slices.Sort(words)
		return own + strings.Join(words, "&")
	})
	slashed := query(func(own, added string) string { return strings.Replace(own, "?", "/?", 1) + added })
	bare := query(func(own, added string) string { return own[:strings.Index(own, "?")+1] + added })
	encoded := query(func(own, added string) string {
		path, q, _ := strings.Cut(own, "?")
		values, _ := url.ParseQuery(q)
		values.Del("")
		return path + "?" + values.Encode() + "&" + added
	})
	channelless := query(func(own, added string) string { return own + added[:strings.Index(added, "&channel=")] })
	mutants := []fault.Mutant{
		tapped("swaps workspace and agent", key, "STREAM", swapped),
		tapped("sorts its query", key, "another URL", reordered),
		tapped("adds a slash to the URL", key, "STREAM", slashed),
		{Name: "says that it has a terminal and dials nobody", Case: key, Says: "no dial",
			Config: func(cfg *agent.Config) { cfg.Terminals = pretender{} }},
		tapped("drops the relay URL's own query", ours, "another URL", bare),
		tapped("encodes the relay URL's own query again", ours, "another URL", encoded),
		{Name: "dials the path that it knows", Case: path, Says: "another URL",
			Config: func(cfg *agent.Config) {
				if u, err := url.Parse(cfg.RelayURL); err == nil {
					u.Path = "/stream"
					cfg.RelayURL = u.String()
				}
			}},
		tapped("leaves the channel out", "stream.dial.producer-channel/in-the-query", "another, or none", channelless),
	}
	for i := range mutants {
		mutants[i].Also = all
	}
	return mutants
}
