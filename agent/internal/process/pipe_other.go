//go:build !linux

package process

import "os"

// source is the end of an output pipe that stays in this process.
type source struct{ file *os.File }

// outputPipe returns this process's end and the command's.
func outputPipe() (source, *os.File, error) {
	r, w, err := os.Pipe()
	return source{file: r}, w, err
}

func (s *source) open() {}

// use calls f with the descriptor, which stays open meanwhile.
func (s *source) use(f func(fd int)) error {
	conn, err := s.file.SyscallConn()
	if err != nil {
		return err
	}
	return conn.Control(func(fd uintptr) { f(int(fd)) })
}

// close ends a reader.
func (s *source) close() {
	if s.file != nil {
		_ = s.file.Close()
	}
}
