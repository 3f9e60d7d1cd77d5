package helper

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func FuzzCopyUntilStopsAtTheFirstMarker(f *testing.F) {
	f.Add([]byte("before" + EndMarker + "after"))
	f.Add([]byte(EndMarker))
	f.Add([]byte("<agentproof:en<agentproof:end>"))
	f.Add([]byte("<<<agentproof:begin>"))
	f.Add([]byte("<agentproof:end"))
	f.Fuzz(func(t *testing.T, input []byte) {
		want, rest, found := bytes.Cut(input, []byte(EndMarker))
		for name, r := range map[string]io.Reader{
			"at once":      bytes.NewReader(input),
			"byte by byte": iotest.OneByteReader(bytes.NewReader(input)),
		} {
			var got bytes.Buffer
			in := bufio.NewReader(r)
			err := copyUntil(&got, in, EndMarker)
			if !found {
				if !errors.Is(err, io.ErrUnexpectedEOF) || !bytes.HasPrefix(input, got.Bytes()) {
					t.Fatalf("%s: %q, %v", name, got.Bytes(), err)
				}
				continue
			}
			left, readErr := io.ReadAll(in)
			if err != nil || readErr != nil || !bytes.Equal(got.Bytes(), want) || !bytes.Equal(left, rest) {
				t.Fatalf("%s: %q, left %q, %v, %v", name, got.Bytes(), left, err, readErr)
			}
		}
	})
}
