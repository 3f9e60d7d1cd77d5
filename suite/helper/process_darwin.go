package helper

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"

	"golang.org/x/sys/unix"
)

func inspect(pid int) (Process, error) {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	// The kernel answers for a process that does not exist with nothing, which
	// x/sys reports as EIO.
	if errors.Is(err, unix.EIO) || errors.Is(err, unix.ESRCH) {
		return Process{PID: pid}, nil
	}
	if err != nil {
		return Process{}, err
	}
	return fromKinfo(k), nil
}

// commandLine is empty for a process that is gone or not this user's.
func commandLine(pid int) string {
	// The number of arguments, the program's path, padding, the arguments.
	data, err := unix.SysctlRaw("kern.procargs2", pid)
	if err != nil || len(data) < 4 {
		return ""
	}
	argc := int(binary.NativeEndian.Uint32(data))
	_, args, _ := bytes.Cut(data[4:], []byte{0})
	words := strings.Split(string(bytes.TrimLeft(args, "\x00")), "\x00")
	return strings.TrimSpace(strings.Join(words[:min(argc, len(words))], " "))
}

func processes() ([]Process, error) {
	list, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return nil, err
	}
	all := make([]Process, len(list))
	for i := range list {
		all[i] = fromKinfo(&list[i])
	}
	return all, nil
}

func fromKinfo(k *unix.KinfoProc) Process {
	const zombie = 5 // SZOMB in sys/proc.h
	p := Process{
		PID:    int(k.Proc.P_pid),
		Zombie: k.Proc.P_stat == zombie,
		PPID:   int(k.Eproc.Ppid),
		PGID:   int(k.Eproc.Pgid),
		Start:  uint64(k.Proc.P_starttime.Nano()),
	}
	p.Alive = !p.Zombie
	// A process that has just ended has no session to ask for.
	if sid, err := unix.Getsid(p.PID); err == nil {
		p.SID = sid
	}
	return p
}
