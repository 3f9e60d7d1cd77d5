package helper

import (
	"bufio"
	"fmt"
	"io"
)

// Markers fence what a terminal case compares from what a shell, an agent or
// the terminal's echo adds. The terminal commands print ReadyMarker once the
// terminal is raw; what was typed before may have been echoed.
const (
	ReadyMarker = "<agentproof:ready>"
	BeginMarker = "<agentproof:begin>"
	EndMarker   = "<agentproof:end>"
)

// copyUntil copies r to w up to marker and takes the marker away. What could
// be the marker's start waits for the next byte; all else is written as soon
// as nothing more is buffered. The marker's first byte must not recur in it.
func copyUntil(w io.Writer, r *bufio.Reader, marker string) error {
	out := bufio.NewWriter(w)
	matched := 0
	for {
		b, err := r.ReadByte()
		if err != nil {
			return fmt.Errorf("before %s: %w", marker, noEOF(err))
		}
		if b != marker[matched] {
			// Only the marker's first byte starts a match, so that nothing
			// inside a failed one can be part of the next.
			out.WriteString(marker[:matched])
			matched = 0
		}
		if b != marker[matched] {
			out.WriteByte(b)
		} else if matched++; matched == len(marker) {
			return out.Flush()
		}
		if r.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
