package termpic_test

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
	"regexp"
	"strings"
	"testing"

	"github.com/mattn/go-sixel"

	"agentproof/internal/termpic"
)

// scene is a picture of four quarters in strong colours.
func scene(t *testing.T, width, height int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.Set(x, y, quarter(x*2/width, y*2/height))
		}
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func quarter(x, y int) color.RGBA {
	return [2][2]color.RGBA{
		{{R: 255, A: 255}, {G: 255, A: 255}},
		{{B: 255, A: 255}, {R: 255, G: 255, B: 255, A: 255}},
	}[y][x]
}

func written(t *testing.T, p termpic.Protocol, picture []byte, win termpic.Window) string {
	t.Helper()
	var buf bytes.Buffer
	if err := termpic.Write(&buf, p, picture, win); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func TestKittyGetsThePictureInPieces(t *testing.T) {
	t.Parallel()
	for name, size := range map[string][2]int{"one piece": {4, 4}, "several": {3000, 2000}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			picture := scene(t, size[0], size[1])
			got := written(t, termpic.Kitty, picture, termpic.Window{Columns: 90, PixelsWide: 900})
			pieces := regexp.MustCompile("\x1b_G([^;]*);([^\x1b]*)\x1b\\\\").FindAllStringSubmatch(got, -1)
			var data, whole strings.Builder
			for i, p := range pieces {
				whole.WriteString(p[0])
				data.WriteString(p[2])
				last := i == len(pieces)-1
				if len(p[2]) > 4096 || strings.HasSuffix(p[1], "m=0") != last || strings.HasPrefix(p[1], "a=T,f=100,") != (i == 0) {
					t.Errorf("piece %d of %d has %d bytes and says %q", i+1, len(pieces), len(p[2]), p[1])
				}
			}
			if whole.String()+"\n" != got {
				t.Error("there is something between the pieces")
			}
			if sent, err := base64.StdEncoding.DecodeString(data.String()); err != nil || !bytes.Equal(sent, picture) {
				t.Errorf("the pieces are not the picture (%v)", err)
			}
		})
	}
}

func TestITermGetsThePictureWhole(t *testing.T) {
	t.Parallel()
	picture := scene(t, 200, 100)
	got := written(t, termpic.ITerm, picture, termpic.Window{Columns: 80})
	parts := regexp.MustCompile("^\x1b]1337;File=inline=1;size=([0-9]+);width=20;preserveAspectRatio=1:(.*)\a\n$").FindStringSubmatch(got)
	if parts == nil {
		t.Fatalf("got %.100q", got)
	}
	if sent, err := base64.StdEncoding.DecodeString(parts[2]); err != nil || !bytes.Equal(sent, picture) {
		t.Errorf("it is not the picture (%v)", err)
	}
}

func TestSixelsShowThePictureWithinTheWindow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		win           termpic.Window
		width, height int
	}{
		{"as it is where there is room", termpic.Window{Columns: 100, PixelsWide: 800}, 400, 300},
		{"shrunk where there is less", termpic.Window{Columns: 20, PixelsWide: 160}, 160, 120},
		{"shrunk to a usual width where nobody knows", termpic.Window{Columns: 10}, 100, 75},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var img image.Image
			text := written(t, termpic.Sixel, scene(t, 400, 300), tt.win)
			if err := sixel.NewDecoder(strings.NewReader(text)).Decode(&img); err != nil {
				t.Fatal(err)
			}
			if b := img.Bounds(); b.Dx() != tt.width || b.Dy() != tt.height {
				t.Fatalf("it is %d×%d, want %d×%d", b.Dx(), b.Dy(), tt.width, tt.height)
			}
			for y := range 2 {
				for x := range 2 {
					r, g, b, _ := img.At(tt.width/4+x*tt.width/2, tt.height/4+y*tt.height/2).RGBA()
					got := color.RGBA{R: uint8(r >> 8), G: uint8(g >> 8), B: uint8(b >> 8), A: 255}
					if want := quarter(x, y); got != want {
						t.Errorf("quarter %d,%d is %v, want %v", x, y, got, want)
					}
				}
			}
		})
	}
}

func TestWhatIsNoPictureIsNotShown(t *testing.T) {
	t.Parallel()
	for _, p := range []termpic.Protocol{termpic.Kitty, termpic.ITerm, termpic.Sixel} {
		var buf bytes.Buffer
		if err := termpic.Write(&buf, p, []byte("\x1b[2J"), termpic.Window{}); err == nil || buf.Len() > 0 {
			t.Errorf("%s: %q was written (%v)", p, buf.String(), err)
		}
	}
}
