//go:build !unix

package termpic

import (
	"errors"
	"os"
	"time"

	"golang.org/x/term"
)

// TTY is the user's terminal.
type TTY struct{ File *os.File }

// Ask implements Terminal. Consoles here are not asked: the environment has to
// tell.
func (t TTY) Ask(string, time.Duration, func([]byte) bool) ([]byte, error) {
	return nil, errors.ErrUnsupported
}

// Room is the size of the terminal's window.
func (t TTY) Room() Window {
	columns, _, err := term.GetSize(int(t.File.Fd()))
	if err != nil {
		return Window{}
	}
	return Window{Columns: columns}
}
