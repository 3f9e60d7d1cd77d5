package fs_test

import (
	"os"
	"path"
	"strings"
	"testing"

	"agentproof/agent"
	"agentproof/internal/trial"
	cases "agentproof/suite/cases/fs"
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

func TestCasesNoticeWrongMoves(t *testing.T) {
	t.Parallel()
	trial.Noticed(t, cases.Cases(), []trial.Mutant{
		mutant("fs.move.rename/file", "copies", "nothing called old name", copying(true)),
		mutant("fs.move.rename/directory", "leaves hidden files behind", "a file called new/.hidden",
			instead(func(do operate, q *moves) *response {
				do.remove(q.From + "/.hidden")
				return nil
			})),
		mutant("fs.move.rename/symlink-itself", "moves what a link leads to", "a symlink called moved",
			instead(func(do operate, q *moves) *response {
				if do(&reads{Path: q.From}).GetError() != nil {
					return nil
				}
				do(&writes{Path: q.To, Content: do.read(q.From)})
				do.remove(q.From)
				return moved()
			})),
		mutant("fs.move.no-overwrite/nothing-changes", "always overwrites", "a file onto a file",
			before(func(q *moves) { q.Overwrite = true })),
		mutant("fs.move.no-overwrite/nothing-changes", "refuses too late", "the content of existing",
			instead(func(do operate, q *moves) *response {
				if resp := do(q); resp.GetError() == nil || path.Base(q.To) != "existing" {
					return resp
				}
				do(&writes{Path: q.To})
				return failure(osError)
			})),
		mutant("fs.move.no-overwrite/empty-directory", "leaves it to rename", "a directory onto an empty directory",
			instead(func(do operate, q *moves) *response {
				q.Overwrite = q.Overwrite || do.kind(q.To) == kindDirectory
				return nil
			})),
		mutant("fs.move.no-overwrite/empty-directory", "moves into directories", "a file onto an empty directory",
			instead(func(do operate, q *moves) *response {
				if do.kind(q.To) == kindDirectory && do.kind(q.From) == kindFile {
					q.To = path.Join(q.To, path.Base(q.From))
				}
				return nil
			})),
		mutant("fs.move.overwrite/file", "never overwrites", "got the error OS",
			before(func(q *moves) { q.Overwrite = false })),
		mutant("fs.move.overwrite/symlink", "writes through links", "a file called link", copying(false)),
		mutant("fs.move.overwrite/empty-directory", "moves into directories", "a file called empty/file",
			instead(func(do operate, q *moves) *response {
				if do.kind(q.To) == kindDirectory {
					q.To = path.Join(q.To, path.Base(q.From))
				}
				return nil
			})),
		mutant("fs.move.overwrite/nothing-there", "wants something to overwrite", "NOT_FOUND",
			instead(func(do operate, q *moves) *response {
				if !q.Overwrite || do.kind(q.To) != 0 {
					return nil
				}
				return failure(notFound)
			})),
		mutant("fs.move.missing-source/refused", "has one error for all", "got the error OS", trial.Recode(notFound, osError)),
		mutant("fs.move.missing-source/refused", "takes a missing source for moved", "got a result",
			excused(notFound, func(*moves) *response { return moved() })),
		mutant("fs.move.missing-source/destination-survives", "clears the way first", "a file called existing", clearing()),
		mutant("fs.move.onto-full-directory/refused", "clears the way first", "a directory onto a full one with overwrite", clearing()),
		mutant("fs.move.across-devices/file", "knows rename only", "got the error OS",
			instead(func(_ operate, q *moves) *response {
				if !across(q) {
					return nil
				}
				return failure(osError)
			})),
		mutant("fs.move.across-devices/file", "leaves the source", "nothing called file", copying(true)),
		mutant("fs.move.across-devices/file", "copies without the mode", "0751", copying(false)),
		mutant("fs.move.across-devices/directory", "copies no links", "a symlink called",
			instead(func(do operate, q *moves) *response {
				do.remove(q.From + "/link")
				return nil
			})),
		mutant("fs.move.across-devices/symlink-itself", "copies what a link leads to", "a symlink called", copying(false)),
		mutant("fs.move.across-devices/no-overwrite", "overwrites on other devices", "got a result",
			before(func(q *moves) { q.Overwrite = q.Overwrite || across(q) })),
		mutant("fs.move.across-devices/overwrite", "never overwrites on other devices", "got the error OS",
			before(func(q *moves) { q.Overwrite = q.Overwrite && !across(q) })),
	})
}

func TestCasesNoticeWrongRemoves(t *testing.T) {
	t.Parallel()
	trial.Noticed(t, cases.Cases(), []trial.Mutant{
		mutant("fs.remove.file/only-that-one", "expands globs", "stays",
			instead(func(do operate, q *removes) *response {
				if path.Base(q.Path) != "*" {
					return nil
				}
				for _, e := range do.list(path.Dir(q.Path), false) {
					do.remove(path.Join(path.Dir(q.Path), e.Path))
				}
				return removed()
			})),
		mutant("fs.remove.file/only-that-one", "reports success and removes nothing", "nothing called plain",
			instead(func(_ operate, q *removes) *response {
				if q.Recursive {
					return nil
				}
				return removed()
			})),
		mutant("fs.remove.file/read-only", "wants a file to be writable", "got the error OS",
			instead(func(do operate, q *removes) *response {
				if do(&stats{Path: q.Path}).GetFsStat().GetEntry().GetMode()&0o200 != 0 {
					return nil
				}
				return failure(osError)
			})),
		mutant("fs.remove.missing/refused", "is content with a missing tree", "a missing tree; got a result",
			excused(notFound, func(q *removes) *response {
				if q.Recursive {
					return removed()
				}
				return failure(notFound)
			})),
		mutant("fs.remove.full-directory/refused", "always descends", "a directory with a hidden file; got a result",
			before(func(q *removes) { q.Recursive = true })),
		mutant("fs.remove.recursive/whole-tree", "never descends", "got the error OS",
			before(func(q *removes) { q.Recursive = false })),
		mutant("fs.remove.recursive/many-files", "stops after a thousand", "nothing called many",
			instead(func(do operate, q *removes) *response {
				if path.Base(q.Path) != "many" {
					return nil
				}
				for _, e := range do.list(q.Path, false)[:1000] {
					do.remove(path.Join(q.Path, e.Path))
				}
				return removed()
			})),
		mutant("fs.remove.symlink-itself/target-stays", "empties what a link leads to", "a file called full/file",
			instead(func(do operate, q *removes) *response {
				if q.Recursive && do.kind(q.Path) == kindSymlink {
					for _, e := range do.list(q.Path, false) {
						do.remove(q.Path + "/" + e.Path)
					}
				}
				return nil
			})),
		mutant("fs.remove.symlinks-inside/never-followed", "follows links on the way", "outside/file",
			instead(func(do operate, q *removes) *response {
				if !strings.HasSuffix(q.Path, "/tree") {
					return nil
				}
				for _, e := range do.list(q.Path, true) {
					if e.Kind == kindSymlink && path.Base(e.Path) != "loop" {
						for _, target := range do.list(q.Path+"/"+e.Path, false) {
							do.remove(q.Path + "/" + e.Path + "/" + target.Path)
						}
					}
				}
				return nil
			})),
		mutant("fs.remove.root/refused", "removes everything for an empty path", "a remove of an empty path; got a result",
			instead(func(do operate, q *removes) *response {
				if q.Path != "" {
					return nil
				}
				for _, e := range do.list("", false) {
					do.remove(e.Path)
				}
				return removed()
			})),
	})
}

// The owner of a file can only change where the agent runs as root.
func TestCasesNoticeAFileOfAnotherOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only the superuser gives files away")
	}
	trial.Noticed(t, cases.Cases(), []trial.Mutant{
		mutant("fs.write.through-symlink/owner", "writes a new file", "the owner that the file had", replacing()),
	})
}
