package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// roles are the agents that the test binary plays for conformance to certify.
var roles = map[string]func() int{
	"faulty": faulty,
	"tiny":   func() int { return tiny(contractOfEnvironment) },
	"filed":  func() int { return tiny(contractOfFile) },
	"quits":  func() int { fmt.Println("no luck today"); return 4 },
	"mute":   mute,
}

// faulty is the reference agent with two lies: it adds one to a ping's nonce,
// and it runs what the fence should have stopped.
func faulty() int {
	cfg, err := agent.ConfigFromEnviron(os.Environ())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	cfg.Version = "0.0.0-faulty"
	cfg.Middleware = []agent.Middleware{func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			req.Epoch = 0
			resp := next(ctx, req)
			if p := resp.GetPing(); p != nil {
				p.Nonce++
			}
			return resp
		}
	}}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a, err := agent.New(cfg)
	if err == nil {
		err = a.Run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// mute starts and never says Hello.
func mute() int {
	fmt.Println("thinking")
	time.Sleep(time.Hour)
	return 0
}

// contract is what an agent has to know.
type contract struct {
	URLs      []string `json:"nats_urls"`
	Token     string   `json:"nats_bearer"`
	Workspace string   `json:"workspace_id"`
	Agent     string   `json:"agent_id"`
	Epoch     uint32   `json:"last_known_epoch"`
}

func contractOfEnvironment() (c contract, err error) {
	epoch, err := strconv.ParseUint(os.Getenv("AGENTPROOF_EPOCH"), 10, 32)
	return contract{
		URLs:      strings.Split(os.Getenv("AGENTPROOF_NATS_URL"), ","),
		Token:     os.Getenv("AGENTPROOF_NATS_TOKEN"),
		Workspace: os.Getenv("AGENTPROOF_WORKSPACE_ID"),
		Agent:     os.Getenv("AGENTPROOF_AGENT_ID"),
		Epoch:     uint32(epoch),
	}, err
}

func contractOfFile() (c contract, err error) {
	data, err := os.ReadFile(os.Getenv("OPENGENI_CONFIG_DIR") + "/credentials.json")
	if err != nil {
		return contract{}, err
	}
	return c, json.Unmarshal(data, &c)
}

// tiny is an agent that shares no code with the reference agent. It knows the
// fence and pings, and is told what it needs in one way alone.
func tiny(told func() (contract, error)) int {
	c, err := told()
	if err == nil {
		err = c.serve()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (c contract) serve() error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	nc, err := nats.Connect(strings.Join(c.URLs, ","), nats.Token(c.Token))
	if err != nil {
		return err
	}
	defer nc.Close()
	base := "agent." + c.Workspace + "." + c.Agent
	if _, err := nc.Subscribe(base+".rpc", func(m *nats.Msg) {
		req := new(agentv1.ControlRequest)
		if err := proto.Unmarshal(m.Data, req); err != nil {
			return
		}
		if data, err := proto.Marshal(c.answer(req)); err == nil {
			_ = m.Respond(data)
		}
	}); err != nil {
		return err
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	hello, err := proto.Marshal(&agentv1.Hello{
		AgentId: c.Agent, WorkspaceId: c.Workspace, AgentVersion: "tiny", WorkspaceRoot: root,
		Capabilities: &agentv1.Capabilities{},
	})
	if err != nil {
		return err
	}
	if err := nc.Flush(); err != nil {
		return err
	}
	if err := nc.Publish(base+".hello", hello); err != nil {
		return err
	}
	<-stop
	return nil
}

func (c contract) answer(req *agentv1.ControlRequest) *agentv1.ControlResponse {
	resp := &agentv1.ControlResponse{RequestId: req.GetRequestId()}
	switch {
	case req.GetEpoch() != 0 && req.GetEpoch() < c.Epoch:
		resp.Error = &agentv1.AgentError{Code: agentv1.ErrorCode_ERROR_CODE_FENCED, Message: "stale", Detail: map[string]string{
			"op_epoch": fmt.Sprint(req.GetEpoch()), "held_epoch": fmt.Sprint(c.Epoch),
		}}
	case req.GetPing() != nil:
		resp.Result = &agentv1.ControlResponse_Ping{Ping: &agentv1.PingResponse{
			Nonce: req.GetPing().GetNonce(), AgentMonotonicMs: uint64(time.Now().UnixMilli()),
		}}
	default:
		resp.Error = &agentv1.AgentError{Code: agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED, Message: "this agent is tiny"}
	}
	return resp
}
