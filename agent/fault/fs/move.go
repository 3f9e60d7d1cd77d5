package fs

import (
	"path"

	"agentproof/agent"
	"agentproof/agent/fault"
)

// copying moves the content only.
func copying(keepSource bool) agent.Middleware {
	return instead(func(do operate, q *moves) *response {
		read := do(&reads{Path: q.From})
		if read.GetError() != nil {
			return read
		}
		do(&writes{Path: q.To, Content: read.GetFsRead().GetContent()})
		if !keepSource {
			do.remove(q.From)
		}
		return moved()
	})
}

// clearing removes the destination of an overwrite before it moves.
func clearing() agent.Middleware {
	return instead(func(do operate, q *moves) *response {
		if q.Overwrite {
			do.remove(q.To)
		}
		return nil
	})
}

// across tells a move to the other device, which the cases call there.
func across(q *moves) bool { return path.Base(path.Dir(q.To)) == "there" }

func moveMutants() []fault.Mutant {
	return []fault.Mutant{
		fault.New("copies what it is to move", "fs.move.rename/file", "nothing called old name", copying(true),
			"fs.move.rename/directory", "fs.move.rename/symlink-itself"),
		fault.New("leaves hidden files behind", "fs.move.rename/directory", "a file called new/.hidden",
			instead(func(do operate, q *moves) *response {
				do.remove(q.From + "/.hidden")
				return nil
			})),
		fault.New("moves what a link leads to", "fs.move.rename/symlink-itself", "a symlink called moved",
			instead(func(do operate, q *moves) *response {
				if do(&reads{Path: q.From}).GetError() != nil {
					return nil
				}
				do(&writes{Path: q.To, Content: do.read(q.From)})
				do.remove(q.From)
				return moved()
			})),
		fault.New("always overwrites", "fs.move.no-overwrite/nothing-changes", "a file onto a file",
			before(func(q *moves) { q.Overwrite = true }), "fs.move.no-overwrite/empty-directory"),
		fault.New("refuses too late", "fs.move.no-overwrite/nothing-changes", "the content of existing",
			instead(func(do operate, q *moves) *response {
				if resp := do(q); resp.GetError() == nil || path.Base(q.To) != "existing" {
					return resp
				}
				do(&writes{Path: q.To})
				return failure(osError)
			})),
		fault.New("leaves it to rename", "fs.move.no-overwrite/empty-directory", "a directory onto an empty directory",
			instead(func(do operate, q *moves) *response {
				q.Overwrite = q.Overwrite || do.kind(q.To) == kindDirectory
				return nil
			})),
		fault.New("moves files into directories", "fs.move.no-overwrite/empty-directory", "a file onto an empty directory",
			instead(func(do operate, q *moves) *response {
				if do.kind(q.To) == kindDirectory && do.kind(q.From) == kindFile {
					q.To = path.Join(q.To, path.Base(q.From))
				}
				return nil
			})),
		fault.New("never overwrites", "fs.move.overwrite/file", "got the error OS",
			before(func(q *moves) { q.Overwrite = false }), "fs.move.overwrite/empty-directory", "fs.move.overwrite/symlink"),
		fault.New("writes through links", "fs.move.overwrite/symlink", "a file called link", copying(false), "fs.move.overwrite/empty-directory"),
		fault.New("moves into directories", "fs.move.overwrite/empty-directory", "a file called empty/file",
			instead(func(do operate, q *moves) *response {
				if do.kind(q.To) == kindDirectory {
					q.To = path.Join(q.To, path.Base(q.From))
				}
				return nil
			})),
		fault.New("wants something to overwrite", "fs.move.overwrite/nothing-there", "NOT_FOUND",
			instead(func(do operate, q *moves) *response {
				if !q.Overwrite || do.kind(q.To) != 0 {
					return nil
				}
				return failure(notFound)
			})),
		fault.New("never says that a source is missing", "fs.move.missing-source/refused", "got the error OS", fault.Recode(notFound, osError)),
		fault.New("takes a missing source for moved", "fs.move.missing-source/refused", "got a result",
			excused(notFound, func(*moves) *response { return moved() }), "fs.move.missing-source/destination-survives"),
		fault.New("clears the way for nothing", "fs.move.missing-source/destination-survives", "a file called existing", clearing()),
		fault.New("clears the way first", "fs.move.onto-full-directory/refused", "a directory onto a full one with overwrite", clearing()),
		fault.New("knows rename only", "fs.move.across-devices/file", "got the error OS",
			instead(func(_ operate, q *moves) *response {
				if !across(q) {
					return nil
				}
				return failure(osError)
			}), "fs.move.across-devices/*"),
		fault.New("leaves the source", "fs.move.across-devices/file", "nothing called file", copying(true), "fs.move.across-devices/*"),
		fault.New("copies without the mode", "fs.move.across-devices/file", "0751", copying(false), "fs.move.across-devices/*"),
		fault.New("copies no links", "fs.move.across-devices/directory", "a symlink called",
			instead(func(do operate, q *moves) *response {
				do.remove(q.From + "/link")
				return nil
			})),
		fault.New("copies what a link leads to", "fs.move.across-devices/symlink-itself", "a symlink called", copying(false),
			"fs.move.across-devices/*"),
		fault.New("overwrites on other devices", "fs.move.across-devices/no-overwrite", "got a result",
			before(func(q *moves) { q.Overwrite = q.Overwrite || across(q) })),
		fault.New("never overwrites on other devices", "fs.move.across-devices/overwrite", "got the error OS",
			before(func(q *moves) { q.Overwrite = q.Overwrite && !across(q) })),
		fault.New("overwrites with nothing", "fs.move.missing-source/destination-survives", "a success",
			excused(notFound, func(q *moves) *response {
				if q.Overwrite {
					return moved()
				}
				return failure(notFound)
			}), "fs.move.missing-source/refused"),
	}
}
