package engine

import (
	"strings"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Feature is a set of capabilities.
type Feature uint8

// The capabilities of an agent's Hello.
const (
	Exec Feature = 1 << iota
	Filesystem
	Git
	PTY
	Desktop
)

func (f Feature) String() string {
	var names []string
	for i, name := range []string{"exec", "filesystem", "git", "pty", "desktop"} {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Claimed is what an agent claims in its Hello; nothing without one.
func Claimed(hello *agentv1.Hello) Feature {
	caps := hello.GetCapabilities()
	var f Feature
	for bit, on := range map[Feature]bool{
		Exec: caps.GetExec(), Filesystem: caps.GetFilesystem(), Git: caps.GetGit(),
		PTY: caps.GetPty(), Desktop: caps.GetDesktop(),
	} {
		if on {
			f |= bit
		}
	}
	return f
}
