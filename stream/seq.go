package stream

// Cursor follows the sequence numbers of one direction. The zero value waits
// for frame 0. It is not safe for concurrent use.
type Cursor struct {
	next uint64
}

// NewCursor waits for the frame next, as after a resume.
func NewCursor(next uint64) Cursor { return Cursor{next: next} }

// Next is the number of the next frame wanted, which is what StreamOpen
// carries as resume_from_seq.
func (c *Cursor) Next() uint64 { return c.next }

// Admit takes note of a frame and tells how many are missing before it. A
// frame that was seen before, or that lies before the cursor's start, is not
// fresh and changes nothing.
func (c *Cursor) Admit(seq uint64) (missed uint64, fresh bool) {
	if seq < c.next {
		return 0, false
	}
	missed = seq - c.next
	c.next = seq + 1
	return missed, true
}
