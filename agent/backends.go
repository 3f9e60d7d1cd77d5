package agent

import (
	"context"

	"agentproof/agent/internal/operr"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// terminal serves the pty operations.
func (a *Agent) terminal(ctx context.Context, req *agentv1.ControlRequest, resp *agentv1.ControlResponse) (err error) {
	t := a.cfg.Terminals
	if t == nil {
		return operr.New(agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED, "this agent was started without terminals")
	}
	switch op := req.GetOp().(type) {
	case *agentv1.ControlRequest_PtyOpen:
		out := new(agentv1.ControlResponse_PtyOpen)
		out.PtyOpen, err = t.Open(ctx, op.PtyOpen)
		resp.Result = out
	case *agentv1.ControlRequest_PtyWrite:
		out := new(agentv1.ControlResponse_PtyWrite)
		out.PtyWrite, err = t.Write(ctx, op.PtyWrite)
		resp.Result = out
	case *agentv1.ControlRequest_PtyResize:
		out := new(agentv1.ControlResponse_PtyResize)
		out.PtyResize, err = t.Resize(ctx, op.PtyResize)
		resp.Result = out
	case *agentv1.ControlRequest_PtyClose:
		out := new(agentv1.ControlResponse_PtyClose)
		out.PtyClose, err = t.Close(ctx, op.PtyClose)
		resp.Result = out
	}
	return err
}

// desktop serves the desktop operations. Consent comes before everything else
// about input, the display included (desktop.input.consent).
func (a *Agent) desktop(ctx context.Context, req *agentv1.ControlRequest, resp *agentv1.ControlResponse) (err error) {
	input, isInput := req.GetOp().(*agentv1.ControlRequest_DesktopInput)
	if isInput && !a.cfg.ScreenControl {
		return operr.New(agentv1.ErrorCode_ERROR_CODE_CONSENT_REQUIRED,
			"the owner of this machine has not consented to screen control")
	}
	d := a.cfg.Desktop
	if d == nil {
		return operr.New(agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED, "this agent was started without a desktop")
	}
	if isInput && input.DesktopInput.GetEvent() == nil {
		return operr.New(agentv1.ErrorCode_ERROR_CODE_PROTOCOL, "the desktop input holds no event that this agent knows")
	}
	switch op := req.GetOp().(type) {
	case *agentv1.ControlRequest_DesktopEnsure:
		out := new(agentv1.ControlResponse_DesktopEnsure)
		out.DesktopEnsure, err = d.Ensure(ctx, op.DesktopEnsure)
		resp.Result = out
	case *agentv1.ControlRequest_DesktopInput:
		out := new(agentv1.ControlResponse_DesktopInput)
		out.DesktopInput, err = d.Input(ctx, op.DesktopInput)
		resp.Result = out
	case *agentv1.ControlRequest_DesktopScreenshot:
		out := new(agentv1.ControlResponse_DesktopScreenshot)
		out.DesktopScreenshot, err = d.Screenshot(ctx, op.DesktopScreenshot)
		resp.Result = out
	}
	return err
}
