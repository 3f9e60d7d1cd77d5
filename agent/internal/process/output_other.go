//go:build !unix

package process

// readSome reads from pipe i and accounts for what came. 0 is the end.
func (o *output) readSome(i int, buf []byte) (int, error) {
	n, err := o.pipes[i].file.Read(buf)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keep(i, buf[:n])
	return n, err
}

// drain does nothing: a pipe cannot be read here without waiting.
func (o *output) drain(int) (ended bool) { return false }
