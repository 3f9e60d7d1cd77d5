//go:build unix

package subject

import (
	"errors"
	"os/exec"
	"syscall"
	"time"
)

// processTree ends an agent with the processes of its group.
type processTree struct{}

func (processTree) prepare(cmd *exec.Cmd) {
	// A group of its own keeps a Ctrl-C at the runner's terminal from ending
	// agents before their cases have been cleaned up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// What the agent leaves behind may hold its output open.
	cmd.WaitDelay = 2 * time.Second
}

func (processTree) kill(cmd *exec.Cmd) error {
	err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}
