package agent

import (
	"context"

	"agentproof/agent/desktop"
	"agentproof/agent/internal/operr"
	"agentproof/agent/pty"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
	"agentproof/stream/producer"
)

// newTerminals returns what serves the pty operations, or why nothing does
// (pty.no-relay).
func (a *Agent) newTerminals() (t Terminals, why string) {
	switch {
	case a.cfg.Terminals != nil:
		return a.cfg.Terminals, ""
	case a.cfg.RelayURL == "":
		return nil, "no relay is configured, and a terminal's bytes travel over one"
	case !pty.Supported:
		return nil, "this system has no terminals that the agent can open"
	}
	return pty.New(pty.Config{
		WorkspaceID: a.cfg.WorkspaceID,
		AgentID:     a.cfg.AgentID,
		Relay:       a.producer(),
		Processes:   a.commands,
		Shell:       a.env.shell,
		Environ:     a.env.with,
		Resolve:     a.root.Resolve,
		Logger:      a.log,
	}), ""
}

// newDesktop returns what serves the desktop operations. One without a display
// says so by itself, and finds one that comes later.
func (a *Agent) newDesktop() Desktop {
	if a.cfg.Desktop != nil {
		return a.cfg.Desktop
	}
	return desktop.New(desktop.Config{
		WorkspaceID:   a.cfg.WorkspaceID,
		AgentID:       a.cfg.AgentID,
		Environ:       a.cfg.Environ,
		ScreenControl: a.cfg.ScreenControl,
		Relay:         a.producer(),
		MaxPayload:    a.MaxPayload,
		Logger:        a.log,
	})
}

// offeredDesktop returns the display that Hello offers, or nil and the reason.
// Without a relay it offers none, since nobody could watch it
// (desktop.no-relay-hello); screenshots and input work all the same.
func (a *Agent) offeredDesktop(ctx context.Context) (display *agentv1.Display, unavailable string) {
	if a.cfg.Desktop == nil && a.cfg.RelayURL == "" {
		return nil, "no relay is configured, and the desktop's pictures travel over one"
	}
	return a.screen.Status(ctx)
}

// producer is how the agent's streams reach the relay.
func (a *Agent) producer() producer.Config {
	return producer.Config{
		RelayURL: a.cfg.RelayURL,
		Token:    stream.Secret(a.cfg.RelayToken),
		TLS:      a.cfg.RelayTLS,
		Logger:   a.log,
	}
}

// terminal serves the pty operations.
func (a *Agent) terminal(ctx context.Context, req *agentv1.ControlRequest, resp *agentv1.ControlResponse) (err error) {
	t := a.terminals
	if t == nil {
		return operr.New(agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED, "%s", a.noPTY)
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
	if isInput && input.DesktopInput.GetEvent() == nil {
		if display, why := a.screen.Status(ctx); display == nil {
			return operr.New(agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED, "%s", why)
		}
		return operr.New(agentv1.ErrorCode_ERROR_CODE_PROTOCOL, "the desktop input holds no event that this agent knows")
	}
	switch op := req.GetOp().(type) {
	case *agentv1.ControlRequest_DesktopEnsure:
		out := new(agentv1.ControlResponse_DesktopEnsure)
		out.DesktopEnsure, err = a.screen.Ensure(ctx, op.DesktopEnsure)
		resp.Result = out
	case *agentv1.ControlRequest_DesktopInput:
		out := new(agentv1.ControlResponse_DesktopInput)
		out.DesktopInput, err = a.screen.Input(ctx, op.DesktopInput)
		resp.Result = out
	case *agentv1.ControlRequest_DesktopScreenshot:
		out := new(agentv1.ControlResponse_DesktopScreenshot)
		out.DesktopScreenshot, err = a.screen.Screenshot(ctx, op.DesktopScreenshot)
		resp.Result = out
	}
	return err
}
