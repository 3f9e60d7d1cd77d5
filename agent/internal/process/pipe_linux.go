package process

import (
	"os"

	"golang.org/x/sys/unix"
)

// source is the end of an output pipe that stays in this process. It is known
// to the runtime's poller only once it is opened: for a short command that
// would cost more than it gives.
type source struct {
	fd   int      // non-blocking; until file is there, and then the file's
	file *os.File // nil before open
}

// outputPipe returns this process's end and the command's.
func outputPipe() (source, *os.File, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return source{}, nil, os.NewSyscallError("pipe2", err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		_, _ = unix.Close(fds[0]), unix.Close(fds[1])
		return source{}, nil, os.NewSyscallError("fcntl", err)
	}
	return source{fd: fds[0]}, os.NewFile(uintptr(fds[1]), "|1"), nil
}

// open makes the pipe readable in the background.
func (s *source) open() { s.file = os.NewFile(uintptr(s.fd), "|0") }

// use calls f with the descriptor, which stays open meanwhile.
func (s *source) use(f func(fd int)) error {
	if s.file == nil {
		f(s.fd)
		return nil
	}
	conn, err := s.file.SyscallConn()
	if err != nil {
		return err
	}
	return conn.Control(func(fd uintptr) { f(int(fd)) })
}

// close ends a reader. Before open it must be called once at most.
func (s *source) close() {
	if s.file != nil {
		_ = s.file.Close()
	} else if s.fd != 0 {
		_ = unix.Close(s.fd)
	}
}
