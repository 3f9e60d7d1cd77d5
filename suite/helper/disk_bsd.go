//go:build unix && !linux

package helper

import (
	"errors"
	"fmt"
)

func smallDisk(*call) error {
	return fmt.Errorf("only Linux lets everybody mount: %w", errors.ErrUnsupported)
}

func smallDiskOwner(c *call) error { return smallDisk(c) }
