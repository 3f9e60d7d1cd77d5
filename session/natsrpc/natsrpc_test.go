package natsrpc_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"agentproof/fixtures/broker"
	"agentproof/fixtures/broker/brokertest"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
	"agentproof/session/internal/machine"
	"agentproof/session/natsrpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	// patience bounds every wait for something that takes milliseconds.
	patience = 30 * time.Second
	// brief is a timeout that is meant to pass.
	brief = 50 * time.Millisecond
)

// newClient returns a client of the broker that is closed with the test.
func newClient(tb testing.TB, b *broker.Broker, opts ...nats.Option) *natsrpc.Client {
	tb.Helper()
	return closeAfter(tb, natsrpc.New(natsrpc.Config{URLs: []string{b.ControlURL()}, Options: opts}))
}

func closeAfter(tb testing.TB, c *natsrpc.Client) *natsrpc.Client {
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Errorf("close the client: %v", err)
		}
	})
	return c
}

func ping(nonce uint64) *agentv1.ControlRequest {
	return &agentv1.ControlRequest{
		RequestId: "request-1",
		Op:        &agentv1.ControlRequest_Ping{Ping: &agentv1.PingRequest{Nonce: nonce}},
	}
}

func write(content []byte) *agentv1.ControlRequest {
	return &agentv1.ControlRequest{
		RequestId: "request-1",
		Op:        &agentv1.ControlRequest_FsWrite{FsWrite: &agentv1.FsWriteRequest{Path: "x", Content: content}},
	}
}

// request makes a request that must not fail by ctx.
func request(tb testing.TB, rpc session.ControlRPC, req *agentv1.ControlRequest, timeout time.Duration) *agentv1.ControlResponse {
	tb.Helper()
	resp, err := rpc.Request(tb.Context(), machine.Subject, req, timeout)
	if err != nil {
		tb.Fatalf("err = %v, want every failure as a response", err)
	}
	return resp
}

func wantPong(tb testing.TB, rpc session.ControlRPC) {
	tb.Helper()
	if resp := request(tb, rpc, ping(7), patience); resp.GetPing().GetNonce() != 7 {
		tb.Fatalf("response = %v, want the pong", resp)
	}
}

func wantCode(tb testing.TB, resp *agentv1.ControlResponse, code agentv1.ErrorCode, retryable bool) {
	tb.Helper()
	e := resp.GetError()
	if e.GetCode() != code || e.GetRetryable() != retryable || e.GetMessage() == "" || resp.GetResult() != nil {
		tb.Fatalf("response = %v, want %v with retryable %v and a message", resp, code, retryable)
	}
	if resp.GetRequestId() != "request-1" {
		tb.Errorf("request id = %q, want the request's", resp.GetRequestId())
	}
}

const (
	offline  = agentv1.ErrorCode_ERROR_CODE_AGENT_OFFLINE
	timeout  = agentv1.ErrorCode_ERROR_CODE_TIMEOUT
	protocol = agentv1.ErrorCode_ERROR_CODE_PROTOCOL
	tooLarge = agentv1.ErrorCode_ERROR_CODE_PAYLOAD_TOO_LARGE
)

func TestARequestReachesTheMachineAndItsReplyComesBack(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	m := machine.Serve(t, b, machine.Pong)
	req := ping(7)
	got := request(t, newClient(t, b), req, patience)
	want := &agentv1.ControlResponse{
		RequestId: "request-1",
		Result:    &agentv1.ControlResponse_Ping{Ping: &agentv1.PingResponse{Nonce: 7}},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("response (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]*agentv1.ControlRequest{req}, m.Requests(), protocmp.Transform()); diff != "" {
		t.Errorf("requests at the machine (-want +got):\n%s", diff)
	}
}

func TestCredentialsAreThoseOfTheConfig(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{ControlPassword: "secret"})
	machine.Serve(t, b, machine.Pong)
	b.Admit(machine.WorkspaceID, "control-token")
	for name, cfg := range map[string]natsrpc.Config{
		"user and password":       {URLs: []string{b.URL()}, User: "control-plane", Password: "secret"},
		"a token":                 {URLs: []string{b.URL()}, Token: "control-token"},
		"the URL's":               {URLs: []string{b.ControlURL()}},
		"the caller's own option": {URLs: []string{b.URL()}, Options: []nats.Option{nats.Token("control-token")}},
		"a second URL":            {URLs: []string{"nats://127.0.0.1:1", b.ControlURL()}},
		"a websocket":             {URLs: []string{b.WebsocketURL()}, Token: "control-token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantPong(t, closeAfter(t, natsrpc.New(cfg)))
		})
	}
}

func TestAMachineThatCannotBeReachedIsOffline(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	broken := func(*nats.Options) error { return errors.New("broken option") }
	for name, tc := range map[string]struct {
		cfg     natsrpc.Config
		message string
	}{
		"no responder":             {natsrpc.Config{URLs: []string{b.ControlURL()}}, "no agent answers"},
		"no broker configured":     {natsrpc.Config{}, "no broker"},
		"no broker at the URL":     {natsrpc.Config{URLs: []string{"nats://127.0.0.1:1"}}, "connect to the broker"},
		"credentials refused":      {natsrpc.Config{URLs: []string{b.URL()}, Token: "wrong"}, "Authorization"},
		"a URL that is none":       {natsrpc.Config{URLs: []string{"nats://user:s3cret@127.0.0.1:port"}}, "connect to the broker"},
		"an option that fails":     {natsrpc.Config{URLs: []string{b.URL()}, Options: []nats.Option{broken}}, "broken option"},
		"a header that is invalid": {natsrpc.Config{URLs: []string{b.ControlURL()}, Trace: natsrpc.Trace{Header: map[string]string{"a b": "c"}}}, "header"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp := request(t, closeAfter(t, natsrpc.New(tc.cfg)), ping(1), patience)
			wantCode(t, resp, offline, false)
			if msg := resp.GetError().GetMessage(); !strings.Contains(msg, tc.message) || strings.Contains(msg, "s3cret") {
				t.Errorf("message = %q, want one with %q and without secrets", msg, tc.message)
			}
		})
	}
}

func TestATimeoutIsAResponseAndLeavesTheConnection(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	machine.Serve(t, b, func(req *agentv1.ControlRequest) *agentv1.ControlResponse {
		if req.GetPing().GetNonce() == 0 {
			return nil
		}
		return machine.Pong(req)
	})
	dials := newCounter()
	c := newClient(t, b, dials.option())
	wantPong(t, c)
	for name, call := range map[string]func() (*agentv1.ControlResponse, error){
		"the timeout": func() (*agentv1.ControlResponse, error) {
			return c.Request(t.Context(), machine.Subject, ping(0), brief)
		},
		"ctx's deadline, before the timeout": func() (*agentv1.ControlResponse, error) {
			ctx, cancel := context.WithTimeout(t.Context(), brief)
			defer cancel()
			return c.Request(ctx, machine.Subject, ping(0), patience)
		},
		"the timeout, before ctx's deadline": func() (*agentv1.ControlResponse, error) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			return c.Request(ctx, machine.Subject, ping(0), brief)
		},
		"ctx's deadline, without a timeout": func() (*agentv1.ControlResponse, error) {
			ctx, cancel := context.WithTimeout(t.Context(), brief)
			defer cancel()
			return c.Request(ctx, machine.Subject, ping(0), 0)
		},
		"a deadline that has passed": func() (*agentv1.ControlResponse, error) {
			ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
			defer cancel()
			return c.Request(ctx, machine.Subject, ping(0), patience)
		},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			resp, err := call()
			if err != nil {
				t.Fatalf("err = %v, want a response", err)
			}
			wantCode(t, resp, timeout, true)
			if took := time.Since(start); took > patience/2 {
				t.Errorf("took %v, not the earlier bound", took)
			}
		})
	}
	wantPong(t, c)
	if n := dials.count(); n != 1 {
		t.Errorf("dialed %d times: a timeout touched the connection", n)
	}
}

func TestACancelledRequestReturnsAtOnceAndLeavesTheConnection(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	asked := make(chan struct{}, 1)
	m := machine.Serve(t, b, func(req *agentv1.ControlRequest) *agentv1.ControlResponse {
		if req.GetPing().GetNonce() == 0 {
			asked <- struct{}{}
			return nil
		}
		return machine.Pong(req)
	})
	dials := newCounter()
	c := newClient(t, b, dials.option())

	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	start := time.Now()
	if resp, err := c.Request(ctx, machine.Subject, ping(0), 10*patience); err != context.Canceled || resp != nil {
		t.Errorf("Request = %v, %v, want %v", resp, err, context.Canceled)
	}
	if took := time.Since(start); took > patience {
		t.Errorf("took %v", took)
	}
	if _, err := c.Request(ctx, machine.Subject, ping(0), patience); err != context.Canceled {
		t.Errorf("err = %v, want %v", err, context.Canceled)
	}
	wantPong(t, c)
	if n := len(m.Requests()); n != 2 {
		t.Errorf("the machine got %d requests, want 2: none of a caller that had left", n)
	}
	if n := dials.count(); n != 1 {
		t.Errorf("dialed %d times: a cancellation touched the connection", n)
	}
}

func TestARequestAboveTheMaxPayloadIsRefusedHere(t *testing.T) {
	t.Parallel()
	const limit = 4096
	b := brokertest.Start(t, broker.Config{MaxPayload: limit})
	m := machine.Serve(t, b, func(req *agentv1.ControlRequest) *agentv1.ControlResponse {
		return &agentv1.ControlResponse{Result: &agentv1.ControlResponse_FsWrite{FsWrite: &agentv1.FsWriteResponse{}}}
	})
	dials := newCounter()
	c := newClient(t, b, dials.option())
	largest := write(make([]byte, limit))
	for proto.Size(largest) > limit {
		largest = write(largest.GetFsWrite().GetContent()[1:])
	}
	if resp := request(t, c, largest, patience); resp.GetFsWrite() == nil {
		t.Fatalf("a request of %d bytes: %v, want it answered", proto.Size(largest), resp)
	}

	oneMore := write(make([]byte, len(largest.GetFsWrite().GetContent())+1))
	resp := request(t, c, oneMore, patience)
	wantCode(t, resp, tooLarge, false)
	want := map[string]string{"op": "fs_write", "encoded_bytes": "4097", "max_payload": "4096"}
	if diff := cmp.Diff(want, resp.GetError().GetDetail()); diff != "" {
		t.Errorf("detail (-want +got):\n%s", diff)
	}

	marked := c.With(natsrpc.Trace{Header: map[string]string{"Case": "x"}})
	wantCode(t, request(t, marked, largest, patience), tooLarge, false) // headers count
	if resp := request(t, c, largest, patience); resp.GetFsWrite() == nil {
		t.Errorf("after a refusal: %v, want it answered", resp)
	}
	if n := len(m.Requests()); n != 2 {
		t.Errorf("the machine got %d requests, want 2: nothing of the refused ones", n)
	}
	if n := dials.count(); n != 1 {
		t.Errorf("dialed %d times: a refusal touched the connection", n)
	}
}

func TestBytesThatAreNoMessageAreProtocolErrors(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	machine.ServeBytes(t, b, func(*agentv1.ControlRequest) []byte { return []byte{0x0a, 0xff} })
	c := newClient(t, b)
	t.Run("in a reply", func(t *testing.T) {
		wantCode(t, request(t, c, ping(1), patience), protocol, false)
	})
	t.Run("in a request", func(t *testing.T) {
		req := write(nil)
		req.GetFsWrite().Path = "\xff"
		wantCode(t, request(t, c, req, patience), protocol, false)
	})
}

func TestTheReplysRequestIDIsNotCompared(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	machine.ServeBytes(t, b, func(req *agentv1.ControlRequest) []byte {
		resp := machine.Pong(req)
		resp.RequestId = "another"
		data, err := proto.Marshal(resp)
		if err != nil {
			t.Error(err)
		}
		return data
	})
	wantPong(t, newClient(t, b))
}

func TestAReplyReachesNoRequestButItsOwn(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	nc := brokertest.Control(t, b)
	pong := func(m *nats.Msg, nonce uint64) {
		data, err := proto.Marshal(&agentv1.ControlResponse{Result: &agentv1.ControlResponse_Ping{Ping: &agentv1.PingResponse{Nonce: nonce}}})
		if err = errors.Join(err, m.Respond(data)); err != nil {
			t.Error(err)
		}
	}
	var unanswered *nats.Msg
	_, err := nc.Subscribe(machine.Subject, func(m *nats.Msg) {
		req := new(agentv1.ControlRequest)
		if err := proto.Unmarshal(m.Data, req); err != nil {
			t.Error(err)
		}
		if req.GetPing().GetNonce() == 0 {
			unanswered = m
			return
		}
		if unanswered != nil {
			pong(unanswered, 1000) // late
		}
		pong(m, 7)
		pong(m, 2000) // twice
	})
	if err := errors.Join(err, nc.Flush()); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, b)
	wantPong(t, c)
	for range 50 {
		wantCode(t, request(t, c, ping(0), time.Millisecond), timeout, true)
		wantPong(t, c)
		wantPong(t, c)
	}
}

// TestRepliesThatNobodyWaitsForAreTold pins how somebody tells a second reply
// from one that is late.
func TestRepliesThatNobodyWaitsForAreTold(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	nc := brokertest.Control(t, b)
	_, err := nc.Subscribe(machine.Subject, func(m *nats.Msg) {
		for range 2 {
			if err := m.Respond(nil); err != nil {
				t.Error(err)
			}
		}
	})
	if err := errors.Join(err, nc.Flush()); err != nil {
		t.Fatal(err)
	}
	strays := make(chan string, 1)
	var seen natsrpc.Exchange
	c := closeAfter(t, natsrpc.New(natsrpc.Config{
		URLs:  []string{b.ControlURL()},
		Stray: func(reply string) { strays <- reply },
		Trace: natsrpc.Trace{Observe: func(x natsrpc.Exchange) { seen = x }},
	}))
	request(t, c, ping(0), patience)
	select {
	case got := <-strays:
		if got != seen.Reply || got == "" {
			t.Errorf("the second reply came on %q, the first on %q", got, seen.Reply)
		}
	case <-time.After(patience):
		t.Error("the second reply was not told")
	}
}

func TestHeadersAndObserverBelongToTheirTrace(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	m := machine.Serve(t, b, func(req *agentv1.ControlRequest) *agentv1.ControlResponse {
		if req.GetPing() == nil {
			return nil
		}
		return machine.Pong(req)
	})
	dials := newCounter()
	c := newClient(t, b, dials.option())
	var seen []natsrpc.Exchange
	header := map[string]string{"Case-Id": "exec.argv/plain"}
	traced := c.With(natsrpc.Trace{Header: header, Observe: func(x natsrpc.Exchange) { seen = append(seen, x) }})
	header["Case-Id"] = "changed later"

	wantPong(t, c)
	wantPong(t, traced)
	request(t, traced, write(nil), brief)
	if resp, _ := traced.Request(t.Context(), "agent.ws-1.nobody.rpc", ping(1), patience); resp == nil {
		t.Fatal("no response")
	}

	headers := m.Headers()
	if len(headers) != 3 || headers[0] != nil || headers[1].Get("Case-Id") != "exec.argv/plain" {
		t.Errorf("headers = %v, want the second request alone marked, and the third", headers)
	}
	if len(seen) != 3 {
		t.Fatalf("observed %d exchanges, want the trace's own 3", len(seen))
	}
	wire, err := proto.Marshal(ping(7))
	if err != nil {
		t.Fatal(err)
	}
	resp := new(agentv1.ControlResponse)
	if err := proto.Unmarshal(seen[0].Response, resp); err != nil || resp.GetPing().GetNonce() != 7 {
		t.Errorf("observed response = %v, %v, want the pong's bytes", resp, err)
	}
	if x := seen[0]; x.Subject != machine.Subject || string(x.Request) != string(wire) || x.Err != nil || x.Start.IsZero() || x.Duration <= 0 {
		t.Errorf("observed %+v, want the whole exchange", x)
	}
	if x := seen[1]; x.Response != nil || x.Err != context.DeadlineExceeded || x.Duration < brief {
		t.Errorf("observed %+v, want the timeout", x)
	}
	if x := seen[2]; x.Response != nil || !errors.Is(x.Err, nats.ErrNoResponders) {
		t.Errorf("observed %+v, want no responders", x)
	}
	if n := dials.count(); n != 1 {
		t.Errorf("dialed %d times, want one connection for all traces", n)
	}
}
