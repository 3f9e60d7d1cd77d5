package script_test

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault/script"
	"agentproof/fixtures/broker"
	"agentproof/fixtures/broker/brokertest"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
	"agentproof/session/natsrpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what should come at once: the machine
// may be busy with other things.
const patience = 20 * time.Second

// world is a scripted agent and the control plane that sees it.
type world struct {
	testing.TB
	broker *broker.Broker
	cp     *nats.Conn
	rpc    *natsrpc.Client
	id     string // the agent's
	root   string
	acts   *acts

	hellos, events *nats.Subscription
	stop           context.CancelFunc
	stopped        chan error
}

// start runs an agent under a script until the test ends; change may be nil.
func start(tb testing.TB, text string, change func(*agent.Config)) *world {
	tb.Helper()
	s := parsed(tb, text)
	b := brokertest.Start(tb, broker.Config{MaxPayload: 1 << 20})
	token := "token-" + uuid.NewString()
	b.Admit("ws", token)
	w := &world{TB: tb, broker: b, cp: brokertest.Control(tb, b), id: uuid.NewString(), root: tb.TempDir(), acts: new(acts)}
	w.rpc = natsrpc.New(natsrpc.Config{URLs: []string{b.ControlURL()}})
	tb.Cleanup(func() {
		if err := w.rpc.Close(); err != nil {
			tb.Errorf("close the client: %v", err)
		}
	})
	w.hellos, w.events = w.subscribe("hello"), w.subscribe("events")
	cfg := agent.Config{
		WorkspaceID: "ws", AgentID: w.id, URLs: []string{b.URL()}, Token: token, Root: w.root,
		Environ: slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "DISPLAY=") }),
		Logger:  slog.New(w.acts),
	}
	if change != nil {
		change(&cfg)
	}
	ctx, stop := context.WithCancel(context.Background())
	w.stop, w.stopped = stop, make(chan error, 1)
	go func() { w.stopped <- s.Run(ctx, cfg) }()
	tb.Cleanup(func() {
		stop()
		if err := <-w.stopped; err != nil {
			tb.Errorf("Run: %v", err)
		}
	})
	w.hello()
	return w
}

func (w *world) subscribe(what string) *nats.Subscription {
	w.Helper()
	sub, err := w.cp.SubscribeSync("agent.ws." + w.id + "." + what)
	if err != nil {
		w.Fatal(err)
	}
	if err := w.cp.Flush(); err != nil {
		w.Fatal(err)
	}
	return sub
}

// session is a control plane's view of the agent.
func (w *world) session(timeout time.Duration) *session.Session {
	w.Helper()
	s, err := session.New(w.rpc, session.Config{WorkspaceID: "ws", AgentID: w.id, Timeout: timeout})
	if err != nil {
		w.Fatal(err)
	}
	return s
}

// do makes a call that may take its time.
func (w *world) do(req *agentv1.ControlRequest) (*agentv1.ControlResponse, error) {
	w.Helper()
	return w.session(patience).Do(w.Context(), req)
}

// begin makes a call in the background, and returns what brings its error.
func (w *world) begin(req *agentv1.ControlRequest, timeout time.Duration) <-chan error {
	w.Helper()
	s, done := w.session(timeout), make(chan error, 1)
	go func() {
		_, err := s.Do(context.Background(), req)
		done <- err
	}()
	return done
}

func (w *world) hello() *agentv1.Hello {
	w.Helper()
	hello := new(agentv1.Hello)
	w.next(w.hellos, hello)
	return hello
}

// goodbye waits for the goodbye, past the heartbeats before it.
func (w *world) goodbye() *agentv1.GoingOffline {
	w.Helper()
	for draining := false; ; {
		e := new(agentv1.AgentEvent)
		w.next(w.events, e)
		if bye := e.GetGoingOffline(); bye != nil {
			if !draining {
				w.Error("the goodbye was not announced by a draining heartbeat")
			}
			return bye
		}
		draining = e.GetHeartbeat().GetDraining()
	}
}

func (w *world) next(sub *nats.Subscription, m proto.Message) {
	w.Helper()
	msg, err := sub.NextMsg(patience)
	if err != nil {
		w.Fatalf("wait for a message on %s: %v", sub.Subject, err)
	}
	if err := proto.Unmarshal(msg.Data, m); err != nil {
		w.Fatal(err)
	}
}

// appears waits for a file of the root.
func (w *world) appears(name string) {
	w.Helper()
	w.eventually(name+" appears", func() bool {
		_, err := os.Stat(filepath.Join(w.root, name))
		return err == nil
	})
}

func (w *world) eventually(what string, ok func() bool) {
	w.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			w.Fatalf("never saw that %s", what)
		}
	}
}

// program is the request to run name, which is the shell under another name,
// with arguments.
func (w *world) program(name string, args ...string) *agentv1.ControlRequest {
	w.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		w.Fatal(err)
	}
	bin := filepath.Join(w.root, ".bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		w.Fatal(err)
	}
	if err := os.Symlink(sh, filepath.Join(bin, name)); err != nil && !os.IsExist(err) {
		w.Fatal(err)
	}
	return execute(map[string]string{"PATH": bin + string(os.PathListSeparator) + os.Getenv("PATH")}, append([]string{name}, args...)...)
}

func execute(env map[string]string, argv ...string) *agentv1.ControlRequest {
	return &agentv1.ControlRequest{Op: &agentv1.ControlRequest_Exec{Exec: &agentv1.ExecRequest{Command: argv, Env: env}}}
}

func shell(words ...string) *agentv1.ControlRequest {
	req := execute(nil, words...)
	req.GetExec().Shell = true
	return req
}

func ping() *agentv1.ControlRequest {
	return &agentv1.ControlRequest{Op: &agentv1.ControlRequest_Ping{Ping: &agentv1.PingRequest{Nonce: 1}}}
}

func write(path, content string) *agentv1.ControlRequest {
	return &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsWrite{
		FsWrite: &agentv1.FsWriteRequest{Path: path, Content: []byte(content), CreateParents: true},
	}}
}

func read(path string) *agentv1.ControlRequest {
	return &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsRead{FsRead: &agentv1.FsReadRequest{Path: path}}}
}

func git(op agentv1.GitOp, args ...string) *agentv1.ControlRequest {
	return &agentv1.ControlRequest{Op: &agentv1.ControlRequest_Git{Git: &agentv1.GitRequest{Op: op, Args: args}}}
}

// acts is a log that remembers what the script did.
type acts struct {
	mu    sync.Mutex
	lines []string // "line op", as in "4 exec"
	said  []string // what was done, in their order
}

func (a *acts) Enabled(context.Context, slog.Level) bool { return true }
func (a *acts) WithAttrs([]slog.Attr) slog.Handler       { return a }
func (a *acts) WithGroup(string) slog.Handler            { return a }
func (a *acts) Handle(_ context.Context, r slog.Record) error {
	said := make(map[string]string)
	r.Attrs(func(attr slog.Attr) bool {
		said[attr.Key] = attr.Value.String()
		return true
	})
	if rule, ok := said["rule"]; ok && said["request"] != "" {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.lines = append(a.lines, strings.TrimPrefix(rule, "script.yaml:")+" "+said["op"])
		a.said = append(a.said, r.Message)
	}
	return nil
}

func (a *acts) list() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.lines)
}

// parsed is a script that has no mistakes.
func parsed(tb testing.TB, text string) *script.Script {
	tb.Helper()
	s, err := script.Parse("script.yaml", []byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// send publishes a request whose replies go to inbox.
func (w *world) send(req *agentv1.ControlRequest, inbox string) {
	w.Helper()
	data, err := proto.Marshal(req)
	if err == nil {
		err = w.cp.PublishRequest("agent.ws."+w.id+".rpc", inbox, data)
	}
	if err != nil {
		w.Fatal(err)
	}
}

// renonce is a middleware that can be told by its replies.
func renonce(next agent.Handler) agent.Handler {
	return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
		resp := next(ctx, req)
		resp.GetPing().Nonce++
		return resp
	}
}

// count counts the replies of one request at a time.
func count(n *int, next agent.ReplyFunc) agent.ReplyFunc {
	return func(ctx context.Context, to string, resp *agentv1.ControlResponse) {
		*n++
		next(ctx, to, resp)
	}
}
