//go:build unix

package helper

// posixCommand returns the function of a command that POSIX systems have, or
// nil.
func posixCommand(name string) runFunc {
	switch name {
	case "signal":
		return dieOfSignal
	case "tree":
		return tree
	case "descend":
		return descend
	case "mkfifo":
		return mkfifo
	case "mknames":
		return mknames
	case "chown":
		return chown
	case "other-device":
		return otherDevice
	case "small-disk":
		return smallDisk
	case "small-disk-owner":
		return smallDiskOwner
	case "winch":
		return winch
	case "pty-echo":
		return ptyEcho
	case "pty-source":
		return ptySource
	case "pty-sink":
		return ptySink
	}
	return nil
}
