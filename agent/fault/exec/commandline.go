package exec

import (
	"bytes"
	"strings"
	"sync"
	"sync/atomic"

	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func commandLines() []fault.Mutant {
	var runs atomic.Int64
	return []fault.Mutant{
		fault.New("drops empty words", "exec.argv/words-verbatim", "the number of words",
			before(func(r *request) {
				r.Command = strings.Split(strings.Trim(strings.Join(r.Command, "\x00"), "\x00"), "\x00")
			})),
		fault.New("trims words", "exec.argv/words-verbatim", "the word",
			before(func(r *request) {
				for i := range r.Command {
					r.Command[i] = strings.TrimSpace(r.Command[i])
				}
			})),
		fault.New("runs words through a shell", "exec.argv/nothing-interpreted", "a file",
			before(func(r *request) { r.Shell = true }), "exec.argv/*"),
		fault.New("fails to start some programs", "exec.argv/just-written-program", "could not be started",
			refusing(osError, func(*request) bool { return runs.Add(1)%40 == 0 })),
		fault.New("takes no command for success", "exec.empty/argv", "a result",
			fault.Instead(func(_ fault.Operate, r *request) *agentv1.ControlResponse {
				if len(r.Command) > 0 || r.Shell {
					return nil
				}
				return fault.Result(&result{})
			})),
		fault.New("runs an empty line of shell", "exec.empty/shell", "a result",
			before(func(r *request) {
				if r.Shell && len(r.Command) == 0 {
					r.Command = []string{""}
				}
			})),
	}
}

func shells() []fault.Mutant {
	var mu sync.Mutex // guards lines
	var lines []string
	return []fault.Mutant{
		fault.New("ignores the shell flag", "exec.shell/interprets", "NOT_FOUND",
			before(func(r *request) { r.Shell = false }), "exec.shell/*"),
		fault.New("keeps the last line of a shell", "exec.shell/interprets", "stdout",
			after(func(q *request, r *result) {
				if lines := bytes.SplitAfter(r.Stdout, []byte("\n")); q.Shell && len(lines) > 2 {
					r.Stdout = lines[len(lines)-2]
				}
			})),
		fault.New("falls back on another shell", "exec.shell/bin-sh-when-unset", "the shell's name",
			after(func(q *request, r *result) {
				if q.Shell && bytes.HasSuffix(r.Stdout, []byte("sh\n")) {
					r.Stdout = []byte("/bin/bash\n")
				}
			})),
		fault.New("joins words by two spaces", "exec.shell/dash-c-and-one-string", "the shell's arguments",
			before(func(r *request) {
				if r.Shell {
					r.Command = []string{strings.Join(r.Command, "  ")}
				}
			})),
		fault.New("quotes words for the shell", "exec.shell/dash-c-and-one-string", "the shell's arguments",
			before(func(r *request) {
				if r.Shell {
					r.Command = []string{"'" + strings.Join(r.Command, "' '") + "'"}
				}
			}), "exec.shell/*"),
		fault.New("runs the request's shell", "exec.shell/requests-shell-variable-ignored", "another shell",
			shellLine(func(r *request, line string) []string { return []string{r.Env["SHELL"], "-c", line} }), "exec.shell/*"),
		fault.New("has no shell to fall back on", "exec.shell/bin-sh-when-unset", "NOT_FOUND",
			refusing(notFound, func(r *request) bool { return r.Shell }), "exec.shell/*"),
		fault.New("runs a login shell", "exec.shell/no-login-shell", "this is a login shell",
			shellLine(func(_ *request, line string) []string { return []string{"/bin/sh", "-l", "-c", line} }),
			"exec.shell/dash-c-and-one-string", "exec.shell/requests-shell-variable-ignored"),
		fault.New("gives its shell no variables", "exec.shell/cwd-and-variables", "what the shell wrote",
			before(func(r *request) {
				if r.Shell {
					r.Env = nil
				}
			})),
		fault.New("keeps one shell", "exec.shell/a-new-one-each-time", "elsewhere",
			before(func(r *request) {
				mu.Lock()
				defer mu.Unlock()
				if r.Shell {
					lines = append(lines, strings.Join(r.Command, " "))
					r.Command = []string{strings.Join(lines, "; ")}
				}
			}), "exec.shell/*"),
	}
}
