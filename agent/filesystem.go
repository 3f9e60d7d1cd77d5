package agent

import (
	"context"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// filesystem serves the fs operations.
func (a *Agent) filesystem(ctx context.Context, req *agentv1.ControlRequest, resp *agentv1.ControlResponse) (err error) {
	switch op := req.GetOp().(type) {
	case *agentv1.ControlRequest_FsRead:
		out := new(agentv1.ControlResponse_FsRead)
		out.FsRead, err = a.files.Read(ctx, op.FsRead)
		resp.Result = out
	case *agentv1.ControlRequest_FsWrite:
		out := new(agentv1.ControlResponse_FsWrite)
		out.FsWrite, err = a.files.Write(ctx, op.FsWrite)
		resp.Result = out
	case *agentv1.ControlRequest_FsList:
		out := new(agentv1.ControlResponse_FsList)
		out.FsList, err = a.files.List(ctx, op.FsList)
		resp.Result = out
	case *agentv1.ControlRequest_FsMkdir:
		out := new(agentv1.ControlResponse_FsMkdir)
		out.FsMkdir, err = a.files.Mkdir(ctx, op.FsMkdir)
		resp.Result = out
	case *agentv1.ControlRequest_FsMove:
		out := new(agentv1.ControlResponse_FsMove)
		out.FsMove, err = a.files.Move(ctx, op.FsMove)
		resp.Result = out
	case *agentv1.ControlRequest_FsStat:
		out := new(agentv1.ControlResponse_FsStat)
		out.FsStat, err = a.files.Stat(ctx, op.FsStat)
		resp.Result = out
	case *agentv1.ControlRequest_FsRemove:
		out := new(agentv1.ControlResponse_FsRemove)
		out.FsRemove, err = a.files.Remove(ctx, op.FsRemove)
		resp.Result = out
	}
	return err
}
