package exec

import (
	"bytes"
	"slices"
	"sync/atomic"

	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func outputs() []fault.Mutant {
	var runs atomic.Int64
	return []fault.Mutant{
		fault.New("changes one byte at 64 KiB", "exec.output/apart-and-byte-exact", "offset 65536",
			after(func(_ *request, r *result) {
				if len(r.Stdout) > 64<<10 {
					r.Stdout[64<<10] ^= 1
				}
			})),
		fault.New("mixes stderr into stdout", "exec.output/apart-and-byte-exact", "stdout",
			after(func(_ *request, r *result) {
				r.Stdout, r.Stderr = append(r.Stdout, r.Stderr...), nil
			}), "exec.output/*"),
		fault.New("repairs UTF-8", "exec.output/apart-and-byte-exact", "stdout",
			after(func(_ *request, r *result) {
				r.Stdout = bytes.ToValidUTF8(r.Stdout, []byte("\uFFFD"))
			}), "exec.output/tiny-writes"),
		fault.New("adds a line end", "exec.output/nothing-added", "stdout of 0 bytes",
			after(func(_ *request, r *result) {
				if !bytes.HasSuffix(r.Stdout, []byte("\n")) {
					r.Stdout = append(r.Stdout, '\n')
				}
			}), "exec.output/apart-and-byte-exact", "exec.output/tiny-writes"),
		fault.New("loses the last bytes now and then", "exec.output/last-bytes-at-the-exit", "less",
			after(func(_ *request, r *result) {
				if runs.Add(1)%50 == 0 {
					r.Stdout = nil
				}
			})),
		fault.New("drops NUL bytes", "exec.output/tiny-writes", "stdout",
			after(func(_ *request, r *result) {
				r.Stdout = bytes.ReplaceAll(r.Stdout, []byte{0}, nil)
			}), "exec.output/apart-and-byte-exact"),
		fault.New("drops the output of failures", "exec.output/of-a-failed-command", "stdout",
			after(func(_ *request, r *result) {
				if r.ExitCode != 0 {
					r.Stdout = nil
				}
			})),
		fault.New("cuts what is too large", "exec.output-bounded/reply", "a result",
			retried(tooLarge, func(r *request) { r.Command = []string{"/bin/sh", "-c", "exit 0"} })),
		fault.New("does not count what is too large", "exec.output-bounded/reply", "total_output_bytes",
			fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				delete(resp.GetError().GetDetail(), "total_output_bytes")
			})),
		fault.New("keeps less than fits", "exec.output-bounded/what-fits-is-kept", "PAYLOAD_TOO_LARGE",
			failing(tooLarge, func(r *result) bool { return len(r.Stdout) > 512<<10 })),
		fault.New("changes one byte of stderr at 64 KiB", "exec.output/apart-and-byte-exact", "stderr of 300007",
			after(func(_ *request, r *result) {
				if len(r.Stderr) > 64<<10 {
					r.Stderr[64<<10] ^= 1
				}
			})),
		fault.New("says on stderr that all is well", "exec.output/nothing-added", "stderr of 0 bytes",
			after(func(_ *request, r *result) {
				if len(r.Stderr) == 0 {
					r.Stderr = []byte("done\n")
				}
			})),
		fault.New("drops an unfinished line of stdout", "exec.output/nothing-added", "stdout of 3 bytes",
			after(func(_ *request, r *result) {
				if !bytes.HasSuffix(r.Stdout, []byte("\n")) {
					r.Stdout = nil
				}
			}), "exec.output/*"),
		fault.New("drops an unfinished line of stderr", "exec.output/nothing-added", "stderr of 3 bytes",
			after(func(_ *request, r *result) {
				if !bytes.HasSuffix(r.Stderr, []byte("\n")) {
					r.Stderr = nil
				}
			}), "exec.output/*"),
		fault.New("drops NUL bytes of stderr", "exec.output/tiny-writes", "stderr",
			after(func(_ *request, r *result) { r.Stderr = bytes.ReplaceAll(r.Stderr, []byte{0}, nil) }),
			"exec.output/apart-and-byte-exact"),
		fault.New("drops what a failure has to say", "exec.output/of-a-failed-command", "stderr",
			after(func(_ *request, r *result) {
				if r.ExitCode != 0 {
					r.Stderr = nil
				}
			})),
		fault.New("drops output while a child holds the pipe", "exec.background/child", "the command's own output",
			after(func(q *request, r *result) {
				if slices.Contains(q.Command, "--hold-stdout") {
					r.Stdout = nil
				}
			})),
	}
}
