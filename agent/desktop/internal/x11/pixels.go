package x11

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/jezek/xgb/xproto"

	"agentproof/agent/desktop/screenpng"
	"agentproof/internal/xconn"
)

// pixelFormat is how the server packs the pixels of the screen.
type pixelFormat struct {
	bytes            int // a pixel
	pad              int // bits that a row is a multiple of
	order            binary.ByteOrder
	red, green, blue uint32 // masks
}

func formatOf(c *xconn.Conn) (pixelFormat, error) {
	f := pixelFormat{order: binary.LittleEndian}
	if c.Setup.ImageByteOrder == xproto.ImageOrderMSBFirst {
		f.order = binary.BigEndian
	}
	for _, p := range c.Setup.PixmapFormats {
		if p.Depth == c.Screen.RootDepth {
			f.bytes, f.pad = int(p.BitsPerPixel)/8, int(p.ScanlinePad)
		}
	}
	for _, depth := range c.Screen.AllowedDepths {
		for _, v := range depth.Visuals {
			if v.VisualId == c.Screen.RootVisual && (v.Class == xproto.VisualClassTrueColor || v.Class == xproto.VisualClassDirectColor) {
				f.red, f.green, f.blue = v.RedMask, v.GreenMask, v.BlueMask
			}
		}
	}
	if f.bytes != 2 && f.bytes != 4 || f.red == 0 || f.green == 0 || f.blue == 0 || f.pad == 0 {
		return f, fmt.Errorf("the screen has a colour depth of %d bits; 16, 24 and 30 are supported", c.Screen.RootDepth)
	}
	return f, nil
}

func (f pixelFormat) stride(width int) int {
	return (width*f.bytes*8 + f.pad - 1) / f.pad * f.pad / 8
}

// plain tells that pixels are as screenpng wants them.
func (f pixelFormat) plain() bool {
	return f.bytes == 4 && f.order == binary.LittleEndian &&
		f.red == 0xff0000 && f.green == 0xff00 && f.blue == 0xff
}

// convert changes rare formats to the usual one, in memory that is kept.
func (f pixelFormat) convert(img screenpng.Image, scratch *[]byte) screenpng.Image {
	if f.plain() {
		return img
	}
	size := 4 * img.Width * img.Height
	if cap(*scratch) < size {
		*scratch = make([]byte, size)
	}
	out := screenpng.Image{Pix: (*scratch)[:size], Stride: 4 * img.Width, Width: img.Width, Height: img.Height}
	red, green, blue := channelOf(f.red), channelOf(f.green), channelOf(f.blue)
	for y := range img.Height {
		from, to := img.Pix[y*img.Stride:], out.Pix[y*out.Stride:][:out.Stride]
		for ; len(to) > 0; from, to = from[f.bytes:], to[4:] {
			var pixel uint32
			if f.bytes == 4 {
				pixel = f.order.Uint32(from)
			} else {
				pixel = uint32(f.order.Uint16(from))
			}
			to[0], to[1], to[2] = blue.value(pixel), green.value(pixel), red.value(pixel)
		}
	}
	return out
}

// channel is where a colour's bits are in a pixel.
type channel struct {
	mask  uint32
	shift int
	top   uint32 // the greatest value
}

func channelOf(mask uint32) channel {
	shift := bits.TrailingZeros32(mask)
	return channel{mask, shift, mask >> shift}
}

// value scales so that the greatest value becomes 255.
func (c channel) value(pixel uint32) uint8 {
	v := pixel & c.mask >> c.shift
	return uint8((uint64(v)*255 + uint64(c.top)/2) / uint64(c.top))
}
