//go:build !linux

package x11

import "errors"

// sharingSupported is false: pictures come over the connection.
const sharingSupported = false

func allocate(int) (id uint32, memory []byte, err error) { return 0, nil, errors.ErrUnsupported }

func remove(uint32) {}

func detach([]byte) {}
