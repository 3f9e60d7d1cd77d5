package screenpng_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"agentproof/agent/desktop/screenpng"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func encode(tb testing.TB, e *screenpng.Encoder, img screenpng.Image) screenpng.Picture {
	tb.Helper()
	p, err := e.Encode(img)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// check decodes a picture with the standard library and compares the pixels.
func check(tb testing.TB, p screenpng.Picture, want screenpng.Image) {
	tb.Helper()
	got, err := png.Decode(bytes.NewReader(p.PNG))
	if err != nil {
		tb.Fatalf("decode: %v", err)
	}
	if size := image.Pt(want.Width, want.Height); got.Bounds().Size() != size || p.Width != size.X || p.Height != size.Y {
		tb.Fatalf("decoded to %v and said to be %d×%d, want %v", got.Bounds(), p.Width, p.Height, size)
	}
	for y := range want.Height {
		row := want.Pix[y*want.Stride:]
		for x := range want.Width {
			r, g, b := colourAt(tb, got, x, y)
			if b != row[4*x] || g != row[4*x+1] || r != row[4*x+2] {
				tb.Fatalf("at %d,%d: %02x%02x%02x, want % x (blue, green, red)", x, y, b, g, r, row[4*x:4*x+3])
			}
		}
	}
}

// colourAt knows the two kinds of images that opaque PNGs decode to.
func colourAt(tb testing.TB, img image.Image, x, y int) (r, g, b uint8) {
	tb.Helper()
	switch m := img.(type) {
	case *image.RGBA:
		pix := m.Pix[y*m.Stride+4*x:]
		return pix[0], pix[1], pix[2]
	case *image.Paletted:
		c := m.Palette[m.Pix[y*m.Stride+x]].(color.RGBA)
		return c.R, c.G, c.B
	}
	tb.Fatalf("decoded to a %T", img)
	return 0, 0, 0
}

func TestAPictureDecodesToTheSamePixels(t *testing.T) {
	t.Parallel()
	scenes := map[string]screenpng.Image{
		"one pixel":               blank(1, 1, 0x123456),
		"one row":                 terminal(333, 1, false),
		"one column":              photo(1, 333),
		"one colour":              blank(640, 480, 0),
		"a terminal":              terminal(321, 239, false),
		"a smooth terminal":       terminal(320, 240, true),
		"a photo of an odd width": photo(501, 350),
		"tiles":                   tiles(300, 200),
		"rows longer than strips": photo(1<<16, 3),
	}
	padded := photo(100, 50)
	padded.Width = 97
	scenes["rows with a margin"] = padded
	for name, img := range scenes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, encode(t, new(screenpng.Encoder), img), img)
		})
	}
}

// TestColoursAroundAPalettesSize has screens on both sides of every decision
// about palettes, met late and early.
func TestColoursAroundAPalettesSize(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 191, 192, 193, 255, 256, 257, 300, 5000} {
		t.Run(fmt.Sprintf("%d colours", n), func(t *testing.T) {
			t.Parallel()
			img := blank(301, 600, 0)
			for i := range n {
				at := i * 83 % (img.Width * img.Height) // mostly between the rows that are sampled
				set(img, at%img.Width, at/img.Width, uint32(i)*0x010305)
			}
			check(t, encode(t, new(screenpng.Encoder), img), img)
		})
	}
}

func TestAnUnchangedScreenGivesTheSamePicture(t *testing.T) {
	t.Parallel()
	var e screenpng.Encoder
	img := terminal(640, 480, false)
	first := encode(t, &e, img)
	for i := 3; i < len(img.Pix); i += 4 {
		img.Pix[i] = 0 // means nothing
	}
	if second := encode(t, &e, img); second.Serial != first.Serial || &second.PNG[0] != &first.PNG[0] {
		t.Error("it was made again")
	}
}

func TestEveryStepOfAChangingScreenIsRight(t *testing.T) {
	t.Parallel()
	var e screenpng.Encoder
	r := rand.New(rand.NewPCG(5, 6))
	img := terminal(160, 2000, false)
	few, many := slices.Clone(img.Pix), photo(160, 2000).Pix
	var serials []uint64
	steps := map[string]func(){
		"a dot":              func() { set(img, r.IntN(160), r.IntN(2000), r.Uint32()&0xffffff) },
		"few new colours":    func() { copy(img.Pix, few) },
		"a photo":            func() { copy(img.Pix, many) },
		"half a photo":       func() { copy(img.Pix[len(img.Pix)/2:], many) },
		"a tenth of a photo": func() { copy(img.Pix[len(img.Pix)/10*9:], many) },
		"scrolling":          func() { copy(img.Pix, img.Pix[16*img.Stride:]) },
	}
	names := []string{"a dot", "few new colours", "a photo", "half a photo", "a tenth of a photo", "scrolling"}
	for i := range 15 {
		name := names[r.IntN(len(names))]
		steps[name]()
		p := encode(t, &e, img)
		check(t, p, img)
		if i > 0 && p.Serial < serials[i-1] {
			t.Fatalf("step %d, %s: serial %d after %d", i, name, p.Serial, serials[i-1])
		}
		serials = append(serials, p.Serial)
	}
}

func TestAScreenMayChangeItsSize(t *testing.T) {
	t.Parallel()
	var e screenpng.Encoder
	for _, size := range []image.Point{{640, 480}, {480, 640}, {1, 1}, {800, 600}, {640, 480}} {
		img := photo(size.X, size.Y)
		check(t, encode(t, &e, img), img)
	}
}

func TestAColourThatIsGoneLeavesRoomForNewOnes(t *testing.T) {
	t.Parallel()
	var e screenpng.Encoder
	img := blank(512, 1024, 0)
	for i := range 180 {
		set(img, i, 100, uint32(i)*0x010305)
	}
	encode(t, &e, img)
	copy(img.Pix[100*img.Stride:], img.Pix[:img.Stride])
	for i := range 100 {
		set(img, i, 3, uint32(i)*0x030201)
		if i%10 != 0 {
			continue
		}
		if p := encode(t, &e, img); p.PNG[25] != 3 {
			t.Fatalf("after %d colours the colour type is %d, want a palette", 180+i, p.PNG[25])
		}
	}
	check(t, encode(t, &e, img), img)
}

func TestImpossiblePicturesAreErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]screenpng.Image{
		"the zero value":         {},
		"no rows":                {Pix: make([]byte, 64), Stride: 16, Width: 4},
		"a negative width":       {Pix: make([]byte, 64), Stride: 16, Width: -4, Height: 4},
		"too few bytes":          {Pix: make([]byte, 63), Stride: 16, Width: 4, Height: 4},
		"rows over each other":   {Pix: make([]byte, 64), Stride: 15, Width: 4, Height: 4},
		"more than PNGs can say": {Stride: 4 << 40, Width: 1 << 40, Height: 1},
	}
	for name, img := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := new(screenpng.Encoder).Encode(img); err == nil {
				t.Error("it was encoded")
			}
		})
	}
}

func TestAPictureIsMadeToFit(t *testing.T) {
	t.Parallel()
	img := photo(320, 240)
	full := encode(t, new(screenpng.Encoder), img)
	for _, limit := range []int{0, len(full.PNG), len(full.PNG) - 1, 20_000, 2_000, 150} {
		t.Run(fmt.Sprintf("into %d bytes", limit), func(t *testing.T) {
			t.Parallel()
			var e screenpng.Encoder
			p, err := e.EncodeWithin(img, limit)
			if err != nil {
				t.Fatal(err)
			}
			if limit == 0 || limit >= len(full.PNG) {
				check(t, p, img)
				return
			}
			if len(p.PNG) > limit || p.Width >= img.Width || p.Height >= img.Height {
				t.Fatalf("%d×%d in %d bytes", p.Width, p.Height, len(p.PNG))
			}
			check(t, p, img.Shrink(p.Width, p.Height))
			if again, err := e.EncodeWithin(img, limit); err != nil || again.Serial != p.Serial {
				t.Errorf("the same screen again: serial %d after %d, err %v", again.Serial, p.Serial, err)
			}
		})
	}
}

func TestALimitBelowAnyPictureIsAnError(t *testing.T) {
	t.Parallel()
	var e screenpng.Encoder
	if p, err := e.EncodeWithin(photo(64, 64), 20); err == nil {
		t.Errorf("a picture of %d bytes", len(p.PNG))
	}
}

func TestShrinkingAverages(t *testing.T) {
	t.Parallel()
	img := blank(4, 2, 0x000000)
	set(img, 0, 0, 0x400000)
	set(img, 1, 0, 0x004000)
	set(img, 2, 1, 0xffffff)
	got := img.Shrink(2, 1)
	want := []byte{0, 0x10, 0x10, 0, 0x40, 0x40, 0x40, 0}
	if !bytes.Equal(got.Pix, want) {
		t.Errorf("% x, want % x", got.Pix, want)
	}
}

func FuzzEveryPictureDecodes(f *testing.F) {
	f.Add([]byte("some pixels"), uint16(3), uint8(5), uint8(0))
	f.Add(bytes.Repeat([]byte{1, 2, 3, 4}, 300), uint16(1), uint8(1), uint8(3))
	f.Add([]byte{0}, uint16(2000), uint8(255), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, width uint16, height, margin uint8) {
		if len(data) == 0 || width == 0 || height == 0 || width > 4000 {
			t.Skip()
		}
		w, h := int(width), int(height)
		img := screenpng.Image{Stride: 4*w + int(margin), Width: w, Height: h}
		img.Pix = bytes.Repeat(data, (img.Stride*h+len(data)-1)/len(data))[:img.Stride*h]
		var e screenpng.Encoder
		check(t, encode(t, &e, img), img)
		img.Pix[int(data[0])%len(img.Pix)] ^= 0x55
		check(t, encode(t, &e, img), img)
	})
}
