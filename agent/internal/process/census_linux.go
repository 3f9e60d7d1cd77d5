package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// maxEnviron bounds what is read of a process's environment, in bytes; the
// kernel allows arguments and environment of this size together by default.
const maxEnviron = 2 << 20

// listProcesses reads /proc. A process that ends meanwhile is left out.
func listProcesses() ([]proc, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	procs := make([]proc, 0, len(names))
	env := make([]byte, 0, 16<<10)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		p, err := readProcess(pid)
		if err != nil {
			continue
		}
		if !p.zombie {
			p.marks, env = readMarks(pid, env)
		}
		procs = append(procs, p)
	}
	return procs, nil
}

func readProcess(pid int) (proc, error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return proc{}, err
	}
	return parseStat(stat)
}

var errStat = errors.New("malformed process status")

// parseStat reads a line of /proc/PID/stat. The name in it may hold spaces
// and parentheses, so the fields count from the last closing one.
func parseStat(stat []byte) (proc, error) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return proc{}, errStat
	}
	fields := strings.Fields(string(stat[end+1:]))
	const state, ppid, group, session, started = 0, 1, 2, 3, 19
	if len(fields) <= started {
		return proc{}, errStat
	}
	p := proc{zombie: fields[state] == "Z" || fields[state] == "X"}
	var err error
	if p.pid, err = strconv.Atoi(strings.TrimSpace(string(stat[:open]))); err != nil {
		return proc{}, fmt.Errorf("%w: pid: %w", errStat, err)
	}
	for i, to := range map[int]*int{ppid: &p.ppid, group: &p.group, session: &p.session} {
		if *to, err = strconv.Atoi(fields[i]); err != nil {
			return proc{}, fmt.Errorf("%w: field %d: %w", errStat, i, err)
		}
	}
	if p.started, err = strconv.ParseUint(fields[started], 10, 64); err != nil {
		return proc{}, fmt.Errorf("%w: start time: %w", errStat, err)
	}
	return p, nil
}

// readMarks returns the marks in the environment of pid, none if it belongs
// to somebody else, and the buffer that it read into, to be used again.
func readMarks(pid int, buf []byte) ([]string, []byte) {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return nil, buf
	}
	defer f.Close()
	buf = buf[:0]
	for len(buf) < maxEnviron {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := f.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err != nil {
			break
		}
	}
	return findMarks(buf), buf
}

func findMarks(environ []byte) []string {
	for kv := range bytes.SplitSeq(environ, []byte{0}) {
		if v, ok := bytes.CutPrefix(kv, []byte(markName+"=")); ok {
			return strings.Split(string(v), ",")
		}
	}
	return nil
}
