package screenpng

import "encoding/binary"

const (
	// adlerMod is the modulus of Adler-32.
	adlerMod = 65521
	// adlerRun is how many bytes can be summed up before the second sum must
	// be reduced: 64 at a time, from sums below the modulus.
	adlerRun = 5552 / adlerBlock * adlerBlock
	// adlerBlock is eight words, whose sums still fit into sixteen bits.
	adlerBlock = 64

	evenBytes = 0x00ff00ff00ff00ff
	evenLanes = 0x0000ffff0000ffff
	// allLanes and laneNumbers make the top sixteen bits of a product the sum
	// of a word's four lanes, each once, or times its number.
	allLanes    = 0x0001000100010001
	laneNumbers = 0x0000000100020003
)

// adler is the Adler-32 checksum of p. The library's goes byte by byte, which
// is a tenth of what a picture takes; this one sums up four lanes of sixteen
// bits at once.
func adler(p []byte) uint32 {
	a, b := uint64(1), uint64(0)
	for len(p) >= adlerBlock {
		run := p[:min(len(p), adlerRun)/adlerBlock*adlerBlock]
		p = p[len(run):]
		for ; len(run) >= adlerBlock; run = run[adlerBlock:] {
			block := run[:adlerBlock]
			// pairs sums up neighbouring bytes, falling what pairs was after
			// each word, so that a word counts once for itself and each after.
			var pairs, odd, falling uint64
			for i := 0; i < adlerBlock; i += 8 {
				w := binary.LittleEndian.Uint64(block[i:])
				second := w >> 8 & evenBytes
				odd += second
				pairs += w&evenBytes + second
				falling += pairs
			}
			// Byte j of a word counts j less than the word's first.
			within := 2*(pairs*laneNumbers>>48) + odd*allLanes>>48
			halves := falling&evenLanes + falling>>16&evenLanes // all four would not fit into one
			b += adlerBlock*a + 8*(halves&0xffffffff+halves>>32) - within
			a += pairs * allLanes >> 48
		}
		a, b = a%adlerMod, b%adlerMod
	}
	for _, c := range p {
		a += uint64(c)
		b += a
	}
	return uint32(b%adlerMod)<<16 | uint32(a%adlerMod)
}

// combine is the checksum of two byte strings after each other, from those of
// both and the second one's length.
func combine(first, second uint32, length int) uint32 {
	a1, b1 := first&0xffff, first>>16
	a2, b2 := second&0xffff, second>>16
	a := (a1 + a2 + adlerMod - 1) % adlerMod
	b := (uint64(b1) + uint64(b2) + uint64(length%adlerMod)*uint64(a1+adlerMod-1)) % adlerMod
	return uint32(b)<<16 | a
}

// combineUnchanged is combine with a row that equals the one above it: the
// filter's type and n zeros.
func combineUnchanged(sum uint32, n int) uint32 {
	a := (sum&0xffff + filterUp) % adlerMod
	b := (uint64(sum>>16) + uint64(a)*uint64(n+1)) % adlerMod
	return uint32(b)<<16 | a
}
