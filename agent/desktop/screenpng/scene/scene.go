// Package scene makes what screens show, the same in every run, to measure and
// test encoders with.
package scene

import (
	"encoding/binary"
	"math/rand/v2"

	"agentproof/agent/desktop/screenpng"
)

const background = 0x1e1e2e

// Inks are the colours of a terminal's text.
func Inks() [6]uint32 { return [...]uint32{0xcdd6f4, 0xa6e3a1, 0x89b4fa, 0xf9e2af, 0xf38ba8, 0x6c7086} }

// Blank is a screen of one colour.
func Blank(width, height int, colour uint32) screenpng.Image {
	img := screenpng.Image{Pix: make([]byte, 4*width*height), Stride: 4 * width, Width: width, Height: height}
	for i := range width * height {
		binary.LittleEndian.PutUint32(img.Pix[4*i:], colour)
	}
	return img
}

// Set changes one pixel.
func Set(img screenpng.Image, x, y int, colour uint32) {
	binary.LittleEndian.PutUint32(img.Pix[y*img.Stride+4*x:], colour)
}

// glyphs are 8×16 shapes with the density and the strokes of letters.
func glyphs(r *rand.Rand) (shapes [96][16]uint8) {
	for g := range shapes[1:] {
		for y := 3; y < 13; y++ {
			switch r.IntN(4) {
			case 0:
				shapes[g+1][y] = 0x3c
			case 1:
				shapes[g+1][y] = 0x42
			case 2:
				shapes[g+1][y] = 0x40 >> r.IntN(6)
			default:
				shapes[g+1][y] = shapes[g+1][y-1]
			}
		}
	}
	return shapes
}

// Terminal is a screen of text, another one for another seed; with smooth edges
// the strokes have many shades.
func Terminal(width, height int, smooth bool, seed uint64) screenpng.Image {
	r, inks := rand.New(rand.NewPCG(seed, 2)), Inks()
	img := Blank(width, height, background)
	shapes := glyphs(r)
	for top := 0; top+16 <= height; top += 16 {
		ink := inks[r.IntN(len(inks))]
		end := r.IntN(width / 8)
		for column := range end {
			if r.IntN(6) == 0 {
				ink = inks[r.IntN(len(inks))]
				continue
			}
			drawGlyph(img, 8*column, top, shapes[1+r.IntN(95)], ink, smooth)
		}
	}
	return img
}

func drawGlyph(img screenpng.Image, left, top int, shape [16]uint8, ink uint32, smooth bool) {
	at := func(x, y int) int {
		if x < 0 || x > 7 || y < 0 || y > 15 {
			return 0
		}
		return int(shape[y] >> (7 - x) & 1)
	}
	for y := range 16 {
		for x := range 8 {
			if !smooth {
				if at(x, y) == 1 {
					Set(img, left+x, top+y, ink)
				}
				continue
			}
			if cover := 2*at(x, y) + at(x-1, y) + at(x, y-1); cover > 0 {
				// Every channel's stripe of a pixel is covered by its own part.
				Set(img, left+x, top+y, mix(background, ink, cover*60+5*at(x-1, y-1))&0xff0000|
					mix(background, ink, cover*60+7*at(x, y-1))&0xff00|
					mix(background, ink, cover*60+3*at(x+1, y-1)+2*at(x+1, y+1))&0xff)
			}
		}
	}
}

// mix is a part in 256 of ink over paper.
func mix(paper, ink uint32, part int) uint32 {
	var out uint32
	for shift := 0; shift < 24; shift += 8 {
		p, i := int(paper>>shift&0xff), int(ink>>shift&0xff)
		out |= uint32(p+(i-p)*part/256) << shift
	}
	return out
}

// Photo is a soft picture with the noise of a camera.
func Photo(width, height int) screenpng.Image {
	r := rand.New(rand.NewPCG(3, 4))
	img := Blank(width, height, 0)
	for y := range height {
		for x := range width {
			c := uint32(x*200/width+r.IntN(5))<<16 | uint32(y*200/height+r.IntN(5))<<8 | uint32((x+y)*100/(width+height)+r.IntN(5))
			Set(img, x, y, c)
		}
	}
	return img
}

// Tiles is a screen of plain surfaces.
func Tiles(width, height int) screenpng.Image {
	img := Blank(width, height, 0)
	for y := range height {
		for x := range width {
			Set(img, x, y, uint32(y/16*1920+x/16)*0x9e3779&0xffffff)
		}
	}
	return img
}
