package monitor_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/verdict"
	"agentproof/suite/wire"
)

// watching is a case that looks at nothing itself. It waits for a heartbeat,
// which gives an agent time to misbehave.
func watching(id, clause string, l *engine.Launch, provokes ...string) engine.Case {
	return engine.Case{ID: id, Clause: clause, Explain: "It tests the monitors.", Launch: l, Provokes: provokes,
		Run: func(ctx context.Context, t *engine.T) {
			t.Ping(ctx, 1)
			// Two of them: faulty agents here send one more at once.
			_, mark, err := t.Instance().Watch.Await(ctx, 0, wire.IsHeartbeat)
			if err == nil && t.Instance().Watch.Mark() > mark {
				t.Ping(ctx, 2)
			}
			t.Ping(ctx, 3)
		}}
}

// asking is a case that sends requests in every way there is, and checks none
// of the replies.
func asking(id, clause string) engine.Case {
	return engine.Case{ID: id, Clause: clause, Explain: "It tests the monitors.",
		Run: func(ctx context.Context, t *engine.T) {
			payload, err := proto.Marshal(&agentv1.ControlRequest{RequestId: "raw", Op: &agentv1.ControlRequest_Metrics{Metrics: &agentv1.MetricsRequest{}}})
			if err != nil {
				t.Harness(err)
			}
			_, _ = t.SendRaw(ctx, payload, nil, opTime)
			rpc := t.ControlRPC()
			req := wire.NewRequest(&agentv1.MetricsRequest{})
			req.RequestId = "session"
			_, _ = rpc.Request(ctx, t.Instance().Base+".rpc", req, opTime)
			t.Ping(ctx, 1)
			_ = rpc.Close()
		}}
}

// opTime is far above what a reply takes.
const opTime = 20 * time.Second

// replies changes the replies to one request, by its id.
func replies(id string, edit func(to string, resp *agentv1.ControlResponse, next agent.PublishFunc) error) func(*agent.Config) {
	return func(cfg *agent.Config) {
		cfg.Wire.Out = func(next agent.PublishFunc) agent.PublishFunc {
			return func(to string, data []byte) error {
				resp := &agentv1.ControlResponse{}
				if strings.HasPrefix(to, nats.InboxPrefix) && proto.Unmarshal(data, resp) == nil && resp.GetRequestId() == id {
					return edit(to, resp, next)
				}
				return next(to, data)
			}
		}
	}
}

// heartbeats sends what beats makes of each heartbeat in its place.
func heartbeats(beats func(*agentv1.AgentEvent) []*agentv1.AgentEvent) func(*agent.Config) {
	return func(cfg *agent.Config) {
		cfg.Wire.Out = func(next agent.PublishFunc) agent.PublishFunc {
			return func(to string, data []byte) error {
				e := &agentv1.AgentEvent{}
				if !strings.HasSuffix(to, ".events") || proto.Unmarshal(data, e) != nil || e.GetHeartbeat() == nil {
					return next(to, data)
				}
				for _, e := range beats(e) {
					if err := next(to, encode(e)); err != nil {
						return err
					}
				}
				return nil
			}
		}
	}
}

func encode(m proto.Message) []byte {
	data, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return data
}

// andAnother sends each heartbeat, and another one at once.
func andAnother(edit func(*agentv1.AgentEvent)) func(*agent.Config) {
	return heartbeats(func(e *agentv1.AgentEvent) []*agentv1.AgentEvent {
		second := proto.CloneOf(e)
		edit(second)
		return []*agentv1.AgentEvent{e, second}
	})
}

// connected does something with the agent's connection as soon as there is one.
func connected(do func(cfg *agent.Config, nc *nats.Conn)) func(*agent.Config) {
	return func(cfg *agent.Config) {
		cfg.NATSOptions = append(cfg.NATSOptions, nats.ConnectHandler(func(nc *nats.Conn) { do(cfg, nc) }))
	}
}

// oversize sends more than the broker takes, which client libraries refuse to
// do: it speaks the protocol itself.
func oversize(t *testing.T) func(*agent.Config) {
	return func(cfg *agent.Config) {
		u, err := url.Parse(cfg.URLs[0])
		if err != nil {
			t.Error(err)
			return
		}
		conn, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "CONNECT {\"auth_token\":%q}\r\nPUB agent.%s.%s.events 999999999\r\n", cfg.Token, cfg.WorkspaceID, cfg.AgentID)
		for lines := bufio.NewScanner(conn); lines.Scan(); { // until the broker hangs up
		}
	}
}

func TestMonitorsNoticeWhatACaseDoesNotLookAt(t *testing.T) {
	t.Parallel()
	own := &engine.Launch{}
	cases := []engine.Case{
		asking("metrics.sample/asked", "metrics.sample"),
		watching("metrics.sample/watched", "metrics.sample", own),
	}
	answers := func(name, says, id string, edit func(*agentv1.ControlResponse)) trial.Mutant {
		return trial.Mutant{Name: name, Case: "metrics.sample/asked", Says: says,
			Config: replies(id, func(to string, resp *agentv1.ControlResponse, next agent.PublishFunc) error {
				edit(resp)
				return next(to, encode(resp))
			})}
	}
	twice := func(id string) func(*agent.Config) {
		return replies(id, func(to string, resp *agentv1.ControlResponse, next agent.PublishFunc) error {
			if err := next(to, encode(resp)); err != nil {
				return err
			}
			return next(to, encode(resp))
		})
	}
	trial.Noticed(t, cases, []trial.Mutant{
		answers("answers raw bytes under another id", "envelope.request-id", "raw",
			func(r *agentv1.ControlResponse) { r.RequestId += "x" }),
		answers("answers a session under another id", "envelope.request-id", "session",
			func(r *agentv1.ControlResponse) { r.RequestId = "" }),
		answers("gives raw bytes a result and an error", "envelope.result-xor-error", "raw",
			func(r *agentv1.ControlResponse) { r.Error = &agentv1.AgentError{} }),
		answers("gives a session neither", "envelope.result-xor-error", "session",
			func(r *agentv1.ControlResponse) { r.Result = nil }),
		answers("answers with another operation's result", "envelope.result-matches-op", "session",
			func(r *agentv1.ControlResponse) {
				r.Result = &agentv1.ControlResponse_FsMkdir{FsMkdir: &agentv1.FsMkdirResponse{}}
			}),
		{Name: "answers raw bytes twice", Case: "metrics.sample/asked", Says: "a second reply", Config: twice("raw")},
		{Name: "answers a session twice", Case: "metrics.sample/asked", Says: "a second reply", Config: twice("session")},
		{Name: "begins to count at 2", Case: "metrics.sample/watched", Says: "seq 1 in the first heartbeat",
			Config: heartbeats(func(e *agentv1.AgentEvent) []*agentv1.AgentEvent {
				e.GetHeartbeat().Seq++
				return []*agentv1.AgentEvent{e}
			})},
		{Name: "says the same number twice", Case: "metrics.sample/watched", Says: "one that does not grow",
			Config: andAnother(func(*agentv1.AgentEvent) {})},
		{Name: "leaves a number out", Case: "metrics.sample/watched", Says: "a gap",
			Config: andAnother(func(e *agentv1.AgentEvent) { e.GetHeartbeat().Seq += 2 })},
		{Name: "grows younger", Case: "metrics.sample/watched", Says: "lifecycle.heartbeat-uptime",
			Config: heartbeats(func(e *agentv1.AgentEvent) []*agentv1.AgentEvent {
				second := proto.CloneOf(e)
				second.GetHeartbeat().Seq++
				e.GetHeartbeat().UptimeMs += 1000
				return []*agentv1.AgentEvent{e, second}
			})},
		{Name: "uses another's name", Case: "metrics.sample/watched", Says: "lifecycle.event-agent-id",
			Config: andAnother(func(e *agentv1.AgentEvent) { e.AgentId, e.GetHeartbeat().Seq = "another", e.GetHeartbeat().Seq+1 })},
		{Name: "talks where nobody asked", Case: "metrics.sample/watched", Says: "one on <base>.telemetry",
			Config: connected(func(cfg *agent.Config, nc *nats.Conn) {
				_ = nc.Publish("agent."+cfg.WorkspaceID+"."+cfg.AgentID+".telemetry", nil)
			})},
		{Name: "talks outside its workspace", Case: "metrics.sample/watched", Says: "others, which the broker refused",
			Config: connected(func(_ *agent.Config, nc *nats.Conn) { _ = nc.Publish("telemetry", nil) })},
		{Name: "answers what nobody asked", Case: "metrics.sample/watched", Says: "a reply to none",
			Config: replies("", func(to string, resp *agentv1.ControlResponse, next agent.PublishFunc) error {
				_ = next(to+"0000", encode(resp))
				return next(to, encode(resp))
			})},
		{Name: "sends more than the broker takes", Case: "metrics.sample/watched", Says: "envelope.oversize-reply", Config: oversize(t)},
	})
}

func TestWhatIsNobodysAloneGoesToTheCaseOfTheClause(t *testing.T) {
	t.Parallel()
	cases := []engine.Case{
		watching("metrics.sample/beside", "metrics.sample", nil),
		watching("lifecycle.heartbeat-seq/judging", "lifecycle.heartbeat-seq", nil),
	}
	trial.Tolerated(t, cases, verdict.Selection{}, trial.Mutant{
		Name: "leaves a number out", Case: "lifecycle.heartbeat-seq/judging", Says: "a gap",
		Config: andAnother(func(e *agentv1.AgentEvent) { e.GetHeartbeat().Seq += 2 }),
	})
	// Where no case judges the clause the breach is not lost.
	trial.Noticed(t, cases[:1], []trial.Mutant{{
		Name: "leaves a number out", Case: "metrics.sample/beside", Says: "a gap",
		Config: andAnother(func(e *agentv1.AgentEvent) { e.GetHeartbeat().Seq += 2 }),
	}})
}

func TestWhatACaseProvokesIsNotHeldAgainstIt(t *testing.T) {
	t.Parallel()
	cases := []engine.Case{watching("metrics.sample/provoking", "metrics.sample", &engine.Launch{}, "lifecycle.heartbeat-seq")}
	trial.Tolerated(t, cases, verdict.Selection{}, trial.Mutant{
		Name: "leaves a number out", Case: "none/none",
		Config: andAnother(func(e *agentv1.AgentEvent) { e.GetHeartbeat().Seq += 2 }),
	})
}

func TestAnOutageIsNoGap(t *testing.T) {
	t.Parallel()
	c := engine.Case{ID: "metrics.sample/outage", Clause: "metrics.sample", Explain: "It tests the monitors.", Launch: &engine.Launch{},
		Run: func(ctx context.Context, t *engine.T) {
			inst := t.Instance()
			_, mark, err := inst.Watch.Await(ctx, 0, wire.IsHeartbeat)
			if err != nil || inst.Broker.Kick(inst.Token) == 0 {
				t.Given().Fatalf("a heartbeat and a connection to cut", "%v", err)
			}
			if _, _, err := inst.Watch.Await(ctx, mark, wire.IsHeartbeat); err != nil {
				t.Given().Fatalf("a heartbeat after the cut", "%v", err)
			}
		}}
	trial.Tolerated(t, []engine.Case{c}, verdict.Selection{}, trial.Mutant{
		Name: "says no second Hello and counts what it could not send", Case: "none/none",
		Config: func(cfg *agent.Config) {
			beats, hellos := uint64(0), 0
			heartbeats(func(e *agentv1.AgentEvent) []*agentv1.AgentEvent {
				if beats > 0 {
					e.GetHeartbeat().Seq = beats + 7
				}
				beats = e.GetHeartbeat().GetSeq()
				return []*agentv1.AgentEvent{e}
			})(cfg)
			out := cfg.Wire.Out
			cfg.Wire.Out = func(next agent.PublishFunc) agent.PublishFunc {
				next = out(next)
				return func(to string, data []byte) error {
					if strings.HasSuffix(to, ".hello") {
						if hellos++; hellos > 1 {
							return nil
						}
					}
					return next(to, data)
				}
			}
		},
	})
}

// TestASubjectOfTheSuitesIsNoSubjectOfTheAgents pins that what a case publishes
// itself is not taken for the agent's.
func TestASubjectOfTheSuitesIsNoSubjectOfTheAgents(t *testing.T) {
	t.Parallel()
	c := engine.Case{ID: "metrics.sample/publishing", Clause: "metrics.sample", Explain: "It tests the monitors.", Launch: &engine.Launch{},
		Run: func(ctx context.Context, t *engine.T) {
			nc := t.Dial()
			if err := nc.PublishRequest(t.Instance().Base+".other", nc.NewInbox(), []byte("x")); err != nil {
				t.Harness(err)
			}
			if err := nc.FlushWithContext(ctx); err != nil {
				t.Harness(err)
			}
			t.Ping(ctx, 1)
		}}
	trial.Tolerated(t, []engine.Case{c}, verdict.Selection{}, trial.Mutant{Name: "has no fault", Case: "none/none"})
}
