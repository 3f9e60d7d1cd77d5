// Package lifecycle holds agents that announce themselves wrongly, do not show
// that they live, or do not come back or leave as they should.
package lifecycle

import (
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Mutants returns the area's mutants, anew.
func Mutants() []fault.Mutant {
	return slices.Concat(hellos(), numbers(), returns(), heartbeats(), goodbyes(), stops(), orphaned(), lost(), mortals())
}

// course is what an agent has announced, the announcement at hand included.
type course struct {
	life  int // Hellos
	beat  int // events since the latest Hello
	total int // events
}

// script changes what an agent announces, given how far it has come; what a
// function returns is sent in an announcement's place. Nil changes nothing.
type script struct {
	hello func(at course, h *agentv1.Hello) []*agentv1.Hello
	event func(at course, e *agentv1.AgentEvent) []*agentv1.AgentEvent
}

// config puts a script before what an agent sends.
func (s script) config(cfg *agent.Config) {
	var mu sync.Mutex
	var at course
	passing := func(next agent.PublishFunc) agent.PublishFunc {
		return func(to string, data []byte) error {
			mu.Lock()
			defer mu.Unlock()
			h, e := new(agentv1.Hello), new(agentv1.AgentEvent)
			switch {
			case strings.HasSuffix(to, ".hello") && proto.Unmarshal(data, h) == nil:
				at.life++
				at.beat = 0
				if s.hello != nil {
					return send(next, to, s.hello(at, h))
				}
			case strings.HasSuffix(to, ".events") && proto.Unmarshal(data, e) == nil:
				at.beat++
				at.total++
				if s.event != nil {
					return send(next, to, s.event(at, e))
				}
			}
			return next(to, data)
		}
	}
	cfg.Wire.Out = passing
}

func send[M proto.Message](next agent.PublishFunc, to string, messages []M) error {
	for _, m := range messages {
		data, err := proto.Marshal(m)
		if err == nil {
			err = next(to, data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hello changes Hellos.
func hello(change func(at course, h *agentv1.Hello)) func(*agent.Config) {
	return script{hello: func(at course, h *agentv1.Hello) []*agentv1.Hello {
		change(at, h)
		return []*agentv1.Hello{h}
	}}.config
}

// events replaces events.
func events(edit func(at course, e *agentv1.AgentEvent) []*agentv1.AgentEvent) func(*agent.Config) {
	return script{event: edit}.config
}

// beat changes heartbeats.
func beat(change func(at course, e *agentv1.AgentEvent, h *agentv1.Heartbeat)) func(*agent.Config) {
	return events(func(at course, e *agentv1.AgentEvent) []*agentv1.AgentEvent {
		if h := e.GetHeartbeat(); h != nil {
			change(at, e, h)
		}
		return []*agentv1.AgentEvent{e}
	})
}

// bye replaces the goodbye.
func bye(edit func(e *agentv1.AgentEvent) []*agentv1.AgentEvent) func(*agent.Config) {
	return events(func(_ course, e *agentv1.AgentEvent) []*agentv1.AgentEvent {
		if e.GetGoingOffline() == nil {
			return []*agentv1.AgentEvent{e}
		}
		return edit(e)
	})
}
