//go:build !linux && !darwin

package files

import "os"

func readAwaitingWriter(file *os.File, buf []byte) (int, error) { return file.Read(buf) }
