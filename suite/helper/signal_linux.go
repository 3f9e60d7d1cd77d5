package helper

import (
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// raise sends sig to its own thread with the kernel's default action in
// place. os/signal cannot give that back: the Go runtime would turn SIGQUIT
// into a stack dump and SIGPIPE into nothing.
func raise(sig syscall.Signal) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if sig != unix.SIGKILL && sig != unix.SIGSTOP {
		// Zeroes mean SIG_DFL in every architecture's layout of the structure,
		// and no layout is larger.
		var action [64]byte
		const maskSize = maxSignal / 8
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, maskSize, 0, 0)
		if errno != 0 {
			return os.NewSyscallError("rt_sigaction", errno)
		}
	}
	var none unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &none, nil); err != nil {
		return os.NewSyscallError("rt_sigprocmask", err)
	}
	return os.NewSyscallError("tgkill", unix.Tgkill(unix.Getpid(), unix.Gettid(), sig))
}
