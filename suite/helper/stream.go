package helper

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"time"
)

// Digest tells what a stream carried without repeating it.
type Digest struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // lower-case hex
}

// DigestOf returns the digest of data, to compare with the helper's.
func DigestOf(data []byte) Digest {
	sum := sha256.Sum256(data)
	return Digest{Bytes: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
}

func newDigest(n int64, h hash.Hash) Digest {
	return Digest{Bytes: n, SHA256: hex.EncodeToString(h.Sum(nil))}
}

// Pattern returns the n bytes that the out and pty-source commands write for
// seed. They look random, have no period, and are no text: the third byte at
// the latest breaks UTF-8, and the first 256 hold every value once.
func Pattern(seed uint64, n int) []byte {
	p := make([]byte, n)
	// The reader is endless up to n, so that it cannot come up short.
	_, _ = io.ReadFull(PatternReader(seed, int64(n)), p)
	return p
}

// PatternReader streams [Pattern] for sizes that do not fit into memory.
func PatternReader(seed uint64, n int64) io.Reader {
	head := make([]byte, 256)
	for i := range head {
		// Stepping by an odd number reaches each value, and by more than 128
		// alternates ASCII with bytes that continue nothing.
		head[i] = byte(uint64(i)*129 + seed)
	}
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return io.LimitReader(io.MultiReader(bytes.NewReader(head), rand.NewChaCha8(key)), n)
}

func out(c *call) error {
	fs := c.flags()
	nout := fs.Int64("stdout", 0, "")
	nerr := fs.Int64("stderr", 0, "")
	seed := fs.Uint64("seed", 0, "")
	chunk := fs.Int64("chunk", 32<<10, "")
	if _, err := c.parse(fs, 0, 0); err != nil {
		return err
	}
	if *chunk <= 0 || *nout < 0 || *nerr < 0 {
		return usagef("sizes must not be negative, nor the chunk zero")
	}
	streams := []struct {
		name string
		dst  io.Writer
		src  io.Reader
	}{
		{"stdout", c.stdout, PatternReader(*seed, *nout)},
		{"stderr", c.stderr, PatternReader(*seed+1, *nerr)},
	}
	buf := make([]byte, *chunk)
	for open := len(streams); open > 0; {
		open = len(streams)
		for _, s := range streams {
			n, err := io.ReadFull(s.src, buf)
			if err != nil {
				open--
			}
			if n == 0 {
				continue
			}
			if _, err := s.dst.Write(buf[:n]); err != nil {
				return fmt.Errorf("write %s: %w", s.name, err)
			}
		}
	}
	return nil
}

func cat(c *call) error {
	if _, err := c.operands(0); err != nil {
		return err
	}
	if _, err := io.Copy(c.stdout, c.stdin); err != nil {
		return fmt.Errorf("copy stdin to stdout: %w", err)
	}
	return nil
}

func digest(c *call) error {
	if _, err := c.operands(0); err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(h, c.stdin)
	if err != nil {
		return fmt.Errorf("read stdin: %w", err)
	}
	return c.emit(newDigest(n, h))
}

func ignoreStdin(c *call) error {
	args, err := c.parse(c.flags(), 0, 1)
	if err != nil {
		return err
	}
	var d time.Duration
	if len(args) == 1 {
		if d, err = time.ParseDuration(args[0]); err != nil {
			return usageError{err}
		}
	}
	in, ok := c.stdin.(io.Closer)
	if !ok {
		return errors.New("stdin cannot be closed")
	}
	if err := in.Close(); err != nil {
		return fmt.Errorf("close stdin: %w", err)
	}
	time.Sleep(d)
	return nil
}
