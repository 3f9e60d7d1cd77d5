// Package fence holds agents whose epoch fence has gaps, comes too late, or
// keeps out what it must let in.
package fence

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

const fenced = agentv1.ErrorCode_ERROR_CODE_FENCED

// Mutants returns the area's mutants, anew.
func Mutants() []fault.Mutant { return slices.Concat(gaps(), late(), tooHigh()) }

// unfenced lets stale requests that match pass the fence.
func unfenced(match func(*agentv1.ControlRequest) bool) agent.Middleware {
	return fault.Before(func(req *agentv1.ControlRequest) {
		if match(req) {
			req.Epoch = 0
		}
	})
}

// unfencedAt lets a stale epoch pass, given the one that the agent holds.
func unfencedAt(stale func(epoch, held uint32) bool) func(*agent.Config) {
	return func(cfg *agent.Config) {
		held := cfg.Epoch
		cfg.Middleware = append(cfg.Middleware, unfenced(func(r *agentv1.ControlRequest) bool { return stale(r.GetEpoch(), held) }))
	}
}

// overfenced refuses epochs, given the one that the agent holds.
func overfenced(match func(r *agentv1.ControlRequest, held uint32) bool) func(*agent.Config) {
	return func(cfg *agent.Config) {
		held := cfg.Epoch
		cfg.Middleware = append(cfg.Middleware, fault.Refuse(fenced, func(r *agentv1.ControlRequest) bool { return match(r, held) }))
	}
}

// fencedAfter runs the operation and looks at the epoch then.
func fencedAfter(next agent.Handler) agent.Handler {
	return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
		if req.GetEpoch() != 0 {
			unset := proto.CloneOf(req)
			unset.Epoch = 0
			next(ctx, unset)
		}
		return next(ctx, req)
	}
}

func late() []fault.Mutant {
	mutant := func(does, id, says string) fault.Mutant {
		return fault.Mutant{Name: does, Case: id, Says: says, Fault: fencedAfter,
			Also: []string{"fence.stale/a-*", "fence.stale/an-*"}}
	}
	return []fault.Mutant{
		mutant("creates what it fences", "fence.stale/a-write-creates-nothing", "got a file"),
		mutant("writes what it fences", "fence.stale/a-write-changes-nothing", "got other content"),
		mutant("appends what it fences", "fence.stale/an-append-adds-nothing", "got other content"),
		mutant("removes what it fences", "fence.stale/a-remove-removes-nothing", "got no file"),
		mutant("moves what it fences", "fence.stale/a-move-moves-nothing", "got no file"),
		mutant("makes the directory that it fences", "fence.stale/a-mkdir-creates-nothing", "got a directory"),
		mutant("runs the command that it fences", "fence.stale/a-command-does-not-run", "the file that it writes"),
	}
}
