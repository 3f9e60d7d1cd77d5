package process

import "golang.org/x/sys/windows"

// killGroup does nothing: there are no groups, and the leader is a member of
// its own tree.
func killGroup(int) {}

// killProcess kills p and nobody who got its pid after it.
func killProcess(p proc) {
	const access = windows.PROCESS_TERMINATE | windows.PROCESS_QUERY_LIMITED_INFORMATION
	h, err := windows.OpenProcess(access, false, uint32(p.pid))
	if err != nil {
		return
	}
	defer func() { _ = windows.CloseHandle(h) }()
	if created, err := creationTime(h); err == nil && created == p.started {
		_ = windows.TerminateProcess(h, 1)
	}
}
