package runner_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/verdict"
)

// reading needs fs_read, and given is for a case that reads to arrange something.
func reading(id, clause string, given bool) engine.Case {
	return engine.Case{ID: id, Clause: clause, Run: func(ctx context.Context, t *engine.T) {
		if given {
			t = t.Given()
		}
		t.Call(ctx, &agentv1.FsReadRequest{Path: id})
	}}
}

func TestAnOperationWithoutAReplyFailsOneCaseAndBlocksTheOthers(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	mute := func(req *agentv1.ControlRequest) [][]byte {
		if req.GetFsRead() != nil {
			asked.Add(1)
			return nil
		}
		return pong(req)
	}
	opts := options(t, mute,
		reading("exec.argv/arranges", "exec.argv", true),
		reading("envelope.order/should", "envelope.order", false),
		reading("fs.read.whole/first", "fs.read.whole", false),
		reading("fs.read.whole/second", "fs.read.whole", false),
		engine.Case{ID: "ping.nonce/other", Run: func(ctx context.Context, t *engine.T) { t.Ping(ctx, 1) }},
	)
	for _, id := range []string{"third", "fourth", "fifth", "sixth", "seventh"} {
		c := reading("fs.read.whole/"+id, "fs.read.whole", false)
		c.Explain = "It tests the engine."
		opts.Cases = append(opts.Cases, c)
	}
	opts.Parallel = 2
	for _, res := range run(t, opts).Results {
		want, says := verdict.Blocked, "the agent does not reply to fs_read (first failed in fs.read.whole/fifth)"
		switch res.ID {
		case "fs.read.whole/fifth":
			want, says = verdict.Fail, "want a reply to fs_read in time; got none"
		case "ping.nonce/other":
			want, says = verdict.Pass, ""
		}
		if res.Status != want || res.Reason != says {
			t.Errorf("%s is %s %q, want %s %q", res.ID, res.Status, res.Reason, want, says)
		}
	}
	if n := asked.Load(); n == 0 || n > 20 {
		t.Errorf("%d requests", n)
	}
}

func TestAnInputWithoutAReplyFailsItsCaseAlone(t *testing.T) {
	t.Parallel()
	opts := options(t, func(req *agentv1.ControlRequest) [][]byte {
		if strings.HasSuffix(req.GetFsRead().GetPath(), "odd") {
			return nil
		}
		return pong(req)
	},
		reading("fs.read.whole/very-odd", "fs.read.whole", false),
		reading("fs.read.whole/odd", "fs.read.whole", false),
		reading("fs.read.whole/even", "fs.read.whole", false),
	)
	want := map[string]verdict.Status{"fs.read.whole/very-odd": verdict.Fail, "fs.read.whole/odd": verdict.Fail, "fs.read.whole/even": verdict.Pass}
	for _, res := range run(t, opts).Results {
		if res.Status != want[res.ID] {
			t.Errorf("%s is %s %q, want %s", res.ID, res.Status, res.Reason, want[res.ID])
		}
	}
}

func TestThereIsASampleOfEveryOperation(t *testing.T) {
	t.Parallel()
	ops := (&agentv1.ControlRequest{}).ProtoReflect().Descriptor().Oneofs().ByName("op").Fields()
	for i := range ops.Len() {
		name := string(ops.Get(i).Name())
		req := engine.Sample(name)
		if got := req.ProtoReflect().WhichOneof(ops.Get(i).ContainingOneof()); got == nil || string(got.Name()) != name {
			t.Errorf("the sample of %s is %v", name, req)
		}
	}
	if req := engine.Sample("fs_fly"); req != nil {
		t.Errorf("the sample of an operation that does not exist is %v", req)
	}
}
