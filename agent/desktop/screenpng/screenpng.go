// Package screenpng makes PNGs of screens, fast: most of a screen is as it was
// a moment ago, most of a row is like the row above it, and most screens that
// show text have few colours.
package screenpng

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// stripSize is about how many bytes of pixels a strip has: small enough
	// that a change in one place costs little, large enough that starting the
	// compression anew does not show in the size.
	stripSize = 1 << 19
	// maxWorkers bounds the memory of a compressor each, about 1 MB.
	maxWorkers = 8
	// sampleRows is how many rows lie between those whose colours are counted
	// before a palette is tried, and sampleColours how many of them promise
	// that the rest fits too.
	sampleRows    = 8
	sampleColours = maxColours * 3 / 4
)

var (
	signature  = []byte("\x89PNG\r\n\x1a\n")
	zlibHeader = []byte{0x78, 0x01}
)

// Colour types of a PNG.
const (
	typeTrueColour = 2
	typePalette    = 3
)

// A Picture is a finished PNG.
type Picture struct {
	// PNG is never changed afterwards; it may be kept and shared.
	PNG           []byte
	Width, Height int
	// Serial differs between pictures of an Encoder that differ, and is never
	// 0.
	Serial uint64
}

// An Encoder makes PNGs of one screen and keeps what it can use again. The
// zero value is ready. It must not be used concurrently, and not be copied.
type Encoder struct {
	last    Image // a copy of the pixels behind strips
	strips  []strip
	palette *palette // nil in true colour
	workers []*worker
	serial  uint64
	picture Picture
	shrunk  shrunk
}

// Encode makes a PNG that decodes to exactly the pixels of img. If they are
// what they were at the call before, it returns the same picture.
func (e *Encoder) Encode(img Image) (Picture, error) {
	if err := img.validate(); err != nil {
		return Picture{}, fmt.Errorf("make a PNG: %w", err)
	}
	if img.Width != e.last.Width || img.Height != e.last.Height {
		e.resize(img.Width, img.Height)
	}
	e.compare(img)
	stale := 0
	for i := range e.strips {
		if e.strips[i].chunk == nil {
			stale++
		}
	}
	if stale == 0 {
		return e.picture, nil
	}
	if 2*stale > len(e.strips) {
		e.chooseColours(stale == len(e.strips))
	}
	if err := e.makeStrips(); err != nil {
		e.forget()
		return Picture{}, fmt.Errorf("make a PNG: %w", err)
	}
	e.serial++
	e.picture = Picture{PNG: e.assemble(), Width: img.Width, Height: img.Height, Serial: e.serial}
	return e.picture, nil
}

// chooseColours decides anew between a palette and true colour. Unless
// everything is made anyway, it does so only if the decision is another one.
func (e *Encoder) chooseColours(all bool) {
	p := choosePalette(e.last)
	if all || (p == nil) != (e.palette == nil) {
		e.palette = p
		e.forget()
	}
}

// resize forgets everything about a screen of another size.
func (e *Encoder) resize(width, height int) {
	e.last = Image{Pix: make([]byte, 4*width*height), Stride: 4 * width, Width: width, Height: height}
	rows := max(1, stripSize/(4*width))
	e.strips = nil
	for y := 0; y < height; y += rows {
		e.strips = append(e.strips, strip{from: y, to: min(y+rows, height)})
	}
}

// forget lets every strip be made again.
func (e *Encoder) forget() {
	for i := range e.strips {
		e.strips[i].chunk = nil
	}
}

// compare copies the rows of img that have changed, and drops the chunks that
// were made of them.
func (e *Encoder) compare(img Image) {
	e.share(func(_ *worker, s *strip) {
		s.changedLast = false
		for y := s.from; y < s.to; y++ {
			if row, old := img.row(y), e.last.row(y); !bytes.Equal(row, old) {
				s.chunk = nil
				s.changedLast = y == s.to-1
				copy(old, row)
			}
		}
	})
	for i := range e.strips[1:] {
		if e.strips[i].changedLast {
			e.strips[i+1].chunk = nil
		}
	}
}

// share lets the workers do something with each strip, side by side.
func (e *Encoder) share(do func(*worker, *strip)) {
	n := min(runtime.GOMAXPROCS(0), len(e.strips), maxWorkers)
	for len(e.workers) < n {
		e.workers = append(e.workers, newWorker())
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for _, w := range e.workers[:n] {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(e.strips) {
					return
				}
				do(w, &e.strips[i])
			}
		})
	}
	wg.Wait()
}

// makeStrips makes those that are missing. A palette that turns out too small
// is replaced by one without the colours that have gone, and then by true
// colour, for all strips.
func (e *Encoder) makeStrips() error {
	fits, err := e.tryStrips()
	if fits || err != nil {
		return err
	}
	if e.palette = choosePalette(e.last); e.palette != nil {
		e.forget()
		if fits, err = e.tryStrips(); fits || err != nil {
			return err
		}
	}
	e.palette = nil
	e.forget()
	_, err = e.tryStrips()
	return err
}

func (e *Encoder) tryStrips() (fits bool, err error) {
	var full atomic.Bool
	var mu sync.Mutex // guards err
	e.share(func(w *worker, s *strip) {
		if s.chunk != nil || full.Load() {
			return
		}
		ok, failure := w.make(s, e.last, e.palette)
		if !ok {
			full.Store(true)
		}
		if failure != nil {
			mu.Lock()
			defer mu.Unlock()
			err = failure
		}
	})
	return !full.Load(), err
}

// choosePalette is an empty palette, or nil for a picture that seems to have
// too many colours for one.
func choosePalette(img Image) *palette {
	p := newPalette()
	var c cache
	out := make([]byte, img.Width)
	for y := 0; y < img.Height; y += sampleRows {
		if !c.index(out, img.row(y), p) {
			return nil
		}
	}
	if len(p.colours) > sampleColours {
		return nil
	}
	return newPalette()
}

// assemble puts the strips together.
func (e *Encoder) assemble() []byte {
	header := ihdr(e.last.Width, e.last.Height, e.palette != nil)
	size := len(signature) + len(header) + 12 + 3*maxColours + 2*20
	row := 3*e.last.Width + 1
	if e.palette != nil {
		row = e.last.Width + 1
	}
	sum := uint32(1)
	for i := range e.strips {
		s := &e.strips[i]
		size += len(s.chunk)
		sum = combine(sum, s.sum, row*(s.to-s.from))
	}
	png := slices.Concat(make([]byte, 0, size), signature, header)
	if e.palette != nil {
		png = e.palette.appendChunk(png)
	}
	for i := range e.strips {
		png = append(png, e.strips[i].chunk...)
	}
	// An empty last block ends the compressed stream.
	end := binary.BigEndian.AppendUint32([]byte("\x00\x00\x00\x00IDAT\x03\x00"), sum)
	png = append(png, closeChunk(end)...)
	return append(png, closeChunk([]byte("\x00\x00\x00\x00IEND"))...)
}

// ihdr is a PNG's first chunk, for eight bits a sample.
func ihdr(width, height int, indexed bool) []byte {
	chunk := []byte("\x00\x00\x00\x00IHDR")
	chunk = binary.BigEndian.AppendUint32(chunk, uint32(width))
	chunk = binary.BigEndian.AppendUint32(chunk, uint32(height))
	colourType := byte(typeTrueColour)
	if indexed {
		colourType = typePalette
	}
	return closeChunk(append(chunk, 8, colourType, 0, 0, 0))
}

// shrunk is the last picture that was made smaller, and what it was made of.
type shrunk struct {
	encoder *Encoder
	of      uint64 // the serial of the full picture
	limit   int
	picture Picture
}

// EncodeWithin is Encode for a PNG of at most limit bytes; 0 means no limit.
// A picture that would take more is made smaller, keeping its proportions.
func (e *Encoder) EncodeWithin(img Image, limit int) (Picture, error) {
	full, err := e.Encode(img)
	if err != nil || limit <= 0 || len(full.PNG) <= limit {
		return full, err
	}
	if e.shrunk.of == full.Serial && e.shrunk.limit == limit {
		return e.shrunk.picture, nil
	}
	if e.shrunk.encoder == nil {
		e.shrunk.encoder = new(Encoder)
	}
	picture := full
	for width, height := img.Width, img.Height; len(picture.PNG) > limit; {
		if width == 1 && height == 1 {
			return Picture{}, fmt.Errorf("make a PNG: no picture fits into %d bytes", limit)
		}
		// The bytes grow a little slower than the area, so this converges from
		// above within a few rounds.
		factor := min(0.95, math.Sqrt(float64(limit)/float64(len(picture.PNG))))
		width, height = max(1, int(float64(width)*factor)), max(1, int(float64(height)*factor))
		if picture, err = e.shrunk.encoder.Encode(img.Shrink(width, height)); err != nil {
			return Picture{}, err
		}
	}
	e.serial++
	picture.Serial = e.serial
	e.shrunk.of, e.shrunk.limit, e.shrunk.picture = full.Serial, limit, picture
	return picture, nil
}
