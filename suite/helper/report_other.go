//go:build !unix

package helper

import (
	"os"

	"golang.org/x/term"
)

func workingDirectory() (string, error) { return os.Getwd() }

func environment() ([]string, error) { return os.Environ(), nil }

func (*Report) addSystem() error { return nil }

func describe(f *os.File) Stream {
	fd := int(f.Fd())
	if !term.IsTerminal(fd) {
		return Stream{}
	}
	s := Stream{TTY: true}
	if cols, rows, err := term.GetSize(fd); err == nil {
		s.Size = Size{cols, rows}
	}
	return s
}
