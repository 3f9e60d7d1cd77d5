//go:build !unix

package pty

import (
	"errors"
	"os"
)

// Supported tells whether this system has terminals that the package can open.
const Supported = false

// master stands for a terminal where there are none.
type master struct{ *os.File }

func openMaster(size) (*master, *os.File, error) { return nil, nil, errors.ErrUnsupported }

func (m *master) started(*os.File)         {}
func (m *master) read([]byte) (int, error) { return 0, errors.ErrUnsupported }
func (m *master) writeSome([]byte) int     { return 0 }
func (m *master) drain()                   {}
func (m *master) interruptWrite()          {}
func (m *master) resumeWrite()             {}
func (m *master) resize(size) error        { return errors.ErrUnsupported }
