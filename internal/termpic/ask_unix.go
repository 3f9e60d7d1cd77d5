//go:build unix

package termpic

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// TTY is the user's terminal.
type TTY struct{ File *os.File }

// Ask implements Terminal. What the user types meanwhile is lost.
func (t TTY) Ask(question string, limit time.Duration, enough func([]byte) bool) (answer []byte, err error) {
	fd := int(t.File.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, term.Restore(fd, before)) }()
	if _, err := t.File.WriteString(question); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(limit)
	buf := make([]byte, 256)
	for !enough(answer) {
		ready, err := readable(fd, deadline)
		if err != nil || !ready {
			return answer, err
		}
		n, err := unix.Read(fd, buf)
		if n <= 0 || err != nil {
			return answer, err
		}
		answer = append(answer, buf[:n]...)
	}
	return answer, nil
}

// readable waits until there is something to read. Terminals have no
// deadlines, and poll(2) does not know them everywhere.
func readable(fd int, deadline time.Time) (bool, error) {
	for {
		var set unix.FdSet
		set.Set(fd)
		left := unix.NsecToTimeval(max(0, time.Until(deadline)).Nanoseconds())
		n, err := unix.Select(fd+1, &set, nil, nil, &left)
		if !errors.Is(err, unix.EINTR) { // the runtime's own signals interrupt
			return n > 0, err
		}
	}
}

// Room is the size of the terminal's window.
func (t TTY) Room() Window {
	size, err := unix.IoctlGetWinsize(int(t.File.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return Window{}
	}
	return Window{Columns: int(size.Col), PixelsWide: int(size.Xpixel)}
}
