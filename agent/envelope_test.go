package agent_test

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/fixtures/broker"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func TestEnvelope(t *testing.T) {
	t.Parallel()
	id := func(more ...byte) []byte {
		return append(protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "the id"), more...)
	}
	op := func(number protowire.Number, body ...byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), body)
	}
	const protocol = agentv1.ErrorCode_ERROR_CODE_PROTOCOL
	tests := map[string]struct {
		data []byte
		id   string
	}{
		"an empty payload":                {nil, ""},
		"bytes that do not decode":        {[]byte("\xff\xff\xff"), ""},
		"a truncated message":             {id(op(13, 1, 2, 3)...)[:9], ""},
		"an id that is not UTF-8":         {[]byte("\x0a\x02\xff\xfe"), ""},
		"a path that is not UTF-8":        {id(op(14, 0x0a, 1, 0xff)...), ""},
		"no op":                           {id(), "the id"},
		"an op number no revision has":    {id(op(2047)...), "the id"},
		"an agent's hello":                {id(op(11)...), "the id"},
		"an agent's resume":               {id(op(12)...), "the id"},
		"an agent's question for updates": {id(op(28)...), "the id"},
	}
	s := start(t, nil)
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			resp := s.raw(tc.data)
			s.failed(resp, protocol)
			if resp.GetResult() != nil || resp.GetRequestId() != tc.id {
				t.Errorf("result %v, id %q; want none, %q", resp.GetResult(), resp.GetRequestId(), tc.id)
			}
		})
	}
	t.Run("an empty id is echoed as empty", func(t *testing.T) {
		if got := s.raw(op(10)); got.GetRequestId() != "" || got.GetPing() == nil {
			t.Errorf("reply %v", got)
		}
	})
	t.Run("unknown fields in a known op are ignored", func(t *testing.T) {
		body := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 42)
		body = append(body, op(1900, 1, 2, 3)...)
		if got := s.raw(append(id(op(10, body...)...), op(1999)...)); got.GetPing().GetNonce() != 42 {
			t.Errorf("reply %v", got)
		}
	})
	t.Run("headers change nothing", func(t *testing.T) {
		msg := nats.NewMsg(s.base + ".rpc")
		msg.Header.Set("Status", "503")
		msg.Header.Set("Case", "any")
		msg.Data, _ = proto.Marshal(pingRequest(math.MaxUint64))
		reply, err := s.cp.RequestMsg(msg, patience)
		if err != nil {
			t.Fatal(err)
		}
		got := new(agentv1.ControlResponse)
		if err := proto.Unmarshal(reply.Data, got); err != nil || got.GetPing().GetNonce() != math.MaxUint64 {
			t.Errorf("reply %v, error %v", got, err)
		}
	})
	t.Run("a request without a reply subject is not executed", func(t *testing.T) {
		data, _ := proto.Marshal(execRequest(&agentv1.ExecRequest{Command: []string{"touch", "trace"}}))
		if err := s.cp.Publish(s.base+".rpc", data); err != nil {
			t.Fatal(err)
		}
		// Requests of one connection arrive in order: when this is answered,
		// the one before has been looked at.
		s.exec(&agentv1.ExecRequest{Command: []string{"true"}})
		if _, err := os.Stat(filepath.Join(s.root, "trace")); err == nil {
			t.Error("it was executed")
		}
	})
	if v := s.broker.Violations(); len(v) > 0 {
		t.Errorf("the broker refused: %q", v)
	}
}

func TestPingIsMonotonic(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	last := uint64(0)
	for nonce := range uint64(100) {
		got := s.call(pingRequest(nonce)).GetPing()
		if got.GetNonce() != nonce || got.GetAgentMonotonicMs() < last {
			t.Fatalf("ping %v after %d ms", got, last)
		}
		last = got.GetAgentMonotonicMs()
	}
}

func TestUnsupportedOperations(t *testing.T) {
	t.Parallel()
	const unsupported, consent = agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED, agentv1.ErrorCode_ERROR_CODE_CONSENT_REQUIRED
	tests := map[string]struct {
		req     *agentv1.ControlRequest
		consent bool
		want    agentv1.ErrorCode
	}{
		"pty_open without terminals":           {req: &agentv1.ControlRequest{Op: &agentv1.ControlRequest_PtyOpen{PtyOpen: &agentv1.PtyOpenRequest{}}}, want: unsupported},
		"pty_write without terminals":          {req: ptyWrite("t", "x"), want: unsupported},
		"pty_resize without terminals":         {req: &agentv1.ControlRequest{Op: &agentv1.ControlRequest_PtyResize{PtyResize: &agentv1.PtyResizeRequest{}}}, want: unsupported},
		"pty_close without terminals":          {req: &agentv1.ControlRequest{Op: &agentv1.ControlRequest_PtyClose{PtyClose: &agentv1.PtyCloseRequest{}}}, want: unsupported},
		"desktop_ensure without a desktop":     {req: &agentv1.ControlRequest{Op: &agentv1.ControlRequest_DesktopEnsure{DesktopEnsure: &agentv1.DesktopEnsureRequest{}}}, want: unsupported},
		"a screenshot without a desktop":       {req: &agentv1.ControlRequest{Op: &agentv1.ControlRequest_DesktopScreenshot{DesktopScreenshot: &agentv1.DesktopScreenshotRequest{}}}, want: unsupported},
		"consented input without a desktop":    {req: desktopInput(nil), consent: true, want: unsupported},
		"input without consent, headless":      {req: desktopInput(&agentv1.KeyEvent{Key: "a"}), want: consent},
		"input without consent, without event": {req: desktopInput(nil), want: consent},
	}
	with, without := start(t, func(c *agent.Config) { c.ScreenControl = true }), start(t, nil)
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := without
			if tc.consent {
				s = with
			}
			s.failed(s.call(tc.req), tc.want)
		})
	}
}

func ptyWrite(id, data string) *agentv1.ControlRequest {
	return &agentv1.ControlRequest{Op: &agentv1.ControlRequest_PtyWrite{
		PtyWrite: &agentv1.PtyWriteRequest{PtyId: id, Data: []byte(data)}}}
}

func desktopInput(key *agentv1.KeyEvent) *agentv1.ControlRequest {
	in := new(agentv1.DesktopInputRequest)
	if key != nil {
		in.Event = &agentv1.DesktopInputRequest_Key{Key: key}
	}
	return &agentv1.ControlRequest{Op: &agentv1.ControlRequest_DesktopInput{DesktopInput: in}}
}

func TestOversizeReplies(t *testing.T) {
	t.Parallel()
	const limit = 256 << 10
	s := startOn(t, broker.Config{MaxPayload: limit}, nil)
	tests := map[string]struct {
		bytes  int
		detail map[string]string
	}{
		"output beyond the bound": {limit + 1, map[string]string{"op": "exec", "max_payload": strconv.Itoa(limit), "total_output_bytes": strconv.Itoa(limit + 1)}},
		"output that fills it":    {limit, map[string]string{"op": "exec", "max_payload": strconv.Itoa(limit), "total_output_bytes": strconv.Itoa(limit)}},
		"output far beyond it":    {20 * limit, map[string]string{"op": "exec", "max_payload": strconv.Itoa(limit), "total_output_bytes": strconv.Itoa(20 * limit)}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			resp := s.call(execRequest(&agentv1.ExecRequest{Command: []string{"head", "-c", strconv.Itoa(tc.bytes), "/dev/zero"}}))
			e := s.failed(resp, agentv1.ErrorCode_ERROR_CODE_PAYLOAD_TOO_LARGE)
			for k, want := range tc.detail {
				if got := e.GetDetail()[k]; got != want {
					t.Errorf("detail %s is %q, want %q", k, got, want)
				}
			}
			if n, err := strconv.Atoi(e.GetDetail()["encoded_bytes"]); err != nil || n <= limit {
				t.Errorf("encoded_bytes %q, want more than %d", e.GetDetail()["encoded_bytes"], limit)
			}
		})
	}
	t.Run("a reply just below the limit arrives whole", func(t *testing.T) {
		const n = limit - 1024
		r := s.exec(&agentv1.ExecRequest{Command: []string{"head", "-c", strconv.Itoa(n), "/dev/zero"}})
		if !bytes.Equal(r.GetStdout(), make([]byte, n)) {
			t.Errorf("%d bytes came", len(r.GetStdout()))
		}
	})
	t.Run("a timeout is a result even with too much output", func(t *testing.T) {
		r := s.exec(&agentv1.ExecRequest{Command: []string{"yes"}, TimeoutMs: 500})
		if !r.GetTimedOut() || r.GetExitCode() != -1 || len(r.GetStdout()) == 0 {
			t.Errorf("timed out %v, exit code %d, %d bytes", r.GetTimedOut(), r.GetExitCode(), len(r.GetStdout()))
		}
		if e := string(r.GetStderr()); !strings.Contains(e, "timed out") || !strings.Contains(e, "missing") {
			t.Errorf("stderr %q", e)
		}
	})
}

func TestMiddleware(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *agent.Config) {
		c.Epoch = 5
		c.Middleware = []agent.Middleware{
			intercept(1, func(req *agentv1.ControlRequest, next agent.Handler) *agentv1.ControlResponse { panic("boom") }),
			intercept(2, func(req *agentv1.ControlRequest, next agent.Handler) *agentv1.ControlResponse { return nil }),
			intercept(3, func(req *agentv1.ControlRequest, next agent.Handler) *agentv1.ControlResponse {
				resp := next(t.Context(), req)
				resp.Error = &agentv1.AgentError{Message: "\xff\xfe", Detail: map[string]string{"a\xff": "b\xffc"}}
				resp.Result = nil
				return resp
			}),
			intercept(4, func(req *agentv1.ControlRequest, next agent.Handler) *agentv1.ControlResponse {
				req.Epoch = 1
				return next(t.Context(), req)
			}),
			intercept(4, func(req *agentv1.ControlRequest, next agent.Handler) *agentv1.ControlResponse {
				if req.Epoch != 1 {
					return nil // the first middleware is the outermost
				}
				return next(t.Context(), req)
			}),
		}
	})
	t.Run("a panic is the error of that request", func(t *testing.T) {
		s.failed(s.call(pingRequest(1)), agentv1.ErrorCode_ERROR_CODE_OS)
	})
	t.Run("no response is an error", func(t *testing.T) {
		s.failed(s.call(pingRequest(2)), agentv1.ErrorCode_ERROR_CODE_OS)
	})
	t.Run("strings leave as valid UTF-8", func(t *testing.T) {
		e := s.call(pingRequest(3)).GetError()
		if e.GetMessage() != "\uFFFD\uFFFD" || e.GetDetail()["a\uFFFD"] != "b\uFFFDc" {
			t.Errorf("error %q", e)
		}
	})
	t.Run("the fence is inside", func(t *testing.T) {
		s.failed(s.call(pingRequest(4)), agentv1.ErrorCode_ERROR_CODE_FENCED)
	})
	t.Run("other requests pass", func(t *testing.T) {
		if s.call(pingRequest(9)).GetPing().GetNonce() != 9 {
			t.Error("they do not")
		}
	})
}

// intercept is a middleware for the pings with one nonce.
func intercept(nonce uint64, f func(*agentv1.ControlRequest, agent.Handler) *agentv1.ControlResponse) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			if p := req.GetPing(); p != nil && p.GetNonce() == nonce {
				return f(req, next)
			}
			return next(ctx, req)
		}
	}
}

func TestWireHooksSeeEveryMessage(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	in, out := 0, make(map[string]int)
	s := start(t, func(c *agent.Config) {
		c.Wire.In = func(next nats.MsgHandler) nats.MsgHandler {
			return func(m *nats.Msg) {
				mu.Lock()
				in++
				mu.Unlock()
				next(m)
			}
		}
		c.Wire.Out = func(next agent.PublishFunc) agent.PublishFunc {
			return func(subject string, data []byte) error {
				mu.Lock()
				what := "reply"
				if strings.HasPrefix(subject, "agent.") {
					what = subject[strings.LastIndexByte(subject, '.')+1:]
				}
				out[what]++
				mu.Unlock()
				return next(subject, data)
			}
		}
	})
	s.call(pingRequest(1))
	s.exec(&agentv1.ExecRequest{Command: []string{"true"}})
	mu.Lock()
	defer mu.Unlock()
	if in != 2 || out["reply"] != 2 || out["hello"] != 1 || out["events"] < 1 {
		t.Errorf("%d messages in, out %v", in, out)
	}
}

func TestLongOperationsDelayNobody(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			_, err := s.try(mustMarshal(t, execRequest(&agentv1.ExecRequest{Command: []string{"sh", "-c", "until test -e go; do sleep 0.1; done"}})))
			if err != nil {
				t.Error(err)
			}
		})
	}
	// All of these are answered while those above wait for this test.
	for nonce := range uint64(50) {
		s.call(pingRequest(nonce))
	}
	s.exec(&agentv1.ExecRequest{Command: []string{"touch", "go"}})
	wg.Wait()
}

func TestBackpressure(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *agent.Config) { c.MaxConcurrent, c.Epoch = 2, 3 })
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			_, err := s.try(mustMarshal(t, execRequest(&agentv1.ExecRequest{
				Command: []string{"sh", "-c", "touch begun" + strconv.Itoa(i) + "; until test -e go; do sleep 0.05; done"}})))
			if err != nil {
				t.Error(err)
			}
		})
	}
	for i := range 2 {
		eventually(t, "a command runs", func() bool {
			_, err := os.Stat(filepath.Join(s.root, "begun"+strconv.Itoa(i)))
			return err == nil
		})
	}
	e := s.failed(s.call(execRequest(&agentv1.ExecRequest{Command: []string{"true"}})), agentv1.ErrorCode_ERROR_CODE_DRAINING)
	if _, ok := e.GetDetail()["backpressure"]; !ok {
		t.Errorf("details %v, want backpressure", e.GetDetail())
	}
	stale := execRequest(&agentv1.ExecRequest{Command: []string{"true"}})
	stale.Epoch = 1
	s.failed(s.call(stale), agentv1.ErrorCode_ERROR_CODE_FENCED)
	if s.call(pingRequest(1)).GetPing() == nil {
		t.Error("a ping found no room")
	}
	if err := os.WriteFile(filepath.Join(s.root, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	s.exec(&agentv1.ExecRequest{Command: []string{"true"}})
}

// recorder is terminals that only write down what is written to them.
type recorder struct {
	agent.Terminals
	mu   sync.Mutex
	text map[string][]string
}

func (r *recorder) Write(_ context.Context, req *agentv1.PtyWriteRequest) (*agentv1.PtyWriteResponse, error) {
	// A writer that is overtaken here would be seen in the record.
	for range len(req.GetData()) % 7 {
		time.Sleep(time.Microsecond)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text[req.GetPtyId()] = append(r.text[req.GetPtyId()], string(req.GetData()))
	return &agentv1.PtyWriteResponse{BytesWritten: uint64(len(req.GetData()))}, nil
}

func (r *recorder) Active() int { return 3 }

func (r *recorder) Shutdown(context.Context) error { return nil }

func TestWritesToOneTerminalKeepTheirOrder(t *testing.T) {
	t.Parallel()
	rec := &recorder{text: make(map[string][]string)}
	s := start(t, func(c *agent.Config) { c.Terminals, c.RelayURL = rec, "ws://127.0.0.1:1/stream" })
	if got := s.nextEvent().GetHeartbeat().GetActiveSessions(); got != 3 {
		t.Errorf("heartbeat tells %d active sessions, want 3", got)
	}
	const n = 300
	inbox := s.cp.NewInbox()
	replies, err := s.cp.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		for _, id := range []string{"a", "b"} {
			if err := s.cp.PublishRequest(s.base+".rpc", inbox, mustMarshal(t, ptyWrite(id, strconv.Itoa(i*i)))); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 2 * n {
		if _, err := replies.NextMsg(patience); err != nil {
			t.Fatal(err)
		}
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	for _, id := range []string{"a", "b"} {
		for i, got := range rec.text[id] {
			if got != strconv.Itoa(i*i) {
				t.Fatalf("write %d to %s was %s", i, id, got)
			}
		}
		if len(rec.text[id]) != n {
			t.Errorf("%d writes to %s, want %d", len(rec.text[id]), id, n)
		}
	}
}

func mustMarshal(tb testing.TB, m proto.Message) []byte {
	tb.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		tb.Error(err)
	}
	return data
}
