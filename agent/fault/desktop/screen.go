package desktop

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	"agentproof/internal/streamtap"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func screens() []fault.Mutant {
	return []fault.Mutant{
		wide(mutant("guesses the display's size", "desktop.ensure/display-of-its-real-size", "the display's height",
			ensures(func(_ *agentv1.ControlRequest, r *agentv1.DesktopEnsureResponse) { r.Display.Height = 600 }))),
		mutant("names its display anew", "desktop.ensure/same-display-as-hello", "the display's id as in the Hello",
			ensures(func(_ *agentv1.ControlRequest, r *agentv1.DesktopEnsureResponse) { r.Display.Id += ".1" })),
		wide(mutant("opens a channel for everybody", "desktop.ensure-idempotent/same-channel-again", "the same channel", newChannels(false))),
		mutant("opens a channel for every size", "desktop.ensure-idempotent/another-size-changes-nothing", "the same channel", newChannels(true)),
		wide(mutant("shows its first picture for ever", "desktop.screenshot/shows-what-changed", "equal to the screen", firstPicture())),
		wide(mutant("shows the display that died", "desktop.screenshot/display-that-dies-and-returns", "equal to the screen", firstPicture())),
		{Name: "does not get over its display's death", Case: "desktop.screenshot/display-that-dies-and-returns", Also: []string{"desktop.screenshot/*"}, Says: "of the display that came back",
			Fault: failsAfter(1, func(r *agentv1.ControlRequest) bool { return r.GetDesktopScreenshot() != nil })},
		mutant("shows a picture of nothing", "desktop.none/display-that-died", "UNSUPPORTED or OS for desktop_screenshot", keepsPicture()),
		wide(mutant("asks for consent to look", "desktop.screenshot/needs-no-consent", "CONSENT_REQUIRED",
			refuses(consentRequired, func(r *agentv1.ControlRequest) bool { return r.GetDesktopScreenshot() != nil }))),
		mutant("forgets the native size", "desktop.screenshot-fits/shrunk-with-its-native-size", "native_width",
			shots(func(r *agentv1.DesktopScreenshotResponse) { r.NativeWidth = 0 })),
		wide(mutant("says not found for no display", "desktop.none/operations-are-unsupported", "UNSUPPORTED for desktop_ensure",
			fault.Recode(unsupported, agentv1.ErrorCode_ERROR_CODE_NOT_FOUND))),
		{Name: "claims a desktop without a display", Case: "desktop.none/hello-says-so", Says: "the capability desktop",
			Config: func(cfg *agent.Config) { cfg.Wire.Out = claimsDesktop }},
		{Name: "claims a desktop without a relay", Case: "desktop.no-relay-hello/says-no-desktop", Says: "the capability desktop in the Hello",
			Config: func(cfg *agent.Config) {
				if cfg.RelayURL == "" {
					cfg.Wire.Out = claimsDesktop
				}
			}},
		{Name: "sends one picture for all", Case: "stream.desktop-frames/whole-pictures", Also: []string{"stream.desktop-frames/*"}, Says: "a frame of what the screen shows now",
			Scale: soon, Beside: fault.Tapped(frames(func(n int, data []byte) []byte {
				if n > 0 {
					return nil
				}
				return data
			}))},
		{Name: "sends the half of pictures", Case: "stream.desktop-frames/whole-pictures", Also: []string{"stream.desktop-frames/*"}, Says: "a PNG that decodes",
			Beside: fault.Tapped(frames(func(_ int, data []byte) []byte { return data[:len(data)/2] }))},
		{Name: "shows every viewer what the first one saw", Case: "stream.desktop-frames/two-viewers-in-turn", Also: []string{"stream.desktop-frames/*"}, Says: "a frame of what the screen shows now",
			Scale: soon, Beside: fault.Tapped(frames(func(n int, data []byte) []byte {
				if n > 0 {
					return nil
				}
				return data
			}))},
		{Name: "captures on when its viewer closed", Case: "stream.close-ends-terminal/desktop-pump", Says: "the one that ended",
			Also: []string{"stream.close-ends-terminal/*"}, Beside: fault.Tapped(streamtap.Tap{Open: dropsClose})},
		{Name: "waits for something to move", Case: "stream.desktop-first-frame/within-five-seconds", Says: "a frame within 5 s",
			Beside: fault.Tapped(frames(func(int, []byte) []byte { return nil }))},
		{Name: "injects nothing from the stream", Case: "stream.desktop-input-consent/given", Says: "a right click, the key k",
			Scale: soon, Beside: fault.Tapped(streamtap.Tap{Open: dropsInput})},
	}
}

// parts are agents that get one part of what they tell of a screen wrong.
func parts() []fault.Mutant {
	const (
		channel = "desktop.ensure/channel-of-this-agent"
		display = "desktop.ensure/display-of-its-real-size"
		hello   = "desktop.ensure/same-display-as-hello"
		size    = "desktop.screenshot/whole-screen-in-its-size"
	)
	ensured := func(edit func(*agentv1.DesktopEnsureResponse)) agent.Middleware {
		return ensures(func(_ *agentv1.ControlRequest, r *agentv1.DesktopEnsureResponse) { edit(r) })
	}
	announced := func(name, says string, edit func(*agentv1.Capabilities)) fault.Mutant {
		return fault.Mutant{Name: name, Case: hello, Says: says, Config: fault.Published(
			func(to string) bool { return strings.HasSuffix(to, ".hello") },
			func(h *agentv1.Hello) []*agentv1.Hello {
				if h.GetCapabilities().GetDisplay() != nil {
					edit(h.Capabilities)
				}
				return []*agentv1.Hello{h}
			})}
	}
	mutants := []fault.Mutant{
		mutant("names no channel", channel, "a channel_id", ensured(func(r *agentv1.DesktopEnsureResponse) { r.Channel.ChannelId = "" })),
		mutant("takes a desktop for a terminal", channel, "the channel's kind", ensured(func(r *agentv1.DesktopEnsureResponse) {
			r.Channel.Kind = agentv1.StreamKind_STREAM_KIND_PTY
		})),
		mutant("puts its channel into another workspace", channel, "the agent's workspace", ensured(func(r *agentv1.DesktopEnsureResponse) {
			r.Channel.WorkspaceId = "another"
		})),
		mutant("gives its channel to another agent", channel, "the agent's id", ensured(func(r *agentv1.DesktopEnsureResponse) {
			r.Channel.AgentId = "another"
		})),
		mutant("has no name for its display", display, "the display's id", ensured(func(r *agentv1.DesktopEnsureResponse) { r.Display.Id = "" })),
		mutant("tells another width", display, "the display's width", ensured(func(r *agentv1.DesktopEnsureResponse) { r.Display.Width++ })),
		mutant("takes a virtual display for a real one", display, "virtual", ensured(func(r *agentv1.DesktopEnsureResponse) {
			r.Display.Virtual = false
		})),
		announced("does not announce its display", "the display in the Hello", func(c *agentv1.Capabilities) { c.Display = nil }),
		announced("announces another width", "the Hello's width", func(c *agentv1.Capabilities) { c.Display.Width++ }),
		announced("announces another height", "the Hello's height", func(c *agentv1.Capabilities) { c.Display.Height++ }),
		mutant("tells a height of its own", size, "want height", shots(func(r *agentv1.DesktopScreenshotResponse) { r.Height++ })),
		mutant("tells another native width", size, "no native_width", shots(func(r *agentv1.DesktopScreenshotResponse) { r.NativeWidth = 1 })),
		mutant("tells another native height", size, "no native_height", shots(func(r *agentv1.DesktopScreenshotResponse) { r.NativeHeight = 1 })),
		mutant("sends a picture of one pixel", size, "the PNG's size", shots(func(r *agentv1.DesktopScreenshotResponse) {
			var buf bytes.Buffer
			if png.Encode(&buf, image.NewRGBA(image.Rect(0, 0, 1, 1))) == nil {
				r.Png = buf.Bytes()
			}
		})),
	}
	for i := range mutants {
		mutants[i] = wide(mutants[i])
	}
	return mutants
}

// ensures changes what is said of the channel and the display.
func ensures(edit func(*agentv1.ControlRequest, *agentv1.DesktopEnsureResponse)) agent.Middleware {
	return fault.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
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
	return fault.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
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
	return fault.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if match(req) && n.Add(1) > after {
			resp.Result, resp.Error = nil, &agentv1.AgentError{Code: code}
		}
	})
}

// claimsDesktop lets every Hello claim one.
func claimsDesktop(next agent.PublishFunc) agent.PublishFunc {
	return func(subject string, data []byte) error {
		hello := &agentv1.Hello{}
		if strings.HasSuffix(subject, ".hello") && proto.Unmarshal(data, hello) == nil {
			hello.Capabilities.Desktop = true
			if changed, err := proto.Marshal(hello); err == nil {
				data = changed
			}
		}
		return next(subject, data)
	}
}

// frames changes the pictures of the stream, which it counts; nil drops one.
func frames(edit func(n int, data []byte) []byte) streamtap.Tap {
	return streamtap.Tap{Open: fault.Output(func() func([]byte) []byte {
		n := -1
		return func(data []byte) []byte {
			n++
			return edit(n, data)
		}
	})}
}

// dropsClose keeps from the agent that its viewer closed.
func dropsClose() streamtap.Edits {
	return streamtap.Edits{ToAgent: fault.Messages(func(m proto.Message) []proto.Message {
		if _, ok := m.(*agentv1.StreamClose); ok {
			return nil
		}
		return []proto.Message{m}
	})}
}

// dropsInput keeps what viewers do from the agent.
func dropsInput() streamtap.Edits {
	return streamtap.Edits{ToAgent: fault.Messages(func(m proto.Message) []proto.Message {
		if _, ok := m.(*agentv1.DesktopInput); ok {
			return nil
		}
		return []proto.Message{m}
	})}
}

func shots(edit func(*agentv1.DesktopScreenshotResponse)) agent.Middleware {
	return fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if r := resp.GetDesktopScreenshot(); r != nil {
			edit(r)
		}
	})
}

// swapped is the picture with red and blue exchanged.
func swapped(resp *agentv1.DesktopScreenshotResponse) {
	img, err := png.Decode(bytes.NewReader(resp.GetPng()))
	if err != nil {
		return
	}
	out := image.NewRGBA(img.Bounds())
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			r, g, b, _ := img.At(x, y).RGBA()
			copy(out.Pix[out.PixOffset(x, y):], []byte{byte(b >> 8), byte(g >> 8), byte(r >> 8), 0xff})
		}
	}
	var buf bytes.Buffer
	if png.Encode(&buf, out) == nil {
		resp.Png = buf.Bytes()
	}
}
