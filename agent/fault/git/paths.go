package git

import (
	"slices"
	"strings"

	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func paths() []fault.Mutant {
	return []fault.Mutant{
		fault.New("lists the first fifty", "git.status.path/one-entry-each", "the paths",
			onStatus(func(s *agentv1.GitStatus) { s.Files = s.Files[:min(len(s.Files), 50)] })),
		fault.New("lists each side", "git.status.path/one-entry-each", "the paths",
			onStatus(func(s *agentv1.GitStatus) {
				for _, f := range s.Files {
					if f.Staged && f.Code[1] != '.' {
						s.Files = append(s.Files, f)
					}
				}
			})),
		fault.New("tidies paths", "git.status.path/in-a-subdirectory", "the paths",
			onFiles(func(f *agentv1.GitFileStatus) { f.Path = strings.TrimPrefix(f.Path, "../") })),
		fault.New("splits lines at blanks", "git.status.path-odd/changed", "the paths", onFiles(lastWord),
			"git.status.path-odd/quotes-among-control-characters", "git.status.path-odd/untracked"),
		fault.New("trims paths", "git.status.path-odd/changed", "the paths",
			onFiles(func(f *agentv1.GitFileStatus) { f.Path = strings.TrimSpace(f.Path) }), "git.status.path-odd/untracked"),
		fault.New("leaves paths quoted", "git.status.path-odd/untracked", "the paths",
			onFiles(func(f *agentv1.GitFileStatus) {
				if strings.Contains(f.Path, `"`) {
					f.Path = `"` + strings.ReplaceAll(f.Path, `"`, `\"`) + `"`
				}
			}), "git.status.path-odd/changed", "git.status.path-odd/quotes-among-control-characters"),
		fault.New("leaves escapes of control characters", "git.status.path-odd/quotes-among-control-characters", "the paths",
			onFiles(func(f *agentv1.GitFileStatus) { f.Path = strings.ReplaceAll(f.Path, "\t", `\t`) })),
		fault.New("undoes escapes twice", "git.status.path-odd/quotes-among-control-characters", "the paths",
			onFiles(func(f *agentv1.GitFileStatus) { f.Path = strings.ReplaceAll(f.Path, `\n`, "\n") })),
		fault.New("lists both paths in one", "git.status.rename/new-path", "the paths",
			onFiles(func(f *agentv1.GitFileStatus) {
				if f.Code[0] == 'R' {
					f.Path = "old -> " + f.Path
				}
			}), "git.status.rename/changed-afterwards", "git.status.rename/odd-names"),
		fault.New("splits renames at blanks", "git.status.rename/odd-names", "the paths",
			onFiles(func(f *agentv1.GitFileStatus) {
				if f.Code[0] == 'R' {
					lastWord(f)
				}
			})),
		fault.New("does not know renames that were changed", "git.status.rename/changed-afterwards", "the paths",
			keeping(func(f *agentv1.GitFileStatus) bool { return f.Code != "RM" })),
		fault.New("calls a rename a change", "git.status.code/rename", "the files",
			onFiles(func(f *agentv1.GitFileStatus) { f.Code = strings.Replace(f.Code, "R", "M", 1) })),
		fault.New("calls no rename staged", "git.status.code/rename", "the files",
			onFiles(func(f *agentv1.GitFileStatus) { f.Staged = f.Staged && f.Code[0] != 'R' })),
		fault.New("does not know unmerged paths", "git.status.conflict/listed", "the paths",
			keeping(func(f *agentv1.GitFileStatus) bool { return !strings.Contains(f.Code, "U") }), "git.status.conflict/odd-names"),
		fault.New("does not know paths that both added", "git.status.conflict/listed", "the paths",
			keeping(func(f *agentv1.GitFileStatus) bool { return f.Code != "AA" }), "git.status.conflict/odd-names"),
		fault.New("splits conflicts at blanks", "git.status.conflict/odd-names", "the paths",
			onFiles(func(f *agentv1.GitFileStatus) {
				if strings.Contains(f.Code, "U") {
					lastWord(f)
				}
			})),
		fault.New("calls a tree in a merge clean", "git.status.clean/nothing-but-a-conflict", "clean with nothing but",
			onStatus(func(s *agentv1.GitStatus) {
				s.Clean = s.Clean || slices.ContainsFunc(s.Files, func(f *agentv1.GitFileStatus) bool { return strings.Contains(f.Code, "U") })
			})),
	}
}
