package lifecycle

import (
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func hellos() []fault.Mutant {
	const (
		identity     = "lifecycle.hello/identity"
		host         = "lifecycle.hello/host"
		capabilities = "lifecycle.hello/capabilities"
	)
	mutants := []fault.Mutant{
		{Name: "swaps its ids", Case: identity, Says: "agent_id",
			Config: hello(func(_ course, h *agentv1.Hello) { h.AgentId, h.WorkspaceId = h.GetWorkspaceId(), h.GetAgentId() })},
		{Name: "does not know its workspace", Case: identity, Says: "workspace_id",
			Config: hello(func(_ course, h *agentv1.Hello) { h.WorkspaceId = "" })},
		{Name: "does not know its system", Case: host, Says: "an os of LINUX",
			Config: hello(func(_ course, h *agentv1.Hello) { h.Os = 0 })},
		{Name: "takes itself for another system", Case: host, Says: "want os",
			Config: hello(func(_ course, h *agentv1.Hello) { h.Os = h.GetOs()%agentv1.Os_OS_WINDOWS + 1 })},
		{Name: "has no version", Case: host, Says: "agent_version",
			Config: hello(func(_ course, h *agentv1.Hello) { h.AgentVersion = "" })},
		{Name: "has no name", Case: host, Says: "machine_name",
			Config: hello(func(_ course, h *agentv1.Hello) { h.MachineName = "" })},
		{Name: "makes an architecture up", Case: host, Says: "an arch that is known",
			Config: hello(func(_ course, h *agentv1.Hello) { h.Arch = 99 })},
		{Name: "has a relative root", Case: "lifecycle.hello/absolute-root", Says: "an absolute workspace_root",
			Config: hello(func(_ course, h *agentv1.Hello) { h.WorkspaceRoot = "." })},
		{Name: "names another root", Case: "lifecycle.hello/absolute-root", Says: "another directory",
			Config: hello(func(_ course, h *agentv1.Hello) { h.WorkspaceRoot = filepath.Dir(h.GetWorkspaceRoot()) })},
		{Name: "hides that it runs commands", Case: capabilities, Says: "the capability exec",
			Config: hello(func(_ course, h *agentv1.Hello) { h.Capabilities.Exec = false })},
		{Name: "hides its files", Case: capabilities, Says: "the capability filesystem",
			Config: hello(func(_ course, h *agentv1.Hello) { h.Capabilities.Filesystem = false })},
		{Name: "hides git", Case: capabilities, Says: "the capability git",
			Config: hello(func(_ course, h *agentv1.Hello) { h.Capabilities.Git = false })},
		{Name: "has a display and no desktop", Case: capabilities, Says: "a display only with",
			Also: []string{"lifecycle.hello/no-display"},
			Config: hello(func(_ course, h *agentv1.Hello) {
				h.Capabilities.Desktop, h.Capabilities.Display = false, &agentv1.Display{Id: ":0"}
			})},
		{Name: "claims no consent", Case: "lifecycle.hello/consent-granted", Says: "consented_screen_control true",
			Config: hello(func(_ course, h *agentv1.Hello) { h.Capabilities.ConsentedScreenControl = false })},
		{Name: "claims consent", Case: "lifecycle.hello/consent-withheld", Says: "consented_screen_control false",
			Config: hello(func(_ course, h *agentv1.Hello) { h.Capabilities.ConsentedScreenControl = true })},
		{Name: "sees a display where none is", Case: "lifecycle.hello/no-display", Says: "no display",
			Config: hello(func(_ course, h *agentv1.Hello) {
				h.Capabilities.Desktop, h.Capabilities.Display = true, &agentv1.Display{Id: ":0"}
			})},
		{Name: "asks for an answer to its Hello", Case: "lifecycle.hello/no-reply-subject", Says: "without a reply subject", Config: asking},
	}
	if runtime.GOOS == "linux" { // elsewhere programs are translated from one to the other
		mutants = append(mutants, fault.Mutant{Name: "takes itself for another architecture", Case: host, Says: "want arch",
			Config: hello(func(_ course, h *agentv1.Hello) { h.Arch = h.GetArch()%agentv1.Arch_ARCH_AARCH64 + 1 })})
	}
	return mutants
}

// numbers are agents that say hello too often, or too early.
func numbers() []fault.Mutant {
	return []fault.Mutant{
		{Name: "says hello twice", Case: "lifecycle.hello/once-after-the-start", Says: "Hellos after a start: 1; got 2", Config: twice(1)},
		{Name: "says hello before it listens", Case: "lifecycle.hello-after-subscribe/at-the-start", Says: "nobody subscribed", Config: hasty(1)},
		{Name: "does not hear its first request", Case: "lifecycle.hello-after-subscribe/at-the-start", Says: "silence", Scale: soon, Config: deaf},
		{Name: "says hello before it listens again", Case: "lifecycle.hello-after-subscribe/after-an-outage", Says: "nobody subscribed", Config: hasty(2)},
	}
}

// soon is the scale for what shows in nothing coming.
const soon = 0.2

// twice repeats the Hello of the n-th connection and later ones.
func twice(n int) func(*agent.Config) {
	return script{hello: func(at course, h *agentv1.Hello) []*agentv1.Hello {
		if at.life >= n {
			return []*agentv1.Hello{h, h}
		}
		return []*agentv1.Hello{h}
	}}.config
}

// asking sends Hellos as requests.
func asking(cfg *agent.Config) {
	connections := make(chan *nats.Conn, 1)
	cfg.NATSOptions = append(cfg.NATSOptions, nats.ConnectHandler(func(nc *nats.Conn) { connections <- nc }))
	cfg.Wire.Out = func(next agent.PublishFunc) agent.PublishFunc {
		return func(to string, data []byte) error {
			if !strings.HasSuffix(to, ".hello") {
				return next(to, data)
			}
			return (<-connections).PublishRequest(to, nats.NewInbox(), data)
		}
	}
}

// hasty says hello on the n-th connection and later ones some time before it
// subscribes there.
func hasty(n int) func(*agent.Config) {
	return func(cfg *agent.Config) {
		data, _ := proto.Marshal(&agentv1.Hello{AgentId: cfg.AgentID, WorkspaceId: cfg.WorkspaceID})
		subject := "agent." + cfg.WorkspaceID + "." + cfg.AgentID + ".hello"
		number := 0
		said := make(chan bool, 1)
		cfg.NATSOptions = append(cfg.NATSOptions, nats.ConnectHandler(func(nc *nats.Conn) {
			if number++; number >= n {
				_ = nc.Publish(subject, data)
				_ = nc.Flush()
			}
			said <- number >= n
		}))
		cfg.Wire.In = func(next nats.MsgHandler) nats.MsgHandler {
			if <-said {
				time.Sleep(500 * time.Millisecond)
			}
			return next
		}
	}
}

// deaf loses the first request of every connection.
func deaf(cfg *agent.Config) {
	cfg.Wire.In = func(next nats.MsgHandler) nats.MsgHandler {
		awake := false // on the subscription's goroutine alone
		return func(msg *nats.Msg) {
			if awake {
				next(msg)
			}
			awake = true
		}
	}
}

// returns are agents that do not say properly that they are back.
func returns() []fault.Mutant {
	wordless := script{hello: func(at course, h *agentv1.Hello) []*agentv1.Hello {
		if at.life > 1 {
			return nil
		}
		return []*agentv1.Hello{h}
	}}.config
	return []fault.Mutant{
		{Name: "says hello twice when it is back", Case: "lifecycle.hello/once-after-an-outage", Says: "Hellos after an outage: 1; got 2", Config: twice(2)},
		{Name: "comes back from an outage without a word", Case: "lifecycle.hello/once-after-an-outage", Says: "a Hello after an outage; got none", Scale: soon,
			Config: wordless},
		{Name: "is short when it is back", Case: "lifecycle.hello/complete-after-an-outage", Says: "workspace_root",
			Config: hello(func(at course, h *agentv1.Hello) {
				if at.life > 1 {
					h.WorkspaceRoot = ""
				}
			})},
		{Name: "comes back from a cut without a word", Case: "lifecycle.hello-on-kick/after-a-cut", Says: "a Hello after the socket was cut", Config: wordless},
		{Name: "counts anew without a word", Case: "lifecycle.heartbeat-seq/goes-on-without-a-hello", Says: "a seq that goes on by 1", Config: wordless},
	}
}
