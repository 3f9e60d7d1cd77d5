package agent_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/fixtures/broker"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func TestHello(t *testing.T) {
	t.Parallel()
	s := prepare(t, broker.Config{})
	s.run(func(c *agent.Config) {
		c.WholeMachine, c.ScreenControl = true, true
		c.UpdateChannel, c.ResumeToken, c.Version = "stable", "resume", "v1.2.3"
	})
	got := s.nextHello()
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	want := &agentv1.Hello{
		AgentId: s.agentID(), WorkspaceId: "ws", AgentVersion: "v1.2.3", MachineName: name, WorkspaceRoot: s.root,
		Os: got.GetOs(), Arch: got.GetArch(), UpdateChannel: "stable", ResumeToken: "resume",
		Capabilities: &agentv1.Capabilities{
			Exec: true, Filesystem: true, Git: true, ConsentedWholeMachine: true, ConsentedScreenControl: true,
			DesktopUnavailableReason: got.GetCapabilities().GetDesktopUnavailableReason(),
		},
	}
	if !proto.Equal(got, want) {
		t.Errorf("hello %v,\nwant  %v", got, want)
	}
	if got.GetOs() == 0 || got.GetArch() == 0 || !filepath.IsAbs(got.GetWorkspaceRoot()) {
		t.Errorf("os %v, arch %v, root %q", got.GetOs(), got.GetArch(), got.GetWorkspaceRoot())
	}
}

func TestAResponderIsThereWhenTheHelloComes(t *testing.T) {
	t.Parallel()
	for range 5 {
		s := prepare(t, broker.Config{})
		answered := make(chan error, 1)
		// The control plane asks from within the delivery of the Hello.
		_, err := s.cp.Subscribe(s.base+".hello", func(*nats.Msg) {
			go func() {
				_, err := s.try(mustMarshal(t, pingRequest(1)))
				answered <- err
			}()
		})
		if err := errors.Join(err, s.cp.Flush()); err != nil {
			t.Fatal(err)
		}
		s.run(nil)
		select {
		case err := <-answered:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(patience):
			t.Fatal("no hello came")
		}
	}
}

func TestHeartbeats(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	hello := time.Now()
	last := hello
	var uptime uint64
	for seq := uint64(1); seq <= 3; seq++ {
		e := s.nextEvent()
		now := time.Now()
		beat := e.GetHeartbeat()
		if e.GetAgentId() != s.agentID() || beat.GetSeq() != seq || beat.GetDraining() {
			t.Errorf("event %v, want heartbeat %d", e, seq)
		}
		if beat.GetUptimeMs() < uptime {
			t.Errorf("uptime fell from %d to %d ms", uptime, beat.GetUptimeMs())
		}
		uptime = beat.GetUptimeMs()
		if at := beat.GetMetrics().GetSampledAtMs(); now.Sub(time.UnixMilli(at)).Abs() > time.Minute {
			t.Errorf("metrics sampled at %v", time.UnixMilli(at))
		}
		bound := 7500 * time.Millisecond
		if seq == 1 {
			bound = 2 * time.Second
		}
		if gap := now.Sub(last); gap > bound {
			t.Errorf("heartbeat %d came after %v", seq, gap)
		}
		last = now
	}
	if elapsed := time.Since(hello); elapsed < 8*time.Second {
		t.Errorf("three heartbeats within %v: they should be 5 s apart", elapsed)
	}
}

func TestGoodbye(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cause error
		want  agentv1.GoingOfflineReason
	}{
		"without a cause":         {nil, agentv1.GoingOfflineReason_GOING_OFFLINE_REASON_USER_STOP},
		"with another cause":      {errors.New("signal"), agentv1.GoingOfflineReason_GOING_OFFLINE_REASON_USER_STOP},
		"for an unnamed reason":   {&agent.Goodbye{Message: "bye"}, agentv1.GoingOfflineReason_GOING_OFFLINE_REASON_USER_STOP},
		"for an update":           {&agent.Goodbye{Reason: agentv1.GoingOfflineReason_GOING_OFFLINE_REASON_UPDATE}, agentv1.GoingOfflineReason_GOING_OFFLINE_REASON_UPDATE},
		"for the host's shutdown": {&agent.Goodbye{Reason: agentv1.GoingOfflineReason_GOING_OFFLINE_REASON_HOST_SHUTDOWN}, agentv1.GoingOfflineReason_GOING_OFFLINE_REASON_HOST_SHUTDOWN},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			s.stop(tc.cause)
			s.waitStopped()
			if got := s.goodbye(); got.GetReason() != tc.want {
				t.Errorf("reason %v, want %v", got.GetReason(), tc.want)
			}
			if err := s.silent(); err != nil {
				t.Error(err)
			}
		})
	}
}

// goodbye waits for the goodbye, past the heartbeats before it.
func (s *subject) goodbye() *agentv1.GoingOffline {
	s.Helper()
	for draining := false; ; {
		e := s.nextEvent()
		if bye := e.GetGoingOffline(); bye != nil {
			if !draining {
				s.Error("the goodbye was not announced by a draining heartbeat")
			}
			if e.GetAgentId() != s.agentID() {
				s.Errorf("goodbye of agent %q", e.GetAgentId())
			}
			return bye
		}
		draining = e.GetHeartbeat().GetDraining()
	}
}

// silent tells whether the agent is gone: no event is left, and nobody answers.
func (s *subject) silent() error {
	if _, err := s.cp.Request(s.base+".rpc", nil, patience); !errors.Is(err, nats.ErrNoResponders) {
		return errors.Join(errors.New("somebody still answers"), err)
	}
	if n, _, err := s.events.Pending(); n != 0 || err != nil {
		return errors.Join(errors.New("something came after the goodbye"), err)
	}
	return nil
}

func TestGoodbyeUnderLoad(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	const n = 8
	replies := make(chan *agentv1.ControlResponse, n)
	for i := range n {
		go func() {
			resp, err := s.try(mustMarshal(t, execRequest(&agentv1.ExecRequest{
				Command: []string{"sh", "-c", "echo $$ >pid" + strconv.Itoa(i) + "; sleep 100 & sleep 100"}})))
			if err != nil {
				t.Error(err)
			}
			replies <- resp
		}()
	}
	var pids []int
	for i := range n {
		pids = append(pids, s.awaitPID("pid"+strconv.Itoa(i)))
	}
	begin := time.Now()
	s.stop(nil)
	s.waitStopped()
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("the stop took %v", took)
	}
	s.goodbye()
	for range n {
		s.failed(<-replies, agentv1.ErrorCode_ERROR_CODE_DRAINING)
	}
	for _, pid := range pids {
		eventually(t, "the command's session is gone", func() bool { return !groupAlive(pid) })
	}
}

// awaitPID waits for a pid that a command writes to a file under the root.
func (s *subject) awaitPID(name string) (pid int) {
	s.Helper()
	eventually(s, "a pid in "+name, func() bool {
		data, _ := os.ReadFile(filepath.Join(s.root, name))
		text, complete := strings.CutSuffix(string(data), "\n")
		n, err := strconv.Atoi(text)
		pid = n
		return complete && err == nil
	})
	return pid
}

func TestDrainingRefusesAllButPing(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}), make(chan struct{})
	s := start(t, func(c *agent.Config) {
		c.Epoch = 5
		c.Middleware = []agent.Middleware{func(next agent.Handler) agent.Handler {
			return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
				if req.GetMetrics() != nil { // an operation that takes its time to end
					close(begun)
					<-release
				}
				return next(ctx, req)
			}
		}}
	})
	held := make(chan *agentv1.ControlResponse, 1)
	go func() {
		resp, err := s.try(mustMarshal(t, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_Metrics{Metrics: &agentv1.MetricsRequest{}}}))
		if err != nil {
			t.Error(err)
		}
		held <- resp
	}()
	<-begun
	s.stop(nil)
	for !s.nextEvent().GetHeartbeat().GetDraining() {
	}
	const draining, protocol, fenced = agentv1.ErrorCode_ERROR_CODE_DRAINING,
		agentv1.ErrorCode_ERROR_CODE_PROTOCOL, agentv1.ErrorCode_ERROR_CODE_FENCED
	s.failed(s.call(execRequest(&agentv1.ExecRequest{Command: []string{"true"}})), draining)
	s.failed(s.call(ptyWrite("t", "x")), draining)
	s.failed(s.call(desktopInput(nil)), draining)
	s.failed(s.call(&agentv1.ControlRequest{}), protocol)
	s.failed(s.call(&agentv1.ControlRequest{Epoch: 1, Op: pingRequest(1).Op}), fenced)
	if s.call(pingRequest(7)).GetPing().GetNonce() != 7 {
		t.Error("a ping is refused")
	}
	close(release)
	s.failed(<-held, draining)
	s.waitStopped()
}

func TestStopWithoutABroker(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.broker.Stop()
	s.stop(nil)
	s.waitStopped()
}

func TestRunTwiceIsAnError(t *testing.T) {
	t.Parallel()
	a, err := agent.New(offline(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Run(ctx); err != nil {
		t.Errorf("first run: %v", err)
	}
	if err := a.Run(ctx); err == nil {
		t.Error("the second run has no error")
	}
}
