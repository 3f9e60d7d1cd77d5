//go:build linux

package desktop_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jezek/xgb/xproto"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/internal/streamtap"
	"agentproof/internal/trial"
	"agentproof/internal/xconn"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// ensures changes what is said of the channel and the display.
func ensures(edit func(*agentv1.ControlRequest, *agentv1.DesktopEnsureResponse)) agent.Middleware {
	return trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if r := resp.GetDesktopEnsure(); r != nil {
			edit(req, r)
		}
	})
}

// newChannels gives each desktop_ensure, or each that asks for a size, a
// channel of another name.
func newChannels(sized bool) agent.Middleware {
	var n atomic.Int64
	return ensures(func(req *agentv1.ControlRequest, r *agentv1.DesktopEnsureResponse) {
		if !sized || req.GetDesktopEnsure().GetWidth() > 0 {
			r.Channel.ChannelId += fmt.Sprint("-", n.Add(1))
		}
	})
}

func firstPicture() agent.Middleware {
	var mu sync.Mutex
	var first []byte
	return shots(func(r *agentv1.DesktopScreenshotResponse) {
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			first = bytes.Clone(r.GetPng())
		}
		r.Png = first
	})
}

// keepsPicture answers with its last picture where it has none.
func keepsPicture() agent.Middleware {
	var last atomic.Pointer[agentv1.DesktopScreenshotResponse]
	return trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		switch {
		case req.GetDesktopScreenshot() == nil:
		case resp.GetDesktopScreenshot() != nil:
			last.Store(resp.GetDesktopScreenshot())
		case last.Load() != nil:
			resp.Error, resp.Result = nil, &agentv1.ControlResponse_DesktopScreenshot{DesktopScreenshot: last.Load()}
		}
	})
}

func refuses(code agentv1.ErrorCode, match func(*agentv1.ControlRequest) bool) agent.Middleware {
	return failsAs(code, 0, match)
}

// failsAfter lets a number of requests pass and fails the others.
func failsAfter(n int64, match func(*agentv1.ControlRequest) bool) agent.Middleware {
	return failsAs(failedInOS, n, match)
}

func failsAs(code agentv1.ErrorCode, after int64, match func(*agentv1.ControlRequest) bool) agent.Middleware {
	var n atomic.Int64
	return trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if match(req) && n.Add(1) > after {
			resp.Result, resp.Error = nil, &agentv1.AgentError{Code: code}
		}
	})
}

// oneAtATime refuses a screenshot while another is being taken, and takes its
// time over the first.
func oneAtATime() agent.Middleware {
	var busy atomic.Bool
	second := make(chan struct{}, 1)
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			if req.GetDesktopScreenshot() == nil {
				return next(ctx, req)
			}
			if !busy.CompareAndSwap(false, true) {
				select {
				case second <- struct{}{}:
				default:
				}
				return &agentv1.ControlResponse{RequestId: req.GetRequestId(), Error: &agentv1.AgentError{Code: failedInOS}}
			}
			defer busy.Store(false)
			limit := time.NewTimer(5 * time.Second)
			defer limit.Stop()
			select {
			case <-second:
			case <-limit.C:
			}
			return next(ctx, req)
		}
	}
}

// claims changes what every Hello claims.
func claims(edit func(*agentv1.Capabilities)) func(agent.PublishFunc) agent.PublishFunc {
	return func(next agent.PublishFunc) agent.PublishFunc {
		return func(subject string, data []byte) error {
			hello := &agentv1.Hello{}
			if strings.HasSuffix(subject, ".hello") && proto.Unmarshal(data, hello) == nil {
				edit(hello.GetCapabilities())
				if changed, err := proto.Marshal(hello); err == nil {
					data = changed
				}
			}
			return next(subject, data)
		}
	}
}

// firstChannel is the one that every desktop_ensure is answered with.
func firstChannel() agent.Middleware {
	var first atomic.Pointer[agentv1.StreamChannel]
	return ensures(func(_ *agentv1.ControlRequest, r *agentv1.DesktopEnsureResponse) {
		first.CompareAndSwap(nil, r.GetChannel())
		r.Channel = first.Load()
	})
}

// cropped is the picture without its last row.
func cropped(r *agentv1.DesktopScreenshotResponse) {
	img, err := png.Decode(bytes.NewReader(r.GetPng()))
	if err != nil {
		return
	}
	size := img.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, size.Dx(), size.Dy()-1))
	draw.Draw(out, out.Rect, img, size.Min, draw.Src)
	var buf bytes.Buffer
	if png.Encode(&buf, out) == nil {
		r.Png = buf.Bytes()
	}
}

// frames changes the pictures of the stream, which it counts; nil drops one.
func frames(edit func(n int, data []byte) []byte) streamtap.Tap {
	return streamtap.Tap{Open: trial.Output(func() func([]byte) []byte {
		n := -1
		return func(data []byte) []byte {
			n++
			return edit(n, data)
		}
	})}
}

// dropsInput keeps what viewers do from the agent.
func dropsInput() streamtap.Edits {
	return streamtap.Edits{ToAgent: trial.Messages(func(m proto.Message) []proto.Message {
		if _, ok := m.(*agentv1.DesktopInput); ok {
			return nil
		}
		return []proto.Message{m}
	})}
}

// eventless answers input without an event itself, whatever consent there is:
// with an error, or for 0 with success.
func eventless(code agentv1.ErrorCode) agent.Middleware {
	return trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		switch r := req.GetDesktopInput(); {
		case r == nil || r.Event != nil:
		case code != 0:
			resp.Error.Code = code
		default:
			resp.Error, resp.Result = nil, &agentv1.ControlResponse_DesktopInput{DesktopInput: &agentv1.DesktopInputResponse{}}
		}
	})
}

// movesFor moves the pointer for input without an event, and answers with an
// error all the same.
func movesFor(code agentv1.ErrorCode) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			r := req.GetDesktopInput()
			if r == nil || r.Event != nil {
				return next(ctx, req)
			}
			r.Event = &agentv1.DesktopInputRequest_Pointer{Pointer: &agentv1.PointerEvent{X: 1, Y: 1}}
			next(ctx, req)
			return &agentv1.ControlResponse{RequestId: req.GetRequestId(), Error: &agentv1.AgentError{Code: code}}
		}
	}
}

// actions takes one action for another.
func actions(from, to agentv1.PointerAction) agent.Middleware {
	return pointers(func(p *agentv1.PointerEvent) {
		if p.Action == from {
			p.Action = to
		}
	})
}

// clicks takes one button for another.
func clicks(from, to agentv1.PointerButton) agent.Middleware {
	return pointers(func(p *agentv1.PointerEvent) {
		if p.Button == from {
			p.Button = to
		}
	})
}

// again does something more after every input that match.
func again(match func(*agentv1.DesktopInputRequest) *agentv1.DesktopInputRequest) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			resp := next(ctx, req)
			if more := match(req.GetDesktopInput()); more != nil {
				next(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_DesktopInput{DesktopInput: more}})
			}
			return resp
		}
	}
}

func twice(next agent.Handler) agent.Handler {
	return again(func(r *agentv1.DesktopInputRequest) *agentv1.DesktopInputRequest {
		if r.GetScroll() == nil {
			return nil
		}
		return r
	})(next)
}

func moves(next agent.Handler) agent.Handler {
	return again(func(r *agentv1.DesktopInputRequest) *agentv1.DesktopInputRequest {
		if r.GetScroll() == nil {
			return nil
		}
		return &agentv1.DesktopInputRequest{Event: &agentv1.DesktopInputRequest_Pointer{Pointer: &agentv1.PointerEvent{X: 3, Y: 3}}}
	})(next)
}

func holdsShift(next agent.Handler) agent.Handler {
	return again(func(r *agentv1.DesktopInputRequest) *agentv1.DesktopInputRequest {
		if !r.GetKey().GetIsText() {
			return nil
		}
		return &agentv1.DesktopInputRequest{Event: &agentv1.DesktopInputRequest_Key{
			Key: &agentv1.KeyEvent{Key: "shift", Action: agentv1.KeyAction_KEY_ACTION_DOWN},
		}}
	})(next)
}

// dropsUp says that it released a key.
func dropsUp(next agent.Handler) agent.Handler {
	return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
		if req.GetDesktopInput().GetKey().GetAction() != agentv1.KeyAction_KEY_ACTION_UP {
			return next(ctx, req)
		}
		return idle(next)(ctx, req)
	}
}

// keepsKeys leaves a letter on a key that had none.
func keepsKeys(cfg *agent.Config) {
	environ := cfg.Environ
	cfg.Middleware = append(cfg.Middleware, trial.After(func(req *agentv1.ControlRequest, _ *agentv1.ControlResponse) {
		if !req.GetDesktopInput().GetKey().GetIsText() {
			return
		}
		c, err := xconn.Dial(context.Background(), xconn.OptionsFrom(environ))
		if err != nil {
			return
		}
		defer c.Close()
		_ = xproto.ChangeKeyboardMappingChecked(c.Conn, 1, c.Setup.MaxKeycode, 1, []xproto.Keysym{'x'}).Check()
	}))
}
