package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/verdict"
)

const (
	// shotLimit bounds the wait for a picture, which an agent takes in
	// milliseconds: a failure must not cost more time than the case did.
	shotLimit = 5 * time.Second
	// shotBytes bounds the picture that is kept.
	shotBytes = 4 << 20
)

// photograph keeps what the screen shows when a case that looks at it has
// failed, before the cleanups change it: as the agent sees it, or else as the
// suite does. Without either the failure has to do without a picture.
func (t *T) photograph(ctx context.Context) {
	if t.kase.Needs&Desktop == 0 || verdict.Blocked.Outweighs(t.verdict()) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.Scale(shotLimit))
	defer cancel()
	shot, err := t.inst.screenshot(ctx, t.Scale(shotLimit))
	if err != nil {
		if shot, _ = t.inst.monitor.screenshot(); shot == nil {
			return
		}
		t.Logf("the screenshot is the suite's own: %v", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.screenshot = shot
}

// screenshot is the agent's own picture of its screen. It is asked for beside
// the case, whose exchanges it does not join.
func (i *Instance) screenshot(ctx context.Context, limit time.Duration) ([]byte, error) {
	req := NewRequest(&agentv1.DesktopScreenshotRequest{})
	req.RequestId = uuid.NewString()
	payload, err := proto.Marshal(req)
	if err != nil {
		return nil, err
	}
	reply, err := i.wire.send(i.Base+".rpc", payload, nil, nil)
	if err != nil {
		return nil, err
	}
	msg, err := await(ctx, reply, limit)
	if err != nil {
		return nil, err
	}
	var resp agentv1.ControlResponse
	if err := proto.Unmarshal(msg.Data, &resp); err != nil {
		return nil, errors.New("the agent's reply does not decode")
	}
	if e := resp.GetError(); e != nil {
		return nil, fmt.Errorf("the agent has none: %s", e.GetMessage())
	}
	shot := resp.GetDesktopScreenshot().GetPng()
	switch _, err := png.DecodeConfig(bytes.NewReader(shot)); {
	case err != nil:
		return nil, errors.New("the agent's is no PNG")
	case len(shot) > shotBytes:
		return nil, fmt.Errorf("the agent's has %d bytes", len(shot))
	}
	return shot, nil
}

// screenshot is the screen as the X server has it, nil where no case has
// looked at it yet.
func (m *monitor) screenshot() ([]byte, error) {
	m.mu.Lock()
	w := m.witness
	m.mu.Unlock()
	if w == nil {
		return nil, nil
	}
	img, err := w.Capture()
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
