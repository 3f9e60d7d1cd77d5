package git

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func statuses() []fault.Mutant {
	staged := func(f *agentv1.GitFileStatus) bool { return !strings.ContainsAny(f.Code[:1], ".? ") }
	return []fault.Mutant{
		fault.New("gives every command a status", "git.status.present/only-for-status", "no status for RAW",
			after(func(_ *request, r *result) { r.Status = &agentv1.GitStatus{} }), "git.status.present/not-on-failure"),
		fault.New("gives no status", "git.status.present/only-for-status", "of a changed tree",
			after(func(_ *request, r *result) { r.Status = nil })),
		fault.New("gives failures a status", "git.status.present/not-on-failure", "no status where git fails",
			after(func(r *request, resp *result) {
				if r.Op == opStatus && resp.Status == nil {
					resp.Status = &agentv1.GitStatus{Clean: true}
				}
			})),
		fault.New("cuts names at a slash", "git.status.branch/name", "the branch",
			onStatus(func(s *agentv1.GitStatus) { s.Branch = path.Base(s.Branch) })),
		fault.New("knows no branch without a commit", "git.status.branch/without-a-commit", "the branch",
			after(func(_ *request, r *result) {
				if bytes.Contains(r.Stdout, []byte("(initial)")) && r.Status != nil {
					r.Status.Branch = ""
				}
			})),
		fault.New("says HEAD", "git.status.branch/detached", `got "HEAD"`,
			onStatus(func(s *agentv1.GitStatus) { s.Branch = strings.Replace(s.Branch, "(detached)", "HEAD", 1) })),
		fault.New("guesses the upstream", "git.status.branch/no-upstream", "the upstream",
			onStatus(func(s *agentv1.GitStatus) { s.Upstream = "origin/" + s.Branch }),
			"git.status.branch/detached", "git.status.branch/without-a-commit"),
		fault.New("swaps the numbers", "git.status.branch/ahead-and-behind", "ahead",
			onStatus(func(s *agentv1.GitStatus) { s.Ahead, s.Behind = s.Behind, s.Ahead })),
		fault.New("keeps the sign", "git.status.branch/ahead-and-behind", "behind",
			onStatus(func(s *agentv1.GitStatus) { s.Behind = -s.Behind })),
		fault.New("forgets an upstream that is gone", "git.status.branch/upstream-gone", "the upstream",
			after(func(_ *request, r *result) {
				if r.Status != nil && !bytes.Contains(r.Stdout, []byte("# branch.ab")) {
					r.Status.Upstream = ""
				}
			})),

		fault.New("calls every change staged", "git.status.code/worktree", "the files",
			onFiles(func(f *agentv1.GitFileStatus) { f.Staged = true }), "git.status.code/*"),
		fault.New("calls no change staged", "git.status.code/index", "the files",
			onFiles(func(f *agentv1.GitFileStatus) { f.Staged = false }), "git.status.code/both-sides", "git.status.code/rename", "git.status.code/type-change"),
		fault.New("calls staged what has no other change", "git.status.code/both-sides", "the files",
			onFiles(func(f *agentv1.GitFileStatus) { f.Staged = staged(f) && f.Code[1] == '.' }), "git.status.code/rename"),
		fault.New("swaps the sides", "git.status.code/both-sides", "the files",
			onFiles(func(f *agentv1.GitFileStatus) { f.Code = f.Code[1:] + f.Code[:1] }), "git.status.code/*"),
		fault.New("writes one question mark", "git.status.code/untracked", "the files",
			onFiles(func(f *agentv1.GitFileStatus) { f.Code = strings.ReplaceAll(f.Code, "??", "?") })),
		fault.New("takes a question mark for a change", "git.status.code/untracked", "the files",
			onFiles(func(f *agentv1.GitFileStatus) { f.Staged = f.Code[0] != '.' })),
		fault.New("knows no type change", "git.status.code/type-change", "the files",
			onFiles(func(f *agentv1.GitFileStatus) { f.Code = strings.ReplaceAll(f.Code, "T", "M") })),
		fault.New("calls every addition staged", "git.status.code/intent-to-add", "the files",
			onFiles(func(f *agentv1.GitFileStatus) { f.Staged = strings.Contains(f.Code, "A") }), "git.status.code/*"),

		fault.New("is never clean", "git.status.clean/true", "clean in a new repository",
			onStatus(func(s *agentv1.GitStatus) { s.Clean = false })),
		fault.New("does not count untracked files", "git.status.clean/false", "clean with an untracked file",
			onStatus(func(s *agentv1.GitStatus) {
				s.Clean = !slices.ContainsFunc(s.Files, func(f *agentv1.GitFileStatus) bool { return f.Code != "??" })
			})),
		fault.New("counts the index only", "git.status.clean/false", "clean with a changed file",
			onStatus(func(s *agentv1.GitStatus) {
				s.Clean = !slices.ContainsFunc(s.Files, func(f *agentv1.GitFileStatus) bool { return f.Staged || f.Code == "??" })
			}), "git.status.clean/nothing-but-a-conflict"),
		fault.New("gives a wrong flag a status", "git.status.present/not-on-failure", "no status for a wrong flag",
			after(func(q *request, r *result) {
				if q.Op == opStatus && slices.Contains(q.Args, "--no-such-flag") {
					r.Status = &agentv1.GitStatus{}
				}
			})),
		fault.New("has no status for a clean tree", "git.status.present/only-for-status", "of a clean tree",
			after(func(_ *request, r *result) {
				if r.GetStatus().GetClean() {
					r.Status = nil
				}
			})),
		fault.New("lists a file in a clean tree", "git.status.clean/true", "files listed exactly when not clean",
			onStatus(func(s *agentv1.GitStatus) {
				if s.Clean {
					s.Files = append(s.Files, &agentv1.GitFileStatus{Path: ".gitignore", Code: ".M"})
				}
			})),
	}
}
