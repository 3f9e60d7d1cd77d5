//go:build !linux

package process

import "os"

// awaitExit waits for p and collects its status.
func awaitExit(p *os.Process) *os.ProcessState {
	state, _ := p.Wait()
	return state
}

func collect(int) {}
