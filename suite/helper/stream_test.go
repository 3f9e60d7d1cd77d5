package helper_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"agentproof/suite/helper"
)

func TestPatternHoldsEveryByteAndIsNoText(t *testing.T) {
	t.Parallel()
	for seed := range uint64(256) {
		p := helper.Pattern(seed, 256)
		var seen [256]bool
		for _, b := range p {
			seen[b] = true
		}
		for b, ok := range seen {
			if !ok {
				t.Fatalf("seed %d lacks byte %#x", seed, b)
			}
		}
		if utf8.Valid(p[:3]) {
			t.Fatalf("seed %d starts as text: %x", seed, p[:3])
		}
	}
}

func TestPatternDependsOnTheSeedAlone(t *testing.T) {
	t.Parallel()
	const n = 5000
	p := helper.Pattern(7, n)
	if !bytes.Equal(p, helper.Pattern(7, n)) || !bytes.Equal(p[:300], helper.Pattern(7, 300)) {
		t.Error("one seed gives two patterns")
	}
	if bytes.Equal(p[256:], helper.Pattern(7+256, n)[256:]) {
		t.Error("two seeds give one pattern")
	}
	if err := iotest.TestReader(helper.PatternReader(7, n), p); err != nil {
		t.Error(err)
	}
	slow, err := io.ReadAll(iotest.OneByteReader(helper.PatternReader(7, n)))
	if err != nil || !bytes.Equal(slow, p) {
		t.Errorf("reading byte by byte differs, %v", err)
	}
}

func TestOutWritesBothPatterns(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args       []string
		nout, nerr int
		seed       uint64
	}{
		"nothing":                  {[]string{"out"}, 0, 0, 0},
		"stdout alone":             {[]string{"out", "--stdout", "70000"}, 70000, 0, 0},
		"stderr alone":             {[]string{"out", "--stderr", "70000", "--seed", "9"}, 0, 70000, 9},
		"both, one longer":         {[]string{"out", "--stdout", "10", "--stderr", "3000", "--chunk", "100"}, 10, 3000, 0},
		"both, byte by byte":       {[]string{"out", "--stdout", "300", "--stderr", "200", "--chunk", "1"}, 300, 200, 0},
		"a multiple of the chunks": {[]string{"out", "--stdout", "200", "--stderr", "100", "--chunk", "100"}, 200, 100, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := finish(t, command(t, t.TempDir(), tc.args...))
			if !bytes.Equal(res.stdout, helper.Pattern(tc.seed, tc.nout)) {
				t.Errorf("stdout differs, %d bytes", len(res.stdout))
			}
			if !bytes.Equal(res.stderr, helper.Pattern(tc.seed+1, tc.nerr)) {
				t.Errorf("stderr differs, %d bytes", len(res.stderr))
			}
		})
	}
}

func TestStdinComesThroughWhole(t *testing.T) {
	t.Parallel()
	input := helper.Pattern(3, 1<<20)
	t.Run("copied", func(t *testing.T) {
		t.Parallel()
		cmd := command(t, t.TempDir(), "cat")
		cmd.Stdin = bytes.NewReader(input)
		if res := finish(t, cmd); res.code != 0 || !bytes.Equal(res.stdout, input) {
			t.Errorf("exit code %d, %d bytes out", res.code, len(res.stdout))
		}
	})
	t.Run("digested", func(t *testing.T) {
		t.Parallel()
		cmd := command(t, t.TempDir(), "digest")
		cmd.Stdin = bytes.NewReader(input)
		if got := decode[helper.Digest](t, finish(t, cmd).stdout); got != helper.DigestOf(input) {
			t.Errorf("got %+v, want %+v", got, helper.DigestOf(input))
		}
	})
	t.Run("digested when empty", func(t *testing.T) {
		t.Parallel()
		if got := ask[helper.Digest](t, "digest"); got != helper.DigestOf(nil) {
			t.Errorf("got %+v, want %+v", got, helper.DigestOf(nil))
		}
	})
}

func TestCatCopiesBeforeItsInputEnds(t *testing.T) {
	t.Parallel()
	cmd := command(t, t.TempDir(), "cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"first", "second"} {
		if _, err := io.WriteString(in, line); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(line))
		if _, err := io.ReadFull(out, got); err != nil || string(got) != line {
			t.Fatalf("read %q, %v, want %q", got, err, line)
		}
	}
	if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
		t.Error(err)
	}
}

func TestIgnoreStdinClosesItAtOnce(t *testing.T) {
	t.Parallel()
	cmd := command(t, t.TempDir(), "ignore-stdin", "1h")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	cmd.Stdin = r
	if err := errors.Join(cmd.Start(), r.Close()); err != nil {
		t.Fatal(err)
	}
	// More than a pipe holds: the write can only end because nobody can read.
	if _, err := w.Write(make([]byte, 4<<20)); err == nil {
		t.Error("somebody read it")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the helper ended by itself")
	}
}
