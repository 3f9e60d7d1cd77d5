package main

// escape finds the detach sequence in what a user types: a tilde at the
// beginning of a line and then a dot. The zero value stands at the beginning
// of a line.
type escape struct {
	inLine  bool // something was typed since the last newline
	pending bool // a tilde is held back until it is known what follows
}

// filter returns what of typed is the terminal's, and whether the user
// detaches; what follows the sequence is dropped then. Two tildes are one.
func (e *escape) filter(typed []byte) (data []byte, detach bool) {
	data = make([]byte, 0, len(typed)+1)
	for _, c := range typed {
		if e.pending {
			e.pending = false
			switch c {
			case '.':
				return data, true
			case '~':
			default:
				data = append(data, '~')
			}
		} else if c == '~' && !e.inLine {
			e.pending, e.inLine = true, true
			continue
		}
		data = append(data, c)
		e.inLine = c != '\r' && c != '\n'
	}
	return data, false
}
