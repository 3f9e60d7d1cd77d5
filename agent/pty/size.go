package pty

import (
	"math"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// size is a terminal's, in characters. A 0 is not known.
type size struct{ cols, rows uint32 }

// sizeOf is what a request asks for, each 0 replaced on its own (pty.size).
func sizeOf(req *agentv1.PtyOpenRequest) size {
	return size{cols: req.GetCols(), rows: req.GetRows()}.or(size{defaultCols, defaultRows})
}

// or replaces what is not known, and what no terminal can be.
func (s size) or(other size) size {
	if s.cols == 0 {
		s.cols = other.cols
	}
	if s.rows == 0 {
		s.rows = other.rows
	}
	return size{min(s.cols, math.MaxUint16), min(s.rows, math.MaxUint16)}
}
