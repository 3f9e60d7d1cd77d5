package git

import (
	"bytes"
	"os"
	"slices"
	"strings"

	"agentproof/agent/fault"
)

func commands() []fault.Mutant {
	dropArgs := func(r *request) { r.Args = nil }
	resplit := func(r *request) { r.Args = strings.Fields(strings.Join(r.Args, " ")) }
	return []fault.Mutant{
		fault.New("leaves out the branch", "git.argv/status", "what git prints for status --porcelain=v2 --branch",
			before(opStatus, func(r *request) {
				r.Op, r.Args = opRaw, append([]string{"status", "--porcelain=v2"}, r.Args...)
			}), "git.argv/status-with-args"),
		fault.New("drops arguments of status", "git.argv/status-with-args", "with --untracked-files=no", before(opStatus, dropArgs)),
		fault.New("drops arguments of diff", "git.argv/diff", "as stdout", before(opDiff, dropArgs)),
		fault.New("drops arguments of log", "git.argv/log", "as stdout", before(opLog, dropArgs)),
		fault.New("splits paths at blanks", "git.argv/add", "as content of the index", before(opAdd, func(r *request) {
			r.Args = []string{"--", "words"}
		})),
		fault.New("splits messages at blanks", "git.argv/commit", "exit code 0", before(opCommit, resplit)),
		fault.New("commits everything", "git.argv/commit", "as content of the commit",
			before(opCommit, func(r *request) { r.Args = append(r.Args, "-a") })),
		fault.New("checks the new branch out", "git.argv/branch", "as current branch",
			before(opBranch, func(r *request) { r.Op, r.Args = opCheckout, append([]string{"-q", "-b"}, r.Args...) })),
		fault.New("moves HEAD and no file", "git.argv/checkout", "no file that the branch does not have",
			before(opCheckout, func(r *request) {
				r.Op, r.Args = opRaw, []string{"symbolic-ref", "HEAD", "refs/heads/topic"}
			})),
		fault.New("only tries to push", "git.argv/push", "the commit on the remote's branch",
			before(opPush, func(r *request) { r.Args = append(r.Args, "--dry-run") })),
		fault.New("only fetches", "git.argv/pull", "the file that was pulled",
			before(opPull, func(r *request) { r.Op, r.Args = opRaw, append([]string{"fetch"}, r.Args...) })),
		fault.New("pulls with line ends of its own", "git.argv/pull", "the file that was pulled",
			before(opPull, func(r *request) {
				r.Op, r.Args = opRaw, append([]string{"-c", "core.autocrlf=true", "pull"}, r.Args...)
			})),
		fault.New("takes 0 for a status", "git.argv/raw-and-unknown-ops", "exit code 0",
			before(0, func(r *request) { r.Op = opStatus })),
		fault.New("refuses numbers that it does not know", "git.argv/raw-and-unknown-ops", "a result",
			refusing(osError, func(r *request, _ *result) bool { return r.Op == 14 })),
		fault.New("drops empty arguments", "git.argv/args-as-they-are", "as stdout",
			before(opRaw, func(r *request) {
				r.Args = slices.DeleteFunc(r.Args, func(s string) bool { return s == "" })
			})),
		fault.New("expands variables", "git.argv/args-as-they-are", "as stdout",
			before(opRaw, func(r *request) {
				for i := range r.Args {
					r.Args[i] = strings.ReplaceAll(r.Args[i], "$HOME", os.Getenv("HOME"))
				}
			})),
		fault.New("repairs UTF-8", "git.argv/stdout-byte-exact", "200001 bytes",
			after(func(_ *request, r *result) {
				r.Stdout = bytes.ToValidUTF8(r.Stdout, []byte("\uFFFD"))
			})),
		fault.New("ends every text with a line", "git.argv/stdout-byte-exact", "14 bytes",
			after(func(r *request, resp *result) {
				if bytes.HasSuffix(resp.Stdout, []byte("line")) {
					resp.Stdout = append(resp.Stdout, '\n')
				}
			})),

		fault.New("takes exit codes for errors", "git.exit-code/non-zero", "a result",
			refusing(osError, func(_ *request, r *result) bool { return r.ExitCode != 0 }),
			"git.exit-code/status-of-no-repository", "git.exit-code/with-stdout"),
		fault.New("drops stderr", "git.exit-code/non-zero", "git's complaint on stderr",
			after(func(_ *request, r *result) { r.Stderr = nil }), "git.exit-code/status-of-no-repository"),
		fault.New("drops the output of failures", "git.exit-code/with-stdout", "as stdout",
			after(func(_ *request, r *result) {
				if r.ExitCode != 0 {
					r.Stdout = nil
				}
			})),
		fault.New("has an error for a failed status", "git.exit-code/status-of-no-repository", "a result",
			refusing(notFound, func(r *request, resp *result) bool {
				return r.Op == opStatus && resp.ExitCode != 0
			})),
		fault.New("goes up to the top", "git.cwd/resolved", "as prefix in a subdirectory",
			before(opRaw, func(r *request) { r.Cwd = strings.TrimSuffix(r.Cwd, "/sub") })),
		fault.New("strips parents", "git.cwd/resolved", "as prefix in a parent of another repository",
			before(opRaw, func(r *request) { r.Cwd = strings.TrimSuffix(r.Cwd, "/..") })),
		fault.New("runs elsewhere without a directory", "git.cwd/empty-is-the-root", "exit code 0",
			before(opRaw, func(r *request) {
				if r.Cwd == "" {
					r.Cwd = "/"
				}
			})),
		fault.New("leaves a missing directory to git", "git.cwd/missing", "a result of git",
			excusing(&result{ExitCode: 128})),
		fault.New("has an exit code for a missing git", "git.missing/refused", "a result of git",
			excusing(&result{ExitCode: 127})),
		fault.New("has one error for all", "git.missing/refused", "got the error OS", fault.Recode(notFound, osError)),
		fault.New("drops the headers of a status", "git.argv/status", "what git prints for status",
			after(func(_ *request, r *result) {
				for bytes.HasPrefix(r.Stdout, []byte("# ")) {
					_, r.Stdout, _ = bytes.Cut(r.Stdout, []byte("\n"))
				}
			}), "git.argv/status-with-args"),
		fault.New("unquotes messages", "git.argv/commit", "as subject of the commit",
			before(opCommit, func(r *request) {
				for i := range r.Args {
					r.Args[i] = strings.ReplaceAll(r.Args[i], `"`, "")
				}
			})),
		fault.New("makes branches under another name", "git.argv/branch", "as branches",
			before(opBranch, func(r *request) { r.Args = append(r.Args[:len(r.Args)-1:len(r.Args)-1], "of-the-agent") })),
		fault.New("checks out no branch", "git.argv/checkout", "as current branch",
			before(opCheckout, func(r *request) { r.Args = append([]string{"--detach"}, r.Args...) })),

		fault.New("knows one exit code", "git.exit-code/non-zero", "the exit code 128",
			after(func(_ *request, r *result) { r.ExitCode = min(r.ExitCode, 1) }), "git.exit-code/status-of-no-repository"),
		fault.New("takes a difference for success", "git.exit-code/with-stdout", "the exit code 1",
			after(func(q *request, r *result) {
				if q.Op == opDiff {
					r.ExitCode = 0
				}
			})),
		fault.New("takes a broken repository for a good one", "git.exit-code/status-of-no-repository", "the exit code 128",
			after(func(q *request, r *result) {
				if q.Op == opStatus {
					r.ExitCode = 0
				}
			})),
		fault.New("drops the stderr of a failed status", "git.exit-code/status-of-no-repository", "git's complaint on stderr",
			after(func(q *request, r *result) {
				if q.Op == opStatus {
					r.Stderr = nil
				}
			})),
	}
}
