// Package ping holds agents whose answer to a ping is not quite one.
package ping

import (
	"sync/atomic"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Mutants returns the area's mutants, anew.
func Mutants() []fault.Mutant {
	var pings atomic.Uint64
	return []fault.Mutant{
		{Name: "answers with a nonce of its own", Case: "ping.nonce/echoed", Says: "the nonce 42",
			Also:  []string{"ping.nonce/full-range"},
			Fault: edit(func(r *agentv1.PingResponse) { r.Nonce = 1 })},
		{Name: "passes nonces through a float", Case: "ping.nonce/full-range", Says: "the nonce 9007199254740993; got 9007199254740992",
			Fault: edit(func(r *agentv1.PingResponse) { r.Nonce = uint64(float64(r.GetNonce())) })},
		{Name: "cuts nonces to 63 bits", Case: "ping.nonce/full-range", Says: "the nonce 9223372036854775808; got 0",
			Fault: edit(func(r *agentv1.PingResponse) { r.Nonce &^= 1 << 63 })},
		{Name: "has a clock that steps back", Case: "ping.monotonic/never-decreases", Says: "one that went back",
			Fault: edit(func(r *agentv1.PingResponse) {
				if pings.Add(1)%20 == 0 {
					r.AgentMonotonicMs = 0
				}
			})},
	}
}

func edit(change func(*agentv1.PingResponse)) agent.Middleware {
	return fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if r := resp.GetPing(); r != nil {
			change(r)
		}
	})
}
