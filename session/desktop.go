package session

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// DesktopInput injects one pointer, key or scroll event. Coordinates are
// native pixels of the screen, which Screenshot tells
// (session.op.desktop-input).
func (s *Session) DesktopInput(ctx context.Context, event *agentv1.DesktopInputRequest) error {
	if event == nil {
		event = &agentv1.DesktopInputRequest{}
	}
	_, err := s.Do(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_DesktopInput{DesktopInput: event}})
	if err != nil {
		return fmt.Errorf("desktop input: %w", err)
	}
	return nil
}

// Screenshot is a picture of the whole screen, sizes in pixels.
type Screenshot struct {
	PNG           []byte
	Width, Height int
	// NativeWidth and NativeHeight are the screen's own; they differ from the
	// picture's when it was shrunk to fit a message.
	NativeWidth, NativeHeight int
}

// Screenshot takes a picture of the screen (session.op.screenshot).
func (s *Session) Screenshot(ctx context.Context) (Screenshot, error) {
	resp, err := s.Do(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_DesktopScreenshot{
		DesktopScreenshot: &agentv1.DesktopScreenshotRequest{},
	}})
	if err != nil {
		return Screenshot{}, fmt.Errorf("screenshot: %w", err)
	}
	r := resp.GetDesktopScreenshot()
	if len(r.GetPng()) == 0 {
		return Screenshot{}, errors.New("screenshot: agent sent an empty picture")
	}
	shot := Screenshot{
		PNG:          r.GetPng(),
		Width:        int(r.GetWidth()),
		Height:       int(r.GetHeight()),
		NativeWidth:  int(r.GetNativeWidth()),
		NativeHeight: int(r.GetNativeHeight()),
	}
	if shot.NativeWidth == 0 {
		shot.NativeWidth = shot.Width
	}
	if shot.NativeHeight == 0 {
		shot.NativeHeight = shot.Height
	}
	return shot, nil
}

// Ping reports whether the agent answers. A nonce of 0 means a random one
// below 2^53 (session.op.ping).
func (s *Session) Ping(ctx context.Context, nonce uint64) bool {
	if nonce == 0 {
		nonce = 1 + rand.Uint64N(1<<53-1)
	}
	_, err := s.Do(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_Ping{Ping: &agentv1.PingRequest{Nonce: nonce}}})
	return err == nil
}
