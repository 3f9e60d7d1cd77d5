package fs

import (
	"path"
	"strings"

	"agentproof/agent/fault"
)

func removeMutants() []fault.Mutant {
	return []fault.Mutant{
		fault.New("expands globs", "fs.remove.file/only-that-one", "stays",
			instead(func(do operate, q *removes) *response {
				if path.Base(q.Path) != "*" {
					return nil
				}
				for _, e := range do.list(path.Dir(q.Path), false) {
					do.remove(path.Join(path.Dir(q.Path), e.Path))
				}
				return removed()
			})),
		fault.New("reports success and removes nothing", "fs.remove.file/only-that-one", "nothing called plain",
			instead(func(_ operate, q *removes) *response {
				if q.Recursive {
					return nil
				}
				return removed()
			}), "fs.remove.file/read-only"),
		fault.New("wants a file to be writable", "fs.remove.file/read-only", "got the error OS",
			instead(func(do operate, q *removes) *response {
				if do(&stats{Path: q.Path}).GetFsStat().GetEntry().GetMode()&0o200 != 0 {
					return nil
				}
				return failure(osError)
			})),
		fault.New("is content with a missing tree", "fs.remove.missing/refused", "a missing tree; got a result",
			excused(notFound, func(q *removes) *response {
				if q.Recursive {
					return removed()
				}
				return failure(notFound)
			})),
		fault.New("always removes whole trees", "fs.remove.full-directory/refused", "a directory with a hidden file; got a result",
			before(func(q *removes) { q.Recursive = true })),
		fault.New("never removes trees", "fs.remove.recursive/whole-tree", "got the error OS",
			before(func(q *removes) { q.Recursive = false }), "fs.remove.recursive/many-files"),
		fault.New("stops after a thousand", "fs.remove.recursive/many-files", "nothing called many",
			instead(func(do operate, q *removes) *response {
				if path.Base(q.Path) != "many" {
					return nil
				}
				for _, e := range do.list(q.Path, false)[:1000] {
					do.remove(path.Join(q.Path, e.Path))
				}
				return removed()
			})),
		fault.New("empties what a link leads to", "fs.remove.symlink-itself/target-stays", "a file called full/file",
			instead(func(do operate, q *removes) *response {
				if q.Recursive && do.kind(q.Path) == kindSymlink {
					for _, e := range do.list(q.Path, false) {
						do.remove(q.Path + "/" + e.Path)
					}
				}
				return nil
			})),
		fault.New("removes behind links on the way", "fs.remove.symlinks-inside/never-followed", "outside/file",
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
		fault.New("removes everything for an empty path", "fs.remove.root/refused", "a remove of an empty path; got a result",
			instead(func(do operate, q *removes) *response {
				if q.Path != "" {
					return nil
				}
				for _, e := range do.list("", false) {
					do.remove(e.Path)
				}
				return removed()
			})),
	}
}
