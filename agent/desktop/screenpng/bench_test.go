package screenpng_test

import (
	"bytes"
	"image"
	"image/png"
	"testing"

	"agentproof/agent/desktop/screenpng"
	"agentproof/agent/desktop/screenpng/scene"
)

const benchWidth, benchHeight = 1920, 1080

var benchScenes = []struct {
	name string
	make func() screenpng.Image
}{
	{"terminal", func() screenpng.Image { return terminal(benchWidth, benchHeight, false) }},
	{"smooth", func() screenpng.Image { return terminal(benchWidth, benchHeight, true) }},
	{"tiles", func() screenpng.Image { return tiles(benchWidth, benchHeight) }},
	{"photo", func() screenpng.Image { return photo(benchWidth, benchHeight) }},
}

// rgba is the picture as a capture library hands it to image/png.
func rgba(img screenpng.Image) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, img.Width, img.Height))
	for i := 0; i < len(img.Pix); i += 4 {
		out.Pix[i], out.Pix[i+1], out.Pix[i+2], out.Pix[i+3] = img.Pix[i+2], img.Pix[i+1], img.Pix[i], 0xff
	}
	return out
}

// BenchmarkEncode is a screen that changes everywhere, beside image/png.
func BenchmarkEncode(b *testing.B) {
	for _, shown := range benchScenes {
		img := shown.make()
		other := shown.make()
		for i := range other.Pix {
			if i%4 != 3 {
				other.Pix[i] ^= 1 // the same picture in other colours
			}
		}
		b.Run(shown.name+"/screenpng", func(b *testing.B) {
			var e screenpng.Encoder
			size := 0
			for i := 0; b.Loop(); i++ {
				size = len(encode(b, &e, []screenpng.Image{img, other}[i%2]).PNG)
			}
			b.ReportMetric(float64(size), "B/picture")
		})
		b.Run(shown.name+"/image-png", func(b *testing.B) {
			source := rgba(img)
			var out bytes.Buffer
			for b.Loop() {
				out.Reset()
				if err := png.Encode(&out, source); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(out.Len()), "B/picture")
		})
	}
}

// BenchmarkEncodeLittle is a screen on which somebody types, and one on which
// nothing happens.
func BenchmarkEncodeLittle(b *testing.B) {
	for _, shown := range benchScenes {
		img := shown.make()
		b.Run(shown.name+"/one-letter", func(b *testing.B) {
			var e screenpng.Encoder
			for i := 0; b.Loop(); i++ {
				set(img, 100, 100, scene.Inks()[i%2])
				encode(b, &e, img)
			}
		})
		b.Run(shown.name+"/unchanged", func(b *testing.B) {
			var e screenpng.Encoder
			for b.Loop() {
				encode(b, &e, img)
			}
		})
	}
}
