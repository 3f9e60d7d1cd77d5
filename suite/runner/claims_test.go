package runner_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"agentproof/fixtures/broker"
	"agentproof/fixtures/broker/brokertest"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/subject"
	"agentproof/suite/verdict"
)

// each is one case for every capability.
func each(run func(context.Context, *engine.T)) []engine.Case {
	return []engine.Case{
		{ID: "exec.cwd/needs-exec", Clause: "exec.cwd", Needs: engine.Exec, Run: run},
		{ID: "fs.write.empty/needs-files", Clause: "fs.write.empty", Needs: engine.Filesystem, Run: run},
		{ID: "git.argv/needs-git", Clause: "git.argv", Needs: engine.Git, Run: run},
		{ID: "pty.open/needs-terminals", Clause: "pty.open", Needs: engine.PTY, Run: run},
		{ID: "desktop.ensure/needs-a-screen", Clause: "desktop.ensure", Needs: engine.Desktop, Run: run},
	}
}

// TestWhatIsNotClaimedIsNotWaitedFor keeps the run of an agent without all
// capabilities from costing what the others cost.
func TestWhatIsNotClaimedIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	never := func(context.Context, *engine.T) { panic("it ran") }
	opts := options(t, pong,
		engine.Case{ID: "pty.open/on-its-own", Clause: "pty.open", Needs: engine.PTY, Launch: &engine.Launch{}, Run: never},
		engine.Case{ID: "pty.open/after-an-hour", Clause: "pty.open", Needs: engine.PTY, Idle: time.Hour, Run: never},
		engine.Case{ID: "pty.open/alone", Clause: "pty.open", Needs: engine.PTY, Exclusive: true, Run: never},
	)
	var starts atomic.Int32
	start := opts.Subject.Start
	opts.Subject.Start = func(ctx context.Context, env subject.Environment) (subject.Process, error) {
		starts.Add(1)
		return start(ctx, env)
	}
	if rep := run(t, opts); rep.Totals[verdict.NotClaimed] != 3 {
		t.Errorf("got %v", rep.Totals)
	}
	if n := starts.Load(); n != 1 {
		t.Errorf("the agent was started %d times to learn what it claims", n)
	}
}

// TestWhatAnAttachedAgentOffersIsFoundOut attaches to agents whose Hello was
// missed: none of them may be blamed for what it does not claim.
func TestWhatAnAttachedAgentOffersIsFoundOut(t *testing.T) {
	t.Parallel()
	refuse := func(code agentv1.ErrorCode) answer {
		return func(req *agentv1.ControlRequest) [][]byte {
			resp := reply(req)
			if resp.GetError() != nil {
				resp.Error.Code = code
			}
			return [][]byte{encode(resp)}
		}
	}
	for name, tt := range map[string]struct {
		agent answer
		want  map[string]verdict.Status // by area
		why   string                    // of what is untestable
	}{
		"one that has nothing": {
			refuse(agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED),
			map[string]verdict.Status{"exec": verdict.NotClaimed, "fs": verdict.NotClaimed, "git": verdict.NotClaimed, "pty": verdict.NotClaimed, "desktop": verdict.NotClaimed},
			"",
		},
		"one whose terminals and screen are out of order": {
			refuse(agentv1.ErrorCode_ERROR_CODE_OS),
			map[string]verdict.Status{"exec": verdict.Pass, "fs": verdict.Pass, "git": verdict.Pass, "pty": verdict.Untestable, "desktop": verdict.Untestable},
			"got the error OS; ",
		},
		"one that leaves": {
			refuse(agentv1.ErrorCode_ERROR_CODE_DRAINING),
			map[string]verdict.Status{"exec": verdict.Untestable, "fs": verdict.Untestable, "git": verdict.Untestable, "pty": verdict.Untestable, "desktop": verdict.Untestable},
			"got the error DRAINING; ",
		},
		"one that answers nothing but pings": {
			func(req *agentv1.ControlRequest) [][]byte {
				if req.GetPing() == nil {
					return nil
				}
				return pong(req)
			},
			map[string]verdict.Status{"exec": verdict.Untestable, "fs": verdict.Untestable, "git": verdict.Untestable, "pty": verdict.Untestable, "desktop": verdict.Untestable},
			"got no reply; ",
		},
		"one that has all": {
			func(req *agentv1.ControlRequest) [][]byte {
				resp := reply(req)
				switch req.GetOp().(type) {
				case *agentv1.ControlRequest_PtyOpen:
					resp.Error, resp.Result = nil, &agentv1.ControlResponse_PtyOpen{PtyOpen: &agentv1.PtyOpenResponse{PtyId: "1"}}
				case *agentv1.ControlRequest_DesktopScreenshot:
					resp.Error, resp.Result = nil, &agentv1.ControlResponse_DesktopScreenshot{DesktopScreenshot: &agentv1.DesktopScreenshotResponse{}}
				default:
					if resp.GetError() != nil {
						resp.Error.Code = agentv1.ErrorCode_ERROR_CODE_NOT_FOUND
					}
				}
				return [][]byte{encode(resp)}
			},
			map[string]verdict.Status{"exec": verdict.Pass, "fs": verdict.Pass, "git": verdict.Pass, "pty": verdict.Pass, "desktop": verdict.Untestable},
			"the suite sees only the screens that it made",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := options(t, pong, each(func(ctx context.Context, t *engine.T) {})...)
			opts.Subject = subject.Attached(saidHello(t, tt.agent))
			for _, res := range run(t, opts).Results {
				if res.Status != tt.want[res.Area] {
					t.Errorf("%s is %s %q, want %s", res.Area, res.Status, res.Reason, tt.want[res.Area])
				}
				if res.Status == verdict.Untestable && !strings.Contains(res.Reason, tt.why) {
					t.Errorf("%s: %q does not say %s", res.Area, res.Reason, tt.why)
				}
			}
		})
	}
}

// saidHello is running for an agent whose Hello is over.
func saidHello(t *testing.T, do answer) subject.Attachment {
	t.Helper()
	b := brokertest.Start(t, broker.Config{})
	nc, err := nats.Connect(b.ControlURL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	hello, err := nc.SubscribeSync("agent.ws.machine.hello")
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	a, _ := runningBehind(t, b, do)
	if _, err := hello.NextMsgWithContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}
