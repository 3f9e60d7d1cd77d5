package process

import "os"

func killGroup(leader int) {
	if p, err := os.FindProcess(leader); err == nil {
		_ = p.Kill()
		_ = p.Release()
	}
}

func killProcess(p proc) { killGroup(p.pid) }
