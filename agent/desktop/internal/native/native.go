//go:build cgo && (darwin || windows || (linux && robotgo))

// Package native is the way to a screen through the libraries of macOS and
// Windows. On Linux it exists for the tests of that code.
package native

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"sync"

	"github.com/go-vgo/robotgo"
	"github.com/kbinani/screenshot"

	"agentproof/agent/desktop/internal/backend"
	"agentproof/agent/desktop/internal/keys"
	"agentproof/agent/desktop/screenpng"
)

// The libraries keep one connection to one screen for the whole process, and
// none of them locks. So do not two backends use them at once.
var process sync.Mutex

var errNoPicture = errors.New("the system gives no picture of the screen")

// Backend implements backend.Backend.
type Backend struct {
	guard guard
	log   *slog.Logger

	// Guarded by process.
	buttons map[string]bool
	held    map[keys.Chord]bool
	pixels  []byte
}

// New returns a backend for the screen of this process.
func New(environ []string, log *slog.Logger) *Backend {
	return &Backend{guard: newGuard(environ), log: log, buttons: make(map[string]bool), held: make(map[keys.Chord]bool)}
}

// enter makes sure that the libraries may be used, which end the process when
// there is no screen.
func (b *Backend) enter(ctx context.Context) (leave func(), err error) {
	process.Lock()
	if err := b.guard.check(ctx); err != nil {
		process.Unlock()
		return nil, err
	}
	return process.Unlock, nil
}

// Probe implements backend.Backend.
func (b *Backend) Probe(ctx context.Context) (backend.Display, error) {
	leave, err := b.enter(ctx)
	if err != nil {
		return backend.Display{}, err
	}
	defer leave()
	r, err := bounds()
	if err != nil {
		return backend.Display{}, err
	}
	return backend.Display{ID: b.guard.id(), Width: r.Dx(), Height: r.Dy(), Virtual: b.guard.virtual}, nil
}

// bounds is the rectangle around all screens. Its corner need not be (0, 0).
func bounds() (image.Rectangle, error) {
	var all image.Rectangle
	for i := range screenshot.NumActiveDisplays() {
		all = all.Union(screenshot.GetDisplayBounds(i))
	}
	if all.Empty() {
		return all, &backend.Unavailable{Reason: "the system has no screen that is switched on"}
	}
	return all, nil
}

// Capture implements backend.Backend.
func (b *Backend) Capture(ctx context.Context, use func(screenpng.Image) error) error {
	img, err := b.capture(ctx)
	if err != nil {
		return err
	}
	return use(img)
}

func (b *Backend) capture(ctx context.Context) (screenpng.Image, error) {
	leave, err := b.enter(ctx)
	if err != nil {
		return screenpng.Image{}, err
	}
	defer leave()
	r, err := bounds()
	if err != nil {
		return screenpng.Image{}, err
	}
	img, err := screenshot.CaptureRect(r)
	if err != nil {
		return screenpng.Image{}, fmt.Errorf("capture the screen: %w", err)
	}
	if img == nil || img.Rect.Empty() {
		return screenpng.Image{}, errNoPicture
	}
	if cap(b.pixels) < len(img.Pix) {
		b.pixels = make([]byte, len(img.Pix))
	}
	b.pixels = b.pixels[:len(img.Pix)]
	swapRedAndBlue(b.pixels, img.Pix)
	return screenpng.Image{Pix: b.pixels, Stride: img.Stride, Width: img.Rect.Dx(), Height: img.Rect.Dy()}, nil
}

func swapRedAndBlue(to, from []byte) {
	for len(from) >= 4 && len(to) >= 4 {
		p := binary.LittleEndian.Uint32(from)
		binary.LittleEndian.PutUint32(to, p&0xff00ff00|p&0xff<<16|p>>16&0xff)
		from, to = from[4:], to[4:]
	}
}

// Changed implements backend.Backend: the libraries do not tell, so one has to
// look.
func (b *Backend) Changed(ctx context.Context) (bool, error) {
	leave, err := b.enter(ctx)
	if err != nil {
		return false, err
	}
	leave()
	return true, nil
}

// Inject implements backend.Backend.
func (b *Backend) Inject(ctx context.Context, in backend.Input) error {
	leave, err := b.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	switch in := in.(type) {
	case backend.Pointer:
		return b.point(in)
	case backend.Scroll:
		return b.scroll(in)
	case backend.Key:
		return b.key(in)
	case backend.Text:
		return typeText(ctx, string(in))
	default:
		return fmt.Errorf("inject a %T: not a kind of input", in)
	}
}

func (b *Backend) point(p backend.Pointer) error {
	if err := b.move(p.X, p.Y); err != nil {
		return err
	}
	button := buttonName(p.Button)
	var err error
	switch p.Action {
	case backend.Press:
		err = robotgo.Click(button)
	case backend.DoublePress:
		err = robotgo.Click(button, true)
	case backend.Down:
		err = robotgo.MouseDown(button)
		b.buttons[button] = true
	case backend.Up:
		err = robotgo.MouseUp(button)
		delete(b.buttons, button)
	}
	if err != nil {
		return fmt.Errorf("use a mouse button: %w", err)
	}
	return nil
}

func buttonName(b backend.Button) string {
	switch b {
	case backend.Middle:
		return "center"
	case backend.Right:
		return "right"
	default:
		return "left"
	}
}

// move goes to the nearest point of the screens.
func (b *Backend) move(x, y int) error {
	r, err := bounds()
	if err != nil {
		return err
	}
	x, y = backend.Clamp(x, y, r.Dx(), r.Dy())
	x, y = x+r.Min.X, y+r.Min.Y
	for button := range b.buttons {
		// macOS wants to be told of a drag. What the library offers instead
		// chooses the button and the way itself.
		robotgo.Drag(x, y, button) //lint:ignore SA1019 see above
		return nil
	}
	robotgo.Move(x, y)
	return nil
}

func (b *Backend) scroll(in backend.Scroll) error {
	if in.DX != 0 && !scrollsSideways {
		return errors.New("scroll: this system has no wheel to the side")
	}
	if err := b.move(in.X, in.Y); err != nil {
		return err
	}
	limit := func(n int) int { return max(-backend.MaxScroll, min(n, backend.MaxScroll)) }
	// The library counts up and to the left.
	robotgo.Scroll(-limit(in.DX)*wheelStep, -limit(in.DY)*wheelStep)
	return nil
}

// Close implements backend.Backend.
func (b *Backend) Close() error {
	leave, err := b.enter(context.Background())
	if err != nil {
		return nil // there is no screen on which anything could be held
	}
	defer leave()
	var errs []error
	for button := range b.buttons {
		errs = append(errs, robotgo.MouseUp(button))
	}
	for chord := range b.held {
		errs = append(errs, toggle(chord, "up"))
	}
	clear(b.buttons)
	clear(b.held)
	return errors.Join(errs...)
}
