package process

import (
	"golang.org/x/sys/unix"
)

// szomb is SZOMB of <sys/proc.h>.
const szomb = 5

// listProcesses asks the kernel for its process table. Environments of other
// processes are not to be had here, so there are no marks.
func listProcesses() ([]proc, error) {
	table, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return nil, err
	}
	procs := make([]proc, 0, len(table))
	for i := range table {
		k := &table[i]
		p := proc{
			pid:     int(k.Proc.P_pid),
			ppid:    int(k.Eproc.Ppid),
			group:   int(k.Eproc.Pgid),
			zombie:  k.Proc.P_stat == szomb,
			started: uint64(k.Proc.P_starttime.Sec)*1e6 + uint64(k.Proc.P_starttime.Usec),
		}
		if sid, err := unix.Getsid(p.pid); err == nil {
			p.session = sid
		}
		procs = append(procs, p)
	}
	return procs, nil
}
