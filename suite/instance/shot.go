package instance

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
	"agentproof/suite/wire"
)

// shotBytes bounds the picture that is kept.
const shotBytes = 4 << 20

// Screenshot is the agent's own picture of its screen, as a PNG. It is asked for
// beside the case, whose exchanges it does not join.
func (i *Instance) Screenshot(ctx context.Context, limit time.Duration) ([]byte, error) {
	req := wire.NewRequest(&agentv1.DesktopScreenshotRequest{})
	req.RequestId = uuid.NewString()
	payload, err := proto.Marshal(req)
	if err != nil {
		return nil, err
	}
	reply, err := i.Send(payload, nil, nil)
	if err != nil {
		return nil, err
	}
	msg, err := wire.Await(ctx, reply, limit)
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
