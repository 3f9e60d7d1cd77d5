package subject

import (
	"errors"
	"os"
	"os/exec"
	"time"
)

// Windows is not certified: what an agent started is left to the agent.

func prepareTree(cmd *exec.Cmd) { cmd.WaitDelay = 2 * time.Second }

func killTree(cmd *exec.Cmd) error {
	if err := cmd.Process.Kill(); !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}
