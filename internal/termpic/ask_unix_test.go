//go:build unix

package termpic_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"agentproof/internal/termpic"
)

// pair is a terminal and the end that plays it.
func pair(t *testing.T) (master, tty *os.File) {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close(); tty.Close() })
	return master, tty
}

func TestARealTerminalIsAsked(t *testing.T) {
	t.Parallel()
	master, tty := pair(t)
	go func() { // ends with the terminal
		var asked []byte
		buf := make([]byte, 100)
		for !bytes.HasSuffix(asked, []byte("\x1b[c")) {
			n, err := master.Read(buf)
			if err != nil {
				return
			}
			asked = append(asked, buf[:n]...)
		}
		_, _ = master.WriteString("\x1b[?62;4;22c")
	}()
	if got := termpic.Detect(func(string) string { return "" }, termpic.TTY{File: tty}); got != termpic.Sixel {
		t.Errorf("it is %s, want %s", got, termpic.Sixel)
	}
	// It is as it was: it echoes again, and knows lines.
	if _, err := master.WriteString("a line\n"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if n, err := tty.Read(buf); err != nil || string(buf[:n]) != "a line\n" {
		t.Errorf("it reads %q (%v)", buf[:n], err)
	}
	if n, err := master.Read(buf); err != nil || !strings.HasPrefix(string(buf[:n]), "a line") {
		t.Errorf("it echoes %q (%v)", buf[:n], err)
	}
}

func TestASilentTerminalIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	_, tty := pair(t)
	answer, err := termpic.TTY{File: tty}.Ask("?", 50*time.Millisecond, func([]byte) bool { return false })
	if err != nil || len(answer) > 0 {
		t.Errorf("it answers %q (%v)", answer, err)
	}
}

func TestTheRoomIsTheWindows(t *testing.T) {
	t.Parallel()
	_, tty := pair(t)
	if err := pty.Setsize(tty, &pty.Winsize{Cols: 90, Rows: 30, X: 810, Y: 600}); err != nil {
		t.Fatal(err)
	}
	if got, want := (termpic.TTY{File: tty}).Room(), (termpic.Window{Columns: 90, PixelsWide: 810}); got != want {
		t.Errorf("it is %v, want %v", got, want)
	}
}
