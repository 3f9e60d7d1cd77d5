//go:build unix

package subject

import (
	"errors"
	"os/exec"
	"syscall"
	"time"
)

// prepareTree makes cmd the leader of a process group, which killTree reaches.
func prepareTree(cmd *exec.Cmd) {
	// A group of its own keeps a Ctrl-C at the runner's terminal from ending
	// agents before their cases have been cleaned up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// What the agent leaves behind may hold its output open.
	cmd.WaitDelay = 2 * time.Second
}

// killTree ends the whole group at once, also after its leader has ended.
func killTree(cmd *exec.Cmd) error {
	err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	// macOS answers EPERM for a group in which nobody is left but the dead.
	if errors.Is(err, syscall.ESRCH) || errors.Is(err, syscall.EPERM) {
		return nil
	}
	return err
}
