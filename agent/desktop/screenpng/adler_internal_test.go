package screenpng

import (
	"bytes"
	"hash/adler32"
	"testing"
)

// FuzzAdler holds the checksum to the library's, and the sum of two parts to
// that of the whole.
func FuzzAdler(f *testing.F) {
	for _, n := range []int{0, 1, 63, 64, 65, adlerRun - 1, adlerRun, adlerRun + 65, 3 * adlerRun} {
		f.Add(bytes.Repeat([]byte{0xff}, n), n/2)
		f.Add(bytes.Repeat([]byte{0, 1, 2, 0xfe}, n/4), 7)
	}
	f.Fuzz(func(t *testing.T, p []byte, at int) {
		want := adler32.Checksum(p)
		if got := adler(p); got != want {
			t.Errorf("adler of %d bytes = %#x, want %#x", len(p), got, want)
		}
		at = min(max(at, 0), len(p))
		if got := combine(adler(p[:at]), adler(p[at:]), len(p)-at); got != want {
			t.Errorf("combined at %d of %d: %#x, want %#x", at, len(p), got, want)
		}
	})
}

func BenchmarkAdler(b *testing.B) {
	row := bytes.Repeat([]byte{0, 3, 0xff, 7}, 1440)
	b.Run("here", func(b *testing.B) {
		b.SetBytes(int64(len(row)))
		for b.Loop() {
			adler(row)
		}
	})
	b.Run("hash/adler32", func(b *testing.B) {
		b.SetBytes(int64(len(row)))
		for b.Loop() {
			adler32.Checksum(row)
		}
	})
}
