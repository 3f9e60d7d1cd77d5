package fs

import (
	"path"
	"strings"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func modeMutants() []fault.Mutant {
	return []fault.Mutant{
		fault.New("ignores the mode", "fs.write.creation-mode/under-the-umask", "0600",
			before(func(q *writes) { q.Mode = 0 }), "fs.write.creation-mode/append-creates"),
		fault.New("ignores the mode of an append", "fs.write.creation-mode/append-creates", "an append creates",
			before(func(q *writes) {
				if q.Append {
					q.Mode = 0
				}
			})),
		fault.New("sets the mode of every file", "fs.write.creation-mode/new-files-only", "was there before",
			instead(func(do operate, q *writes) *response {
				if q.Mode != 0 {
					do(&agentv1.ExecRequest{Command: []string{"/bin/chmod", "777", path.Base(q.Path)}, Cwd: path.Dir(q.Path)})
				}
				return nil
			})),
		fault.New("writes a file with a new mode", "fs.write.keeps-mode/of-an-existing-file", "with 0755 that was written", replacing()),
		fault.New("replaces links", "fs.write.through-symlink/target-changes", "the content of sub/real", replacing(),
			"fs.write.through-symlink/*"),
		fault.New("replaces links when told to append", "fs.write.through-symlink/append", "the content of real", replacing(),
			"fs.write.through-symlink/*"),
		fault.New("replaces links to nowhere", "fs.write.through-symlink/dangling", "a file called later", replacing(),
			"fs.write.through-symlink/*"),
		fault.New("refuses dangling links", "fs.write.through-symlink/dangling", "NOT_FOUND",
			instead(func(do operate, q *writes) *response {
				if do.kind(q.Path) != kindSymlink || do(&reads{Path: q.Path}).GetError() == nil {
					return nil
				}
				return failure(notFound)
			})),
		fault.New("parts hard links", "fs.write.through-symlink/hard-links", "the content of real", replacing(), "fs.write.through-symlink/*"),
		// The owner can only change where the agent runs as root.
		fault.New("writes a file with a new owner", "fs.write.through-symlink/owner", "the owner that the file had", replacing(),
			"fs.write.through-symlink/*"),

		fault.New("makes nothing", "fs.mkdir.plain/one-directory", "a directory called new",
			instead(func(_ operate, q *mkdirs) *response {
				if q.Parents {
					return nil
				}
				return made()
			})),
		fault.New("makes no parents of directories", "fs.mkdir.parents/created", "NOT_FOUND",
			before(func(q *mkdirs) { q.Parents = q.Parents && !strings.Contains(q.Path, "/one/") })),
		fault.New("refuses what exists", "fs.mkdir.parents/existing-is-fine", "got the error OS",
			instead(func(do operate, q *mkdirs) *response {
				if path.Base(q.Path) != "full" || do.kind(q.Path) == 0 {
					return nil
				}
				return failure(osError)
			})),
		fault.New("takes a file for a directory", "fs.mkdir.parents/existing-file-is-not", "a file in the directory's place",
			excused(osError, func(*mkdirs) *response { return made() })),
		fault.New("is content with what exists", "fs.mkdir.exists/refused", "a mkdir of full; got a result",
			before(func(q *mkdirs) { q.Parents = true })),
		fault.New("always makes a directory's parents", "fs.mkdir.missing-parent/refused", "one missing parent; got a result",
			before(func(q *mkdirs) { q.Parents = true })),
		fault.New("keeps to a umask", "fs.mkdir.mode-chmod/whatever-the-umask", "0775",
			before(func(q *mkdirs) { q.Mode &^= 0o022 }), "fs.mkdir.mode-chmod/leaf-of-new-parents", "fs.mkdir.mode-chmod/sticky"),
		fault.New("ignores the mode with parents", "fs.mkdir.mode-chmod/leaf-of-new-parents", "0500",
			before(func(q *mkdirs) {
				if q.Parents {
					q.Mode = 0
				}
			})),
		fault.New("sets nine bits", "fs.mkdir.mode-chmod/sticky", "01777",
			before(func(q *mkdirs) { q.Mode &= 0o777 })),
		fault.New("makes links that it writes through absolute", "fs.write.through-symlink/append", "the target of the symlink",
			withShell(func(kind agentv1.FsEntryKind) bool { return kind == kindSymlink }, `ln -sfn "$(readlink -f "$1")" "$1"`),
			"fs.write.through-symlink/target-changes"),
		fault.New("keeps a backup as a hard link", "fs.write.through-symlink/hard-links", "the number of names of the file",
			withShell(func(kind agentv1.FsEntryKind) bool { return kind == kindFile }, `ln -f "$1" "$1~"`)),
		fault.New("writes a file with a new group", "fs.write.through-symlink/owner", "the group that the file had",
			withShell(func(kind agentv1.FsEntryKind) bool { return kind == kindFile }, `chgrp 31415 "$1"`)),
	}
}

// withShell runs a script on what was written, if its kind matches. The script
// is run in the file's directory, and its first argument is the file's name.
func withShell(match func(agentv1.FsEntryKind) bool, script string) agent.Middleware {
	return instead(func(do operate, q *writes) *response {
		resp := do(q)
		if match(do.kind(q.Path)) {
			do(&agentv1.ExecRequest{Command: []string{"/bin/sh", "-c", script, "sh", path.Base(q.Path)}, Cwd: path.Dir(q.Path)})
		}
		return resp
	})
}
