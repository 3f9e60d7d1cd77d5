package subject

import (
	"errors"
	"os"
	"os/exec"
	"time"
)

// processTree ends an agent. Windows is not certified, and what the agent
// started is left to the agent.
type processTree struct{}

func (processTree) prepare(cmd *exec.Cmd) { cmd.WaitDelay = 2 * time.Second }

func (processTree) kill(cmd *exec.Cmd) error {
	if err := cmd.Process.Kill(); !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}
