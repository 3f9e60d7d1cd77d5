package pty

import (
	"strings"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// shaped makes every terminal of one size, where the request matches.
func shaped(match func(cols, rows uint32) bool, cols, rows uint32) agent.Middleware {
	return opening(func(r *agentv1.PtyOpenRequest) {
		if match(r.GetCols(), r.GetRows()) {
			r.Cols, r.Rows = cols, rows
		}
	})
}

func surroundings() []fault.Mutant {
	return []fault.Mutant{
		wide(mutant("ignores the size", "pty.size/as-asked", "columns 132",
			shaped(func(uint32, uint32) bool { return true }, 80, 24))),
		wide(mutant("swaps columns and rows", "pty.size/as-asked", "columns 132",
			opening(func(r *agentv1.PtyOpenRequest) { r.Cols, r.Rows = r.Rows, r.Cols }))),
		mutant("has another default size", "pty.size/both-default", "rows 24",
			shaped(func(cols, rows uint32) bool { return cols == 0 && rows == 0 }, 80, 25)),
		silent("starts nothing on a terminal without a size", "pty.size/both-default", "no trace of it",
			opening(func(r *agentv1.PtyOpenRequest) {
				if r.GetCols() == 0 && r.GetRows() == 0 && len(r.GetCommand()) > 0 {
					r.Command = []string{"/bin/cat"}
				}
			})),
		mutant("drops the rows when there are no columns", "pty.size/columns-default-alone", "rows 50",
			shaped(func(cols, _ uint32) bool { return cols == 0 }, 80, 24)),
		mutant("drops the columns when there are no rows", "pty.size/rows-default-alone", "columns 132",
			shaped(func(_, rows uint32) bool { return rows == 0 }, 80, 24)),
		wide(mutant("ignores the term", "pty.term/as-asked", `TERM "vt100"`,
			opening(func(r *agentv1.PtyOpenRequest) { r.Term = "" }))),
		wide(mutant("has another default term", "pty.term/default", `TERM "xterm-256color"`,
			opening(func(r *agentv1.PtyOpenRequest) {
				if r.Term == "" {
					r.Term = "xterm"
				}
			}))),
		wide(mutant("lets TERM of the variables win", "pty.term/wins-over-env", `TERM "vt220"`,
			opening(func(r *agentv1.PtyOpenRequest) { r.Term = r.GetEnv()["TERM"] }))),
		mutant("lets the variable win only without a term", "pty.term/default-wins-over-env", `TERM "xterm-256color"`,
			opening(func(r *agentv1.PtyOpenRequest) {
				if r.Term == "" {
					r.Term = r.GetEnv()["TERM"]
				}
			})),
		wide(mutant("drops the variables", "pty.env/layered-over-the-agents", "the added variable",
			opening(func(r *agentv1.PtyOpenRequest) { r.Env = nil }))),
		mutant("drops empty variables", "pty.env/layered-over-the-agents", "the empty variable",
			opening(func(r *agentv1.PtyOpenRequest) {
				for name, value := range r.GetEnv() {
					if value == "" {
						delete(r.Env, name)
					}
				}
			})),
		wide(mutant("replaces its environment", "pty.env/layered-over-the-agents", "PATH",
			within(`exec /usr/bin/env -i CASE_ADDED="$CASE_ADDED" CASE_EMPTY= "$@"`))),
		mutant("lets its own variables win", "pty.env/overrides-the-agents", "the request's HOME",
			opening(func(r *agentv1.PtyOpenRequest) { delete(r.Env, "HOME") })),
		mutant("opens terminals in the home directory", "pty.cwd/empty-is-the-root", "in another",
			opening(func(r *agentv1.PtyOpenRequest) {
				if r.Cwd == "" {
					r.Cwd = "/"
				}
			})),
		wide(mutant("ignores the cwd", "pty.cwd/relative-is-under-the-root", "in another",
			opening(func(r *agentv1.PtyOpenRequest) { r.Cwd = "" }))),
		mutant("cuts the cwd at a blank", "pty.cwd/relative-is-under-the-root", "NOT_FOUND",
			opening(func(r *agentv1.PtyOpenRequest) { r.Cwd, _, _ = strings.Cut(r.Cwd, " ") })),
		mutant("puts absolute directories under its root", "pty.cwd/absolute-is-as-it-is", "in another",
			opening(func(r *agentv1.PtyOpenRequest) { r.Cwd = strings.TrimPrefix(r.Cwd, "/") })),
		mutant("opens a terminal in the root instead", "pty.cwd-missing/no-shell", "a result",
			retried(notFound, func(r *agentv1.PtyOpenRequest) { r.Cwd = "" })),
	}
}
