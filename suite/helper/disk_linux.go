package helper

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// diskPoll is how often a small disk looks whether it is still wanted.
const diskPoll = 20 * time.Millisecond

// smallDisk gives a case a disk that is really full, without any privilege: a
// process mounts it for itself alone, and others reach it through that
// process's root in /proc.
func smallDisk(c *call) error {
	flags := c.flags()
	lifetime := flags.Duration("for", time.Minute, "")
	args, err := c.parse(flags, 3, 3)
	if err != nil {
		return err
	}
	dir, size, file := args[0], args[1], args[2]
	if _, err := strconv.ParseUint(size, 10, 31); err != nil {
		return usageError{err}
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	argv := Argv(exe, "small-disk-owner", "--for", lifetime.String(), dir, size, file)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stderr = c.stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	runtime.LockOSThread() // Pdeathsig speaks of the thread that started the child
	defer runtime.UnlockOSThread()
	if err := cmd.Run(); err != nil {
		return errors.Join(fmt.Errorf("mount a disk: %w", err), writeAtomic(file, Place{}))
	}
	return nil
}

func smallDiskOwner(c *call) error {
	flags := c.flags()
	lifetime := flags.Duration("for", time.Minute, "")
	args, err := c.parse(flags, 3, 3)
	if err != nil {
		return err
	}
	dir, size, file := args[0], args[1], args[2]
	// Nothing that is mounted from here on shows outside.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts private: %w", err)
	}
	if err := unix.Mount("agentproof", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size="+size); err != nil {
		return fmt.Errorf("mount on %s: %w", dir, err)
	}
	if err := writeAtomic(file, Place{fmt.Sprintf("/proc/%d/root%s", os.Getpid(), dir)}); err != nil {
		return err
	}
	for end := time.Now().Add(*lifetime); time.Now().Before(end); time.Sleep(diskPoll) {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	return nil
}
