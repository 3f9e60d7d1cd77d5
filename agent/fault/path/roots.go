package path

import (
	"os"
	"path"

	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func roots() []fault.Mutant {
	away := elsewhere(os.TempDir())
	return []fault.Mutant{
		fault.New("has another root for commands", "path.empty/exec-cwd", "elsewhere", commands(away)),
		fault.New("has another root for files", "path.empty/listed-and-statted", "another list",
			files(func(p string) string {
				if p == "" {
					return "/"
				}
				return p
			})),
		fault.New("has another root for git", "path.empty/git-cwd", "nothing there", git(away)),
		fault.New("takes a relative cwd for absolute", "path.relative/exec-cwd", "NOT_FOUND",
			commands(func(p string) string { return path.Join("/", p) })),
		fault.New("moves to another root", "path.relative/file-operations", "NOT_FOUND",
			fault.Before(func(req *agentv1.ControlRequest) {
				if r := req.GetFsMove(); r != nil {
					r.From = away(r.From)
				}
			})),
		fault.New("takes git's relative cwd from another root", "path.relative/git-cwd", "NOT_FOUND", git(away)),
		fault.New("joins an absolute cwd onto the root", "path.absolute/exec-cwd", "the working directory", commands(belowRoot),
			"path.absolute/file-operations", "path.absolute/git-cwd"),
		fault.New("joins an absolute path onto the root", "path.absolute/file-operations", "NOT_FOUND", files(belowRoot)),
		fault.New("takes the root for a file", "path.empty/listed-and-statted", "the kind of the empty path",
			kinds(func(p string, _ agentv1.FsEntryKind) bool { return p == "" }, kindFile)),
		fault.New("takes / for a file", "path.absolute/file-operations", "the kind of /",
			kinds(func(p string, _ agentv1.FsEntryKind) bool { return p == "/" }, kindFile)),
		fault.New("cannot run git without a cwd", "path.empty/git-cwd", "nothing there",
			gitFails(func(cwd string) bool { return cwd == "" })),
		fault.New("cannot run git in an absolute cwd", "path.absolute/git-cwd", "nothing there", gitFails(path.IsAbs)),
		fault.New("runs in the root instead of a directory in it", "path.relative/exec-cwd", "one elsewhere",
			commands(func(p string) string {
				if path.IsAbs(p) {
					return p
				}
				return ""
			})),
		fault.New("runs in the root instead of an absolute cwd", "path.absolute/exec-cwd", "one elsewhere",
			commands(func(p string) string {
				if path.IsAbs(p) && p != "/" {
					return ""
				}
				return p
			}), "path.absolute/*"),
		fault.New("joins git's absolute cwd onto the root", "path.absolute/git-cwd", "NOT_FOUND", git(belowRoot)),
	}
}
