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
		fault.New("trims names", "path.unicode/file-names", "\"trailing \" is missing",
			files(func(p string) string { return strings.TrimRight(p, " ") }), "path.unicode/file-operations"),
		fault.New("quotes names", "path.unicode/file-names", "is missing",
			files(func(p string) string { return strings.ReplaceAll(p, `"`, `\"`) }), "path.unicode/file-operations"),
		fault.New("quotes paths in lists", "path.unicode/file-names", "an entry's path",
			fault.Results(func(_ *agentv1.FsListRequest, r *agentv1.FsListResponse) {
				for _, e := range r.Entries {
					if strings.Contains(e.Path, `"`) {
						e.Path = strconv.Quote(e.Path)
					}
				}
			})),
		fault.New("lists the directory in itself", "path.unicode/file-names", "the number of the names in the list",
			fault.Results(func(_ *agentv1.FsListRequest, r *agentv1.FsListResponse) {
				r.Entries = append(r.Entries, &agentv1.FsEntry{Name: ".", Path: ".", Kind: kindDirectory})
			})),
		fault.New("reads nothing from names beyond ASCII", "path.unicode/file-names", "the content of the file with that name",
			fault.Results(func(q *agentv1.FsReadRequest, r *agentv1.FsReadResponse) {
				if strings.ContainsRune(q.Path, '日') {
					r.Content = nil
				}
			}), "path.unicode/file-operations"),
		fault.New("goes up from a cwd with a line end", "path.unicode/exec-cwd", "one elsewhere",
			commands(func(p string) string {
				if strings.Contains(p, "\n") {
					return path.Dir(p)
				}
				return p
			})),
		fault.New("cuts names at a line end", "path.unicode/file-operations", "NOT_FOUND", files(cutAt("\n")), "path.unicode/file-names"),
		fault.New("cuts a cwd at a line end", "path.unicode/exec-cwd", "NOT_FOUND", commands(cutAt("\n"))),
		fault.New("cuts git's cwd at a line end", "path.unicode/git-cwd", "NOT_FOUND", git(cutAt("\n"))),
		fault.New("cuts a cwd at a NUL byte", "path.nul/exec-cwd", "a result", commands(cutAt("\x00"))),
		fault.New("cuts git's cwd at a NUL byte", "path.nul/git-cwd", "a result", git(cutAt("\x00"))),
		fault.New("writes to a path up to a NUL byte, and refuses", "path.nul/file-operations", "the file that the path names",
			fault.Late(writes(cutAt("\x00")))),
		fault.New("makes a directory up to a NUL byte, and refuses", "path.nul/file-operations", "nothing made under a part of the path",
			fault.Late(mkdirs(cutAt("\x00")))),
		fault.New("cuts paths at a NUL byte", "path.nul/file-operations", "a result", files(cutAt("\x00"))),
	}
}
