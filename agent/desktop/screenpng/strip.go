package screenpng

import (
	"bytes"
	stdflate "compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
	"slices"

	"github.com/klauspost/compress/flate"
)

// Filter types of a PNG row.
const (
	filterNone = 0
	filterSub  = 1
	filterUp   = 2
)

// A strip is a range of rows that is compressed by itself, so that strips can
// be made side by side and kept while their pixels, and those of the row above
// them, stay the same.
type strip struct {
	from, to int    // rows
	chunk    []byte // the IDAT chunk; nil when it has to be made
	sum      uint32 // Adler-32 of the filtered rows
	// changedLast tells that the last row is not what it was.
	changedLast bool
}

// worker is what one goroutine needs to make strips.
type worker struct {
	raw     []byte       // the filtered rows of a strip
	chunk   bytes.Buffer // its IDAT chunk
	colours cache
	// Drawn things repeat themselves, and higher levels cost twice the time
	// for a few per cent.
	drawn deflater
	// Where next to nothing is new, the library for the others spends most
	// bytes on the headers of its many blocks.
	plain deflater
	// In photos there is nothing to find: looking for it takes long and makes
	// them bigger.
	photo deflater
}

func newWorker() *worker {
	fast := func(level int) func(io.Writer) (compressor, error) {
		return func(w io.Writer) (compressor, error) { return flate.NewWriter(w, level) }
	}
	return &worker{
		drawn: deflater{open: fast(flate.BestSpeed)},
		photo: deflater{open: fast(flate.HuffmanOnly)},
		plain: deflater{open: func(w io.Writer) (compressor, error) {
			return stdflate.NewWriter(w, stdflate.BestSpeed)
		}},
	}
}

// make compresses the rows of img into s. It returns false if the palette is
// full; a nil palette means true colour.
func (w *worker) make(s *strip, img Image, p *palette) (bool, error) {
	size := 3*img.Width + 1 // with the filter's type
	news := s.news(img)
	noisy := p == nil && news > photoNews
	if p != nil {
		size = img.Width + 1
	}
	w.raw = slices.Grow(w.raw[:0], size*(s.to-s.from))[:size*(s.to-s.from)]
	s.sum = 1
	changes := 0
	for y := s.from; y < s.to; y++ {
		row, out := img.row(y), w.raw[size*(y-s.from):][:size:size]
		first := y == 0
		switch {
		case !first && bytes.Equal(row, img.row(y-1)):
			out[0] = filterUp
			clear(out[1:])
			s.sum = combineUnchanged(s.sum, size-1)
			continue
		case p != nil:
			out[0] = filterNone
			if !w.colours.index(out[1:], row, p) {
				return false, nil
			}
		case noisy && !first:
			out[0] = filterUp
			subtractRGB(out[1:], row, img.row(y-1))
		default:
			out[0] = filterSub
			out[1], out[2], out[3] = row[2], row[1], row[0]
			subtractRGB(out[4:], row[4:], row)
		}
		s.sum = combine(s.sum, adler(out), size)
		changes++
	}
	switch {
	case noisy:
		return true, w.compress(s, &w.photo)
	case news*float64(changes)/float64(s.to-s.from) < plainNews:
		return true, w.compress(s, &w.plain)
	default:
		return true, w.compress(s, &w.drawn)
	}
}

const (
	// photoNews and plainNews are the parts of new pixels that photos have at
	// least, and plain surfaces at most.
	photoNews = 0.75
	plainNews = 0.02
)

// news is the part of the strip's pixels that do not go on as those before
// them in their row did.
func (s *strip) news(img Image) float64 {
	pairs, repeats := 0, 0
	for y := s.from; y < s.to; y += sampleRows {
		row := img.row(y)
		for x := 8; x+4 <= len(row); x += 4 {
			a, b := pixel(row[x-8:]), pixel(row[x-4:])
			if pixel(row[x:])-b == b-a {
				repeats++
			}
			pairs++
		}
	}
	if pairs == 0 {
		return 0
	}
	return float64(pairs-repeats) / float64(pairs)
}

func pixel(row []byte) uint32 { return binary.LittleEndian.Uint32(row) & colourMask }

// A compressor is what both libraries call a writer.
type compressor interface {
	io.Writer
	Flush() error
	Reset(io.Writer)
}

// A deflater is a compressor that is made with its first use.
type deflater struct {
	compressor
	open func(io.Writer) (compressor, error)
}

func (d *deflater) reset(out io.Writer) (err error) {
	if d.compressor != nil {
		d.Reset(out)
		return nil
	}
	d.compressor, err = d.open(out)
	return err
}

// compress makes the chunk: its length, type, data and checksum.
func (w *worker) compress(s *strip, d *deflater) error {
	w.chunk.Reset()
	w.chunk.WriteString("\x00\x00\x00\x00IDAT")
	if s.from == 0 {
		w.chunk.Write(zlibHeader)
	}
	if err := d.reset(&w.chunk); err != nil {
		return fmt.Errorf("make a compressor: %w", err)
	}
	if _, err := d.Write(w.raw); err != nil {
		return fmt.Errorf("compress a strip: %w", err)
	}
	// A flush ends on a byte's edge and leaves the stream open for the next.
	if err := d.Flush(); err != nil {
		return fmt.Errorf("compress a strip: %w", err)
	}
	s.chunk = closeChunk(bytes.Clone(w.chunk.Bytes()))
	return nil
}

// closeChunk fills in the length of a chunk and appends its checksum.
func closeChunk(chunk []byte) []byte {
	binary.BigEndian.PutUint32(chunk, uint32(len(chunk)-8))
	return binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
}

// subtractRGB writes by what the pixels of row differ from those of base, which
// must be as long or longer.
func subtractRGB(out, row, base []byte) {
	for len(row) >= 16 && len(base) >= 16 && len(out) >= 12 {
		putRGB(out,
			subtractBytes(binary.LittleEndian.Uint64(row), binary.LittleEndian.Uint64(base)),
			subtractBytes(binary.LittleEndian.Uint64(row[8:]), binary.LittleEndian.Uint64(base[8:])))
		row, base, out = row[16:], base[16:], out[12:]
	}
	for ; len(row) >= 4; row, base, out = row[4:], base[4:], out[3:] {
		out[0], out[1], out[2] = row[2]-base[2], row[1]-base[1], row[0]-base[0]
	}
}

// subtractBytes subtracts each byte of b from its counterpart in a, without
// borrowing from the next.
func subtractBytes(a, b uint64) uint64 {
	const high = 0x8080808080808080
	return ((a | high) - (b &^ high)) ^ ((a ^ ^b) & high)
}

// putRGB writes the twelve bytes of four pixels, two in each word.
func putRGB(out []byte, first, second uint64) {
	p0 := uint64(bits.ReverseBytes32(uint32(first)) >> 8)
	p1 := uint64(bits.ReverseBytes32(uint32(first>>32)) >> 8)
	p2 := uint64(bits.ReverseBytes32(uint32(second)) >> 8)
	p3 := uint64(bits.ReverseBytes32(uint32(second>>32)) >> 8)
	binary.LittleEndian.PutUint64(out, p0|p1<<24|p2<<48)
	binary.LittleEndian.PutUint32(out[8:], uint32(p2>>16|p3<<8))
}
