package exec

import (
	"bytes"

	"agentproof/agent/fault"
)

func inputs() []fault.Mutant {
	return []fault.Mutant{
		fault.New("loses the last byte of stdin", "exec.stdin/fed-whole", "what the command read",
			before(func(r *request) { r.Stdin = r.Stdin[:max(len(r.Stdin)-1, 0)] }), "exec.stdin/closed-at-its-end"),
		fault.New("cuts stdin at 4 MiB", "exec.stdin-large/through-a-filter", "4194304 bytes",
			before(func(r *request) { r.Stdin = r.Stdin[:min(len(r.Stdin), 4<<20)] }), "exec.stdin-large/output-first"),
		fault.New("cuts stdin at 4 MiB after output", "exec.stdin-large/output-first", "another digest",
			before(func(r *request) { r.Stdin = r.Stdin[:min(len(r.Stdin), 4<<20)] }), "exec.stdin-large/through-a-filter"),
		fault.New("takes a NUL byte for the end of stdin", "exec.stdin/closed-at-its-end", "what the command read",
			before(func(r *request) { r.Stdin, _, _ = bytes.Cut(r.Stdin, []byte{0}) }), "exec.stdin/fed-whole"),
		fault.New("feeds a line end for nothing", "exec.stdin/empty-is-eof", "what the command read",
			before(func(r *request) {
				if len(r.Stdin) == 0 {
					r.Stdin = []byte("\n")
				}
			})),
		fault.New("drops output when stdin is left unread", "exec.stdin-unread/command-exits", "stdout",
			after(func(q *request, r *result) {
				if len(q.Stdin) > 0 {
					r.Stdout = nil
				}
			})),
		fault.New("counts a limit from the end of stdin", "exec.stdin-unread/command-sleeps", "one that waited for its stdin",
			before(func(r *request) {
				if len(r.Stdin) > 0 {
					r.TimeoutMs = 10 * max(r.TimeoutMs, 1000)
				}
			})),
		fault.New("loses output from before it is fed", "exec.stdin-large/output-first", "stdout",
			after(func(q *request, r *result) {
				if len(q.Stdin) > 0 {
					r.Stdout = r.Stdout[:min(len(r.Stdout), 4<<20)]
				}
			}), "exec.stdin-large/through-a-filter"),
	}
}
