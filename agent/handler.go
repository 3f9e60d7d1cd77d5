package agent

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"agentproof/agent/internal/operr"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// serve is the innermost Handler: the fence, the refusals, the operation.
func (a *Agent) serve(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
	resp := &agentv1.ControlResponse{RequestId: req.GetRequestId()}
	err := a.fence(req)
	if err == nil {
		err = a.operate(ctx, req, resp)
	}
	if err != nil {
		// Whatever an operation says after it was told to end, it was ended.
		if ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, errStopping)) {
			err = operr.New(agentv1.ErrorCode_ERROR_CODE_DRAINING, "%v", errStopping)
		}
		resp.Result, resp.Error = nil, operr.ToProto(err)
	}
	return resp
}

// fence refuses what was resolved against an older lease of this machine. It
// is asked before anything else, so that the operation leaves no trace
// (fence.stale, fence.first). A newer epoch runs and does not raise the held
// one (fence.newer, fence.ratchet).
func (a *Agent) fence(req *agentv1.ControlRequest) error {
	epoch := req.GetEpoch()
	if epoch == 0 || epoch >= a.cfg.Epoch {
		return nil
	}
	return operr.New(agentv1.ErrorCode_ERROR_CODE_FENCED,
		"the request is of epoch %d and the agent holds %d", epoch, a.cfg.Epoch).
		With("op_epoch", strconv.FormatUint(uint64(epoch), 10)).
		With("held_epoch", strconv.FormatUint(uint64(a.cfg.Epoch), 10))
}

// operate runs the op of req and sets the result of resp.
func (a *Agent) operate(ctx context.Context, req *agentv1.ControlRequest, resp *agentv1.ControlResponse) (err error) {
	switch op := req.GetOp().(type) {
	case nil:
		return operr.New(agentv1.ErrorCode_ERROR_CODE_PROTOCOL, "the request holds no operation that this agent knows")
	case *agentv1.ControlRequest_Hello, *agentv1.ControlRequest_Resume, *agentv1.ControlRequest_UpdateMayProceed:
		return operr.New(agentv1.ErrorCode_ERROR_CODE_PROTOCOL, "%s is what an agent asks, not what it is asked", opName(req))
	case *agentv1.ControlRequest_Ping:
		resp.Result = &agentv1.ControlResponse_Ping{Ping: a.ping(op.Ping)}
		return nil
	}
	if a.draining.Load() {
		return operr.New(agentv1.ErrorCode_ERROR_CODE_DRAINING, "the agent is stopping and takes no new work")
	}
	switch op := req.GetOp().(type) {
	case *agentv1.ControlRequest_Metrics:
		resp.Result = &agentv1.ControlResponse_Metrics{Metrics: a.metrics.Sample(time.Now())}
	case *agentv1.ControlRequest_Exec:
		out := new(agentv1.ControlResponse_Exec)
		out.Exec, err = a.exec(ctx, op.Exec)
		resp.Result = out
	case *agentv1.ControlRequest_Git:
		out := new(agentv1.ControlResponse_Git)
		out.Git, err = a.git.Run(ctx, op.Git)
		resp.Result = out
	case *agentv1.ControlRequest_FsRead, *agentv1.ControlRequest_FsWrite, *agentv1.ControlRequest_FsList,
		*agentv1.ControlRequest_FsMkdir, *agentv1.ControlRequest_FsMove, *agentv1.ControlRequest_FsStat,
		*agentv1.ControlRequest_FsRemove:
		return a.filesystem(ctx, req, resp)
	case *agentv1.ControlRequest_PtyOpen, *agentv1.ControlRequest_PtyWrite,
		*agentv1.ControlRequest_PtyResize, *agentv1.ControlRequest_PtyClose:
		return a.terminal(ctx, req, resp)
	case *agentv1.ControlRequest_DesktopEnsure, *agentv1.ControlRequest_DesktopInput,
		*agentv1.ControlRequest_DesktopScreenshot:
		return a.desktop(ctx, req, resp)
	default:
		return fmt.Errorf("no code serves the operation %s", opName(req))
	}
	return err
}

func (a *Agent) ping(req *agentv1.PingRequest) *agentv1.PingResponse {
	return &agentv1.PingResponse{
		Nonce:            req.GetNonce(),
		AgentMonotonicMs: uint64(a.uptime().Milliseconds()),
	}
}
