package desktop

import (
	"bytes"
	"context"
	"image"
	"image/draw"
	"image/png"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/jezek/xgb/xproto"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	"agentproof/internal/streamtap"
	"agentproof/internal/xconn"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// details are agents that are right as long as one looks at one thing only: at
// one picture, one size, one display or one key at a time.
func details() []fault.Mutant {
	const fits, crowd = "desktop.screenshot-fits/shrunk-with-its-native-size", "desktop.screenshot/several-at-once"
	const returned = "desktop.input.pointer/display-that-dies-and-returns"
	pictures := []string{"desktop.screenshot/*", "desktop.screenshot-fits/*"}
	mutants := []fault.Mutant{
		mutant("has time for one picture", crowd, "a result", oneAtATime()),
		mutant("shows each of a crowd a picture of its own", crowd, "each of the pictures equal", shots(swapped)),
		mutant("measures the display in points", "desktop.ensure-idempotent/another-size-changes-nothing", "the screenshot's width",
			ensures(func(_ *agentv1.ControlRequest, r *agentv1.DesktopEnsureResponse) { r.GetDisplay().Width /= 2 })),
		mutant("crops the picture", "desktop.screenshot/whole-screen-in-its-size", "the PNG's size", shots(cropped)),
		mutant("tells the size before it shrank", fits, "the PNG's own size", shots(func(r *agentv1.DesktopScreenshotResponse) {
			r.Width, r.Height = r.NativeWidth, r.NativeHeight
		})),
		mutant("forgets the native height", fits, "native_height", shots(func(r *agentv1.DesktopScreenshotResponse) { r.NativeHeight = 0 })),
		{Name: "begins with what it showed before", Case: "stream.desktop-first-frame/within-five-seconds", Says: "the screen in the first frame",
			Beside: fault.Tapped(frames(func(_ int, data []byte) []byte {
				r := &agentv1.DesktopScreenshotResponse{Png: data}
				swapped(r)
				return r.Png
			}))},
		{Name: "ends the stream behind its first picture", Case: "stream.desktop-frames/whole-pictures", Says: "the stream to go on",
			Beside: fault.Tapped(streamtap.Tap{Open: endsAfterOne})},
		mutant("gives out the channel that ended", "stream.close-ends-terminal/desktop-pump", "a channel of its own", firstChannel()),
		mutant("holds the left button alone", "desktop.input.pointer/hold-right", "button-down 3 at 71,81", clicks(2, 0)),
		{Name: "points at the display that died", Case: returned, Says: "on the display that came back",
			Scale: soon, Fault: failsAfter(1, func(r *agentv1.ControlRequest) bool { return r.GetDesktopInput() != nil })},
		mutant("says that it points at a new display", returned, "motion to 44,45",
			pointers(func(p *agentv1.PointerEvent) { p.X = min(p.X, 320) / 320 * 320 })),
		mutant("turns the wheel where it was asked to, off the screen", "desktop.input.clamp/scrolls-too", "motion to 0,401",
			scrolls(func(s *agentv1.ScrollEvent) { s.X, s.Y = 320, 200 })),
		{Name: "keeps the keys that it borrowed", Case: "desktop.input.text-unicode/keymap-unchanged", Says: "the keyboard map",
			Scale: soon, Config: keepsKeys},
	}
	for i := range mutants {
		mutants[i] = wide(mutants[i])
	}
	mutants[1].Also, mutants[3].Also = pictures, pictures
	return mutants
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

// firstChannel is the one that every desktop_ensure is answered with.
func firstChannel() agent.Middleware {
	var first atomic.Pointer[agentv1.StreamChannel]
	return ensures(func(_ *agentv1.ControlRequest, r *agentv1.DesktopEnsureResponse) {
		first.CompareAndSwap(nil, r.GetChannel())
		r.Channel = first.Load()
	})
}

// endsAfterOne closes the stream in the place of its second frame.
func endsAfterOne() streamtap.Edits {
	frames := 0
	return streamtap.Edits{ToRelay: fault.Messages(func(m proto.Message) []proto.Message {
		f, ok := m.(*agentv1.StreamFrame)
		if !ok {
			return []proto.Message{m}
		}
		if frames++; frames == 2 {
			return []proto.Message{&agentv1.StreamClose{ChannelId: f.GetChannelId(), Reason: agentv1.StreamCloseReason_STREAM_CLOSE_REASON_NORMAL}}
		}
		return []proto.Message{m}
	})}
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

// keepsKeys leaves a letter on a key that had none.
func keepsKeys(cfg *agent.Config) {
	environ := cfg.Environ
	cfg.Middleware = append(cfg.Middleware, fault.After(func(req *agentv1.ControlRequest, _ *agentv1.ControlResponse) {
		key := req.GetDesktopInput().GetKey()
		if !key.GetIsText() || !strings.ContainsFunc(key.GetKey(), func(r rune) bool { return r > unicode.MaxASCII }) {
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
