package process

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

func onTerminal() (*syscall.SysProcAttr, error) {
	return nil, fmt.Errorf("start a command on a terminal: %w", errors.ErrUnsupported)
}

func hangUp(int) {}

func signalStatus(*os.ProcessState) int { return 1 }
