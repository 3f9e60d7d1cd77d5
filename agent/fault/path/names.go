package path

import (
	"path"
	"strconv"
	"strings"

	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func names() []fault.Mutant {
	return []fault.Mutant{
		mutant("trims names", "path.unicode/file-names", "\"trailing \" is missing",
			files(func(p string) string { return strings.TrimRight(p, " ") }), "path.unicode/file-operations"),
		mutant("quotes names", "path.unicode/file-names", "is missing",
			files(func(p string) string { return strings.ReplaceAll(p, `"`, `\"`) }), "path.unicode/file-operations"),
		mutant("quotes paths in lists", "path.unicode/file-names", "an entry's path",
			fault.Results(func(_ *agentv1.FsListRequest, r *agentv1.FsListResponse) {
				for _, e := range r.Entries {
					if strings.Contains(e.Path, `"`) {
						e.Path = strconv.Quote(e.Path)
					}
				}
			})),
		mutant("lists the directory in itself", "path.unicode/file-names", "the number of the names in the list",
			fault.Results(func(_ *agentv1.FsListRequest, r *agentv1.FsListResponse) {
				r.Entries = append(r.Entries, &agentv1.FsEntry{Name: ".", Path: ".", Kind: kindDirectory})
			})),
		mutant("reads nothing from names beyond ASCII", "path.unicode/file-names", "the content of the file with that name",
			fault.Results(func(q *agentv1.FsReadRequest, r *agentv1.FsReadResponse) {
				if strings.ContainsRune(q.Path, '日') {
					r.Content = nil
				}
			}), "path.unicode/file-operations"),
		mutant("goes up from a cwd with a line end", "path.unicode/exec-cwd", "one elsewhere",
			commands(func(p string) string {
				if strings.Contains(p, "\n") {
					return path.Dir(p)
				}
				return p
			})),
		mutant("cuts names at a line end", "path.unicode/file-operations", "NOT_FOUND", files(cutAt("\n")), "path.unicode/file-names"),
		mutant("cuts a cwd at a line end", "path.unicode/exec-cwd", "NOT_FOUND", commands(cutAt("\n"))),
		mutant("cuts git's cwd at a line end", "path.unicode/git-cwd", "NOT_FOUND", git(cutAt("\n"))),
		mutant("cuts a cwd at a NUL byte", "path.nul/exec-cwd", "a result", commands(cutAt("\x00"))),
		mutant("cuts git's cwd at a NUL byte", "path.nul/git-cwd", "a result", git(cutAt("\x00"))),
		mutant("writes to a path up to a NUL byte, and refuses", "path.nul/file-operations", "the file that the path names",
			fault.Late(writes(cutAt("\x00")))),
		mutant("makes a directory up to a NUL byte, and refuses", "path.nul/file-operations", "nothing made under a part of the path",
			fault.Late(mkdirs(cutAt("\x00")))),
		mutant("cuts paths at a NUL byte", "path.nul/file-operations", "a result", files(cutAt("\x00"))),
	}
}
