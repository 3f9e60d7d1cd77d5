package screenpng

import (
	"encoding/binary"
	"sync"
)

// maxColours is how many fit into a palette with a byte for each pixel.
const maxColours = 256

// colourMask leaves the byte that means nothing out of a pixel.
const colourMask = 0xffffff

// A palette numbers colours in the order in which they are met, so that what
// was made with fewer of them stays right. It is safe for concurrent use.
type palette struct {
	mu      sync.Mutex // guards the fields below
	numbers map[uint32]uint8
	colours []uint32
}

func newPalette() *palette { return &palette{numbers: make(map[uint32]uint8, maxColours)} }

// number is false if the palette is full.
func (p *palette) number(colour uint32) (uint8, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n, ok := p.numbers[colour]; ok {
		return n, true
	}
	if len(p.colours) == maxColours {
		return 0, false
	}
	n := uint8(len(p.colours))
	p.numbers[colour] = n
	p.colours = append(p.colours, colour)
	return n, true
}

// appendChunk appends the PLTE chunk.
func (p *palette) appendChunk(png []byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	chunk := append(make([]byte, 0, 12+3*maxColours), "\x00\x00\x00\x00PLTE"...)
	for _, c := range p.colours {
		chunk = append(chunk, byte(c>>16), byte(c>>8), byte(c))
	}
	return append(png, closeChunk(chunk)...)
}

// A cache finds numbers that were asked for lately without the palette's lock.
// An entry is a number above its colour.
type cache struct {
	of      *palette
	entries [1 << cacheBits]uint32
}

const cacheBits = 10

// place spreads colours over the cache by the golden ratio.
func place(colour uint32) uint32 { return colour * 0x9e3779b1 >> (32 - cacheBits) }

// use prepares the cache for a palette.
func (c *cache) use(p *palette) {
	if c.of == p {
		return
	}
	c.of = p
	clear(c.entries[:])
	// A zero entry means black, which only black's own place could confuse
	// with a full one: let that place hold a colour that belongs elsewhere.
	c.entries[place(0)] = 1
}

// index writes the numbers of a row's pixels to out. It is false if the
// palette is full.
func (c *cache) index(out, row []byte, p *palette) bool {
	c.use(p)
	last, number := uint64(1)<<63, uint8(0) // no pair of pixels yet
	for len(row) >= 8 && len(out) >= 2 {
		pair := binary.LittleEndian.Uint64(row) & (colourMask | colourMask<<32)
		if pair != last {
			first, ok := c.number(uint32(pair), p)
			if !ok {
				return false
			}
			number = first
			if second := uint32(pair >> 32); second != uint32(pair) {
				if number, ok = c.number(second, p); !ok {
					return false
				}
				out[0], out[1] = first, number
				row, out = row[8:], out[2:]
				last = uint64(second) | uint64(second)<<32
				continue
			}
			last = pair
		}
		out[0], out[1] = number, number
		row, out = row[8:], out[2:]
	}
	if len(row) >= 4 {
		n, ok := c.number(binary.LittleEndian.Uint32(row)&colourMask, p)
		if !ok {
			return false
		}
		out[0] = n
	}
	return true
}

func (c *cache) number(colour uint32, p *palette) (uint8, bool) {
	entry := &c.entries[place(colour)]
	if *entry&colourMask == colour {
		return uint8(*entry >> 24), true
	}
	n, ok := p.number(colour)
	if ok {
		*entry = uint32(n)<<24 | colour
	}
	return n, ok
}
