//go:build unix

package pty

import (
	"errors"
	"io"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// Supported tells whether this system has terminals that the package can open.
const Supported = true

// master is the agent's end of a terminal. It is non-blocking, so that Close
// ends reads and writes, and deadlines hold.
type master struct {
	*os.File
	raw syscall.RawConn

	// slave stays open while the child lives: a child that closes its own
	// descriptors may open /dev/tty again, and some systems throw unread
	// output away with the last descriptor.
	slave *os.File

	mu       sync.Mutex // guards draining, together with the read deadline
	draining bool
	waited   time.Duration // since then, for output; the reader's
}

// openMaster opens a terminal of the size and returns both its ends.
func openMaster(sz size) (*master, *os.File, error) {
	ptmx, slave, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	// The library's file is in blocking mode for good; a duplicate made
	// non-blocking before it becomes a file goes through the poller.
	fd, err := unix.FcntlInt(ptmx.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	_ = ptmx.Close()
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		_ = slave.Close()
		return nil, nil, err
	}
	m := &master{File: os.NewFile(uintptr(fd), "/dev/ptmx")}
	if m.raw, err = m.SyscallConn(); err == nil {
		err = m.resize(sz)
	}
	if err != nil {
		_ = slave.Close()
		_ = m.Close()
		return nil, nil, err
	}
	return m, slave, nil
}

// started takes the slave, which the child has now too.
func (m *master) started(slave *os.File) { m.slave = slave }

// Close closes the terminal; its child hears of it as a hangup.
func (m *master) Close() error {
	err := m.File.Close()
	if m.slave != nil {
		_ = m.slave.Close() // drain may have been there before
	}
	return err
}

// read waits for output and then takes all that has gathered, up to the size
// of buf. Its error is io.EOF when there will be no more.
func (m *master) read(buf []byte) (n int, err error) {
	draining := m.awaitNoLonger()
	if m.waited >= drainWait {
		return 0, io.EOF
	}
	start := time.Now()
	waitErr := m.raw.Read(func(fd uintptr) bool {
		for n < len(buf) {
			k, e := unix.Read(int(fd), buf[n:])
			switch {
			case k > 0:
				n += k
			case errors.Is(e, unix.EINTR):
			case errors.Is(e, unix.EAGAIN):
				return n > 0
			default: // 0 bytes, or EIO: nobody holds the other end any more
				err = io.EOF
				return true
			}
		}
		return true
	})
	if draining {
		m.waited += time.Since(start)
	}
	switch {
	case waitErr == nil:
	case errors.Is(waitErr, os.ErrDeadlineExceeded) && !draining:
		return 0, nil // woken to drain
	default:
		return 0, io.EOF
	}
	return n, err
}

// awaitNoLonger tells whether the child has ended, and then bounds the next
// wait for output.
func (m *master) awaitNoLonger() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.draining {
		_ = m.SetReadDeadline(time.Now().Add(drainIdle))
	}
	return m.draining
}

// drain bounds the reading from now on: the child has ended.
func (m *master) drain() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.draining = true
	if runtime.GOOS == "linux" {
		// What was written stays readable, and then there is an end unless
		// somebody else holds the terminal.
		_ = m.slave.Close()
	}
	_ = m.SetReadDeadline(time.Now())
}

// writeSome writes what the terminal takes without waiting, and tells how much
// that was. Whatever hinders it shows when the rest is written.
func (m *master) writeSome(data []byte) (n int) {
	_ = m.raw.Write(func(fd uintptr) bool {
		n, _ = unix.Write(int(fd), data)
		return true
	})
	return max(0, n)
}

func (m *master) interruptWrite() { _ = m.SetWriteDeadline(time.Now()) }
func (m *master) resumeWrite()    { _ = m.SetWriteDeadline(time.Time{}) }

// resize sets the window size. It must not go through Fd, which would put the
// file back into blocking mode.
func (m *master) resize(sz size) error {
	var err error
	ctlErr := m.raw.Control(func(fd uintptr) {
		var now *unix.Winsize
		if now, err = unix.IoctlGetWinsize(int(fd), unix.TIOCGWINSZ); err != nil {
			return
		}
		sz = sz.or(size{uint32(now.Col), uint32(now.Row)})
		err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(sz.cols), Row: uint16(sz.rows)})
	})
	return errors.Join(ctlErr, err)
}
