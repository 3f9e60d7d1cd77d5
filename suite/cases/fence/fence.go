// Package fence holds the cases about the epoch fence: requests that were
// resolved against an older lease of the machine must not run.
package fence

import (
	"context"
	"math"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wire"
)

// Cases returns the cases of this area.
func Cases() []engine.Case {
	return slices.Concat(staleCases(), firstCases(), passingCases())
}

// passingCases are about requests that the fence lets through.
func passingCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "fence.current/runs",
			Clause:  "fence.current",
			Explain: "The control plane that holds the lease sends exactly this epoch with every request; off by one, and nothing works.",
			Try:     "fakeagent run --epoch 7; fakeagent call --epoch 7 write f.txt x",
			Run:     currentRuns,
		},
		{
			ID:      "fence.newer/runs",
			Clause:  "fence.newer",
			Explain: "The lease moves on before the agent hears of it; the new holder's requests must not wait for that.",
			Try:     "fakeagent run --epoch 7; fakeagent call --epoch 8 write f.txt x",
			Launch:  &engine.Launch{},
			Run:     newerRuns,
		},
		{
			ID:      "fence.newer/full-range",
			Clause:  "fence.newer",
			Explain: "Epochs are unsigned; compared as signed numbers, the upper half would look older than everything.",
			Try:     "fakeagent run --epoch 7; fakeagent call --epoch 4294967295 write f.txt x",
			Launch:  &engine.Launch{},
			Run:     newerFullRange,
		},
		{
			ID:      "fence.newer/agent-without-epoch",
			Clause:  "fence.newer",
			Explain: "An agent that was told no epoch holds 0, and any epoch is newer than that.",
			Try:     "fakeagent run; fakeagent call --epoch 1 write f.txt x",
			Launch:  &engine.Launch{Epoch: -1},
			Run:     newerWithoutEpoch,
		},
		{
			ID:      "fence.unset/never-fenced",
			Clause:  "fence.unset",
			Explain: "Callers without a lease, such as probes, send no epoch; 0 means unset, not ancient.",
			Try:     "fakeagent run --epoch 7; fakeagent call write f.txt x",
			Run:     unsetRuns,
		},
		{
			ID:      "fence.unset/after-a-newer-epoch",
			Clause:  "fence.unset",
			Explain: "Where a newer epoch raises the held one, requests without any must still pass.",
			Launch:  &engine.Launch{},
			Run:     unsetAfterNewer,
		},
		{
			ID:      "fence.ratchet/newer-epoch-raises-held",
			Clause:  "fence.ratchet",
			Explain: "Whether the old holder is fenced by the new one's first request, or only by the next credentials, is worth knowing.",
			Try:     "fakeagent run --epoch 7; fakeagent call --epoch 8 ping; fakeagent call --epoch 7 ping",
			Launch:  &engine.Launch{},
			Run:     ratchet,
		},
	}
}

// held is the epoch that the agent holds, at least 2 so that there are stale
// ones on either side of the smallest.
func held(t *engine.T) uint32 {
	epoch := t.Instance().HeldEpoch
	if epoch < 2 {
		t.Untestable("it needs to know the epoch that the agent holds: give one of 2 or more with --held-epoch")
	}
	return epoch
}

// at puts an operation into a request of an epoch.
func at(epoch uint32, op proto.Message) *agentv1.ControlRequest {
	req := wire.NewRequest(op)
	req.Epoch = epoch
	return req
}

// runsAt judges that a write of this epoch is carried out.
func runsAt(ctx context.Context, t *engine.T, epoch uint32) {
	name := t.Path(ctx, "written-at-"+strconv.FormatUint(uint64(epoch), 10))
	engine.MustOf[*agentv1.FsWriteResponse](t, t.Do(ctx, at(epoch, &agentv1.FsWriteRequest{Path: name, Content: []byte("x")})))
	content, _ := t.Look(ctx, name)
	engine.EqualBytes(t, "the content written", content, []byte("x"))
}

// writes blocks a case on an agent that carries out a write of none of the epochs:
// then it is not for the fence that it refuses another.
func writes(ctx context.Context, t *engine.T, epochs ...uint32) {
	name := t.Path(ctx, "control")
	for _, epoch := range epochs {
		resp := t.Given().Do(ctx, at(epoch, &agentv1.FsWriteRequest{Path: name, Content: []byte("x")}))
		if content, _ := t.Look(ctx, name); resp.GetFsWrite() != nil && string(content) == "x" {
			return
		}
	}
	t.Given().Fatalf("an agent that writes files", "one that does not")
}

func currentRuns(ctx context.Context, t *engine.T) {
	epoch := held(t)
	writes(ctx, t, 0)
	runsAt(ctx, t, epoch)
}

func newerRuns(ctx context.Context, t *engine.T) {
	epoch := held(t)
	writes(ctx, t, epoch, 0)
	runsAt(ctx, t, epoch+1)
}

func newerFullRange(ctx context.Context, t *engine.T) {
	writes(ctx, t, held(t), 0)
	for _, epoch := range []uint32{held(t) + 1000, math.MaxInt32, math.MaxInt32 + 1, math.MaxUint32} {
		runsAt(ctx, t, epoch)
	}
}

func newerWithoutEpoch(ctx context.Context, t *engine.T) {
	writes(ctx, t, 0)
	runsAt(ctx, t, 1)
}

func unsetRuns(ctx context.Context, t *engine.T) {
	writes(ctx, t, held(t))
	runsAt(ctx, t, 0)
}

func unsetAfterNewer(ctx context.Context, t *engine.T) {
	writes(ctx, t, held(t)+1, held(t))
	runsAt(ctx, t, 0)
}

func ratchet(ctx context.Context, t *engine.T) {
	epoch := held(t)
	t.Given().Do(ctx, at(epoch+1, &agentv1.PingRequest{}))
	resp := t.Do(ctx, at(epoch, &agentv1.PingRequest{}))
	if resp.GetError().GetCode() == agentv1.ErrorCode_ERROR_CODE_FENCED {
		t.Record("a newer epoch raises the held one")
		return
	}
	t.Record("a newer epoch does not raise the held one")
}
