package exec

import (
	"agentproof/agent/fault"
)

func ends() []fault.Mutant {
	return []fault.Mutant{
		fault.New("keeps seven bits of an exit code", "exec.exit-code/as-the-command-set-it", "the exit code 128",
			after(func(_ *request, r *result) { r.ExitCode &= 0x7f })),
		fault.New("takes the shell's 127 for a missing program", "exec.exit-code/shell-that-finds-nothing", "NOT_FOUND",
			failing(notFound, func(r *result) bool { return r.ExitCode == 127 }), "exec.exit-code/as-the-command-set-it"),
		fault.New("gives a signal the shell's code", "exec.signal/minus-one", "137",
			after(func(_ *request, r *result) {
				if r.ExitCode == -1 {
					r.ExitCode = 137
				}
			}), "exec.signal/output-kept"),
		fault.New("drops the output of a crash", "exec.signal/output-kept", "stdout",
			after(func(_ *request, r *result) {
				if r.ExitCode == -1 {
					r.Stdout = nil
				}
			})),
		fault.New("tells no duration", "exec.duration/of-a-command-that-sleeps", "a shorter one",
			after(func(_ *request, r *result) { r.DurationMs = 0 }), "exec.duration/of-a-command-that-times-out"),
		fault.New("tells microseconds", "exec.duration/of-a-command-that-ends-at-once", "a longer one",
			after(func(_ *request, r *result) { r.DurationMs = 1000 * (r.DurationMs + 1) }),
			"exec.duration/of-a-command-that-sleeps", "exec.duration/of-a-command-that-times-out"),
		fault.New("tells no duration of what timed out", "exec.duration/of-a-command-that-times-out", "a shorter one",
			after(func(_ *request, r *result) { r.DurationMs = 0 }), "exec.duration/of-a-command-that-sleeps"),
		fault.New("takes a shell that finds nothing for success", "exec.exit-code/shell-that-finds-nothing", "the shell's own exit code",
			after(func(q *request, r *result) {
				if q.Shell && r.ExitCode == 127 {
					r.ExitCode = 0
				}
			})),
		fault.New("takes a crash for a timeout", "exec.signal/minus-one", "a result that is not timed out",
			after(func(_ *request, r *result) { r.TimedOut = r.ExitCode == -1 })),
		fault.New("gives a crash with output the shell's code", "exec.signal/output-kept", "the exit code",
			after(func(_ *request, r *result) {
				if r.ExitCode == -1 && len(r.Stdout) > 0 {
					r.ExitCode = 137
				}
			})),
		fault.New("drops what a crash had to say", "exec.signal/output-kept", "stderr",
			after(func(_ *request, r *result) {
				if r.ExitCode == -1 {
					r.Stderr = nil
				}
			})),
		fault.New("keeps a timeout to itself", "exec.duration/of-a-command-that-times-out", "a result that is timed out",
			after(func(_ *request, r *result) { r.TimedOut = false })),
	}
}
