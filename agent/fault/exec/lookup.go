package exec

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"

	"agentproof/agent/fault"
)

func lookups() []fault.Mutant {
	var runs atomic.Int64
	return []fault.Mutant{
		fault.New("looks programs up in its own PATH", "exec.argv/found-in-the-requests-path", "NOT_FOUND",
			refusing(notFound, func(r *request) bool {
				_, err := exec.LookPath(r.Command[0])
				return err != nil && !strings.Contains(r.Command[0], "/")
			}), "exec.argv/first-in-path-wins"),
		fault.New("searches PATH from its end", "exec.argv/first-in-path-wins", "one",
			before(func(r *request) {
				if a, b, ok := strings.Cut(r.Env["PATH"], ":"); ok && bare(r) {
					r.Env["PATH"] = b + ":" + a
				}
			})),
		fault.New("has no PATH of its own", "exec.argv/found-in-the-agents-path", "NOT_FOUND",
			before(func(r *request) {
				if r.Env["PATH"] == "" {
					r.Env = map[string]string{"PATH": "/nowhere"}
				}
			})),
		fault.New("adds its own PATH", "exec.argv/path-of-the-request-alone", "one that ran",
			before(func(r *request) {
				if r.Env["PATH"] != "" && bare(r) {
					r.Env["PATH"] += ":" + os.Getenv("PATH")
				}
			})),
		fault.New("resolves programs from its root", "exec.argv/slash-is-relative-to-the-cwd", "NOT_FOUND",
			before(func(r *request) {
				if name := r.Command[0]; strings.Contains(name, "/") && !filepath.IsAbs(name) {
					r.Command[0] = strings.Repeat("../", 1+strings.Count(r.Cwd, "/")) + name
				}
			})),
		fault.New("finds programs in the cwd", "exec.argv/bare-name-is-not-in-the-cwd", "one that ran",
			before(func(r *request) {
				if bare(r) {
					r.Env = map[string]string{"PATH": "."}
				}
			}), "exec.argv/*"),
		fault.New("gives a missing program exit code 127", "exec.missing-program/by-path", "a result",
			retried(notFound, func(r *request) { r.Command = []string{"/bin/sh", "-c", "exit 127"} }), "exec.missing-program/by-name"),
		fault.New("gives what PATH lacks exit code 127", "exec.missing-program/by-name", "a result",
			retried(notFound, func(r *request) { r.Command = []string{"/bin/sh", "-c", "exit 127"} }), "exec.missing-program/by-path"),
		fault.New("takes a plain file for missing", "exec.not-executable/file", "NOT_FOUND", fault.Recode(osError, notFound),
			"exec.not-executable/directory"),
		fault.New("takes a directory for missing", "exec.not-executable/directory", "NOT_FOUND", fault.Recode(osError, notFound),
			"exec.not-executable/file"),
		fault.New("loses the output of programs in the cwd", "exec.argv/slash-is-relative-to-the-cwd", "the output of tools/agentproof-tool",
			after(func(q *request, r *result) {
				if len(q.Command) > 0 && strings.HasPrefix(q.Command[0], "tools/") {
					r.Stdout = nil
				}
			})),
		fault.New("looks for programs in its root as well", "exec.argv/slash-is-relative-to-the-cwd", "one that ran",
			retried(notFound, func(r *request) { r.Command[0] = strings.Repeat("../", 1+strings.Count(r.Cwd, "/")) + r.Command[0] })),
		fault.New("loses the output of some programs", "exec.argv/just-written-program", "every program's own output",
			after(func(_ *request, r *result) {
				if runs.Add(1)%40 == 0 {
					r.Stdout = nil
				}
			})),
	}
}

// bare reports whether the program's name has to be looked up.
func bare(r *request) bool { return len(r.Command) > 0 && !strings.Contains(r.Command[0], "/") }
