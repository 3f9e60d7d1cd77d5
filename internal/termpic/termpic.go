// Package termpic shows a picture in the terminal, for those terminals that
// can: with the graphics protocols of kitty and iTerm2, or with sixels.
package termpic

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"io"

	"github.com/mattn/go-sixel"
	"golang.org/x/image/draw"
)

// A Protocol is how a terminal takes pictures.
type Protocol string

// The protocols, in the order of preference.
const (
	None  Protocol = "none"
	Kitty Protocol = "kitty"
	ITerm Protocol = "iterm"
	Sixel Protocol = "sixel"
)

// A Window is the room that a terminal has. What is 0 is not known.
type Window struct {
	Columns    int
	PixelsWide int
}

const (
	usualColumns   = 80
	usualCellWidth = 10 // in pixels
	// kittyChunk is how much of the picture one escape sequence may hold.
	kittyChunk = 4096
	// maxPixels bounds what is decoded: a header may claim any size.
	maxPixels = 64 << 20
)

// columns is how many columns a picture takes: its own width, or all there are.
func (w Window) columns(pixels int) int {
	all := w.Columns
	if all <= 0 {
		all = usualColumns
	}
	return max(1, min(all, (pixels+w.cell()-1)/w.cell()))
}

// cell is the width of a column in pixels.
func (w Window) cell() int {
	if w.Columns > 0 && w.PixelsWide >= w.Columns {
		return w.PixelsWide / w.Columns
	}
	return usualCellWidth
}

// Write shows a PNG at the cursor, no wider than the window, and goes to the
// next line. It writes nothing for None.
func Write(w io.Writer, p Protocol, picture []byte, win Window) error {
	cfg, err := png.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		return fmt.Errorf("show the picture: %w", err)
	}
	if cfg.Width > maxPixels/cfg.Height {
		return fmt.Errorf("show the picture: %d×%d pixels are too many", cfg.Width, cfg.Height)
	}
	var out bytes.Buffer
	switch p {
	case Kitty:
		kitty(&out, picture, win.columns(cfg.Width))
	case ITerm:
		fmt.Fprintf(&out, "\x1b]1337;File=inline=1;size=%d;width=%d;preserveAspectRatio=1:%s\a\n",
			len(picture), win.columns(cfg.Width), base64.StdEncoding.EncodeToString(picture))
	case Sixel:
		img, err := png.Decode(bytes.NewReader(picture))
		if err != nil {
			return fmt.Errorf("show the picture: %w", err)
		}
		if err := sixel.NewEncoder(&out).Encode(shrunk(img, win.columns(cfg.Width)*win.cell())); err != nil {
			return fmt.Errorf("show the picture: %w", err)
		}
		out.WriteByte('\n')
	case None:
	}
	_, err = w.Write(out.Bytes())
	return err
}

func kitty(out *bytes.Buffer, picture []byte, columns int) {
	data := base64.StdEncoding.EncodeToString(picture)
	control := fmt.Sprintf("a=T,f=100,c=%d,q=2,", columns) // q=2: no answers
	for len(data) > 0 {
		n, more := min(kittyChunk, len(data)), 0
		if n < len(data) {
			more = 1
		}
		fmt.Fprintf(out, "\x1b_G%sm=%d;%s\x1b\\", control, more, data[:n])
		data, control = data[n:], ""
	}
	out.WriteByte('\n')
}

// shrunk is img at most width pixels wide.
func shrunk(img image.Image, width int) image.Image {
	size := img.Bounds()
	if size.Dx() <= width {
		return img
	}
	out := image.NewRGBA(image.Rect(0, 0, width, max(1, size.Dy()*width/size.Dx())))
	draw.ApproxBiLinear.Scale(out, out.Rect, img, size, draw.Src, nil)
	return out
}
