package path

import (
	"path"
	"strings"

	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func slashes() []fault.Mutant {
	return []fault.Mutant{
		fault.New("drops the slash after a file", "path.trailing-slash/after-a-file", "a result", all(unslashed),
			"path.trailing-slash/after-a-link", "path.trailing-slash/no-file-made"),
		fault.New("drops the slash after a link", "path.trailing-slash/after-a-link", "the kind of link/", all(unslashed),
			"path.trailing-slash/after-a-file", "path.trailing-slash/no-file-made"),
		fault.New("makes a file for a name with a slash", "path.trailing-slash/no-file-made", "a result", all(unslashed),
			"path.trailing-slash/after-a-file", "path.trailing-slash/after-a-link"),
		fault.New("writes to a file with a slash, and refuses", "path.trailing-slash/after-a-file", "the content of the file",
			fault.Late(writes(func(p string) string { return strings.ReplaceAll(p, "/file/", "/file") }))),
		fault.New("makes a file for a name with a slash, and refuses", "path.trailing-slash/no-file-made", "one that exists",
			fault.Late(writes(func(p string) string { return strings.ReplaceAll(p, "/new/", "/new") }))),
		fault.New("calls a new name with a slash missing", "path.trailing-slash/no-file-made", "the error's code",
			fault.Refuse(notFound, func(r *agentv1.ControlRequest) bool {
				return strings.HasSuffix(r.GetFsWrite().GetPath(), "/new/")
			})),
		fault.New("goes up from a cwd with a slash", "path.trailing-slash/exec-cwd", "one elsewhere",
			commands(func(p string) string {
				if strings.HasSuffix(p, "/") && p != "/" {
					return path.Dir(path.Clean(p))
				}
				return p
			}), "path.trailing-slash/after-a-file"),
		fault.New("makes the destination of a move with a slash", "path.trailing-slash/file-operations", "a directory that was made and moved",
			fault.Instead(func(do fault.Operate, q *agentv1.FsMoveRequest) *agentv1.ControlResponse {
				if !strings.HasSuffix(q.From, "/new/") {
					return nil
				}
				do(&agentv1.FsMkdirRequest{Path: q.To})
				return fault.Result(&agentv1.FsMoveResponse{})
			})),
		fault.New("removes nothing that has a slash", "path.trailing-slash/file-operations", "one that is there",
			fault.Instead(func(_ fault.Operate, q *agentv1.FsRemoveRequest) *agentv1.ControlResponse {
				if !strings.HasSuffix(q.Path, "/newer/") {
					return nil
				}
				return fault.Result(&agentv1.FsRemoveResponse{})
			})),
		fault.New("reads nothing behind two slashes", "path.trailing-slash/file-operations", "the content of the file that the path means",
			fault.Results(func(q *agentv1.FsReadRequest, r *agentv1.FsReadResponse) {
				if strings.Contains(q.Path, "//") {
					r.Content = nil
				}
			})),
		fault.New("sees nothing behind two slashes", "path.trailing-slash/file-operations", "the stat of the file that the path means",
			stats(func(p string) string { return strings.ReplaceAll(p, "//", "/-/") })),
		fault.New("lists nothing that has a slash", "path.trailing-slash/file-operations", "a list of the directory that the path means",
			fault.Results(func(q *agentv1.FsListRequest, r *agentv1.FsListResponse) {
				if strings.HasSuffix(q.Path, "/") {
					r.Entries = nil
				}
			})),
		fault.New("writes another name behind two slashes", "path.trailing-slash/file-operations", "the effect of fs_write",
			writes(func(p string) string { return strings.ReplaceAll(p, "//", "/.") })),
		fault.New("encodes the slash of a cwd", "path.trailing-slash/exec-cwd", "NOT_FOUND",
			commands(func(p string) string { return strings.ReplaceAll(p, "cwd/", "cwd%2f") })),
		fault.New("encodes the slash of a path", "path.trailing-slash/file-operations", "NOT_FOUND",
			files(func(p string) string { return strings.ReplaceAll(p, "operations//", "operations%2f") })),
	}
}
