package fs_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"agentproof/agent"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	cases "agentproof/suite/cases/fs"
)

// keeping drops entries from lists.
func keeping(keep func(e *agentv1.FsEntry) bool) agent.Middleware {
	return after(func(_ *lists, r *agentv1.FsListResponse) {
		r.Entries = slices.DeleteFunc(r.Entries, func(e *agentv1.FsEntry) bool { return !keep(e) })
	})
}

// following lists what lies behind links as well.
func following() agent.Middleware {
	return instead(func(do operate, q *lists) *response {
		if !q.Recursive {
			return nil
		}
		all := do.list(q.Path, true)
		for _, link := range all {
			if link.Kind != kindSymlink {
				continue
			}
			for _, e := range do.list(q.Path+"/"+link.Path, false) {
				e.Path = link.Path + "/" + e.Path
				all = append(all, e)
			}
		}
		return listed(all...)
	})
}

// walking lists in two steps, and fails when something goes between them.
func walking(do operate, q *lists) *response {
	resp := do(&lists{Path: q.Path})
	entries := resp.GetFsList().GetEntries()
	for i, e := range slices.Clone(entries) {
		p := q.Path + "/" + e.Path
		if do.kind(p) == 0 {
			return failure(notFound)
		}
		if !q.Recursive || e.Kind != kindDirectory {
			continue
		}
		inner := walking(do, &lists{Path: p, Recursive: true})
		if inner.GetError() != nil {
			return inner
		}
		for _, below := range inner.GetFsList().GetEntries() {
			below.Path = entries[i].Path + "/" + below.Path
			entries = append(entries, below)
		}
	}
	if resp.GetError() != nil {
		return resp
	}
	return listed(entries...)
}

func TestCasesNoticeWrongLists(t *testing.T) {
	t.Parallel()
	type result = agentv1.FsListResponse
	trial.Noticed(t, cases.Cases(), []trial.Mutant{
		mutant("fs.list.shallow/direct-entries", "always descends", "the entries",
			before(func(q *lists) { q.Recursive = true })),
		mutant("fs.list.shallow/empty-directory", "takes an empty directory for missing", "NOT_FOUND",
			instead(func(do operate, q *lists) *response {
				if len(do.list(q.Path, false)) > 0 {
					return nil
				}
				return failure(notFound)
			})),
		mutant("fs.list.shallow/many-entries", "lists the first thousand", "the number of different entries",
			after(func(_ *lists, r *result) { r.Entries = r.Entries[:min(len(r.Entries), 1000)] })),
		mutant("fs.list.shallow/many-entries", "lists one twice", "file-001500 once",
			after(func(_ *lists, r *result) {
				for _, e := range r.Entries {
					if e.Name == "file-001500" {
						r.Entries = append(r.Entries, e)
						return
					}
				}
			})),
		mutant("fs.list.shallow/beside-an-undecodable-name", "skips names that are not UTF-8", "the number of entries",
			keeping(func(e *agentv1.FsEntry) bool { return !strings.Contains(e.Name, "\uFFFD") })),
		mutant("fs.list.hidden/listed", "hides dot files", "the entries",
			keeping(func(e *agentv1.FsEntry) bool { return !strings.HasPrefix(e.Name, ".") })),
		mutant("fs.list.hidden/listed", "lists the parent", `".."`,
			after(func(_ *lists, r *result) {
				r.Entries = append(r.Entries, &agentv1.FsEntry{Name: "..", Path: "..", Kind: kindDirectory})
			})),
		mutant("fs.list.relative-path/of-every-entry", "gives paths from the root", "with a relative path the paths",
			after(func(q *lists, r *result) {
				for _, e := range r.Entries {
					e.Path = path.Join(q.Path, e.Path)
				}
			})),
		mutant("fs.list.relative-path/of-every-entry", "gives names for paths", "the paths of a recursive list",
			after(func(_ *lists, r *result) {
				for _, e := range r.Entries {
					e.Path = e.Name
				}
			})),
		mutant("fs.list.relative-path/in-the-root", "begins paths with a dot", `the path "agentproof"`,
			after(func(q *lists, r *result) {
				for _, e := range r.Entries {
					e.Path = "./" + e.Path
				}
			})),
		mutant("fs.list.recursive-order/whole-tree", "lists from the inside", "before",
			after(func(_ *lists, r *result) { slices.Reverse(r.Entries) })),
		mutant("fs.list.recursive-order/whole-tree", "does not enter hidden directories", "the entries of the tree",
			keeping(func(e *agentv1.FsEntry) bool { return !strings.Contains(e.Path, "/.hidden/") })),
		mutant("fs.list.recursive-order/deep-tree", "stops at a depth of 32", "the entries of the tree",
			keeping(func(e *agentv1.FsEntry) bool { return strings.Count(e.Path, "/") < 32 })),
		mutant("fs.list.symlink-not-descended/into-a-directory", "follows links", "the entries", following()),
		mutant("fs.list.symlink-not-descended/loop", "follows links", "the entries", following()),
		mutant("fs.list.symlink-root/followed", "does not follow the link that it is given", "got the error OS",
			instead(func(do operate, q *lists) *response {
				if do.kind(q.Path) != kindSymlink {
					return nil
				}
				return failure(osError)
			})),
		mutant("fs.list.missing/refused", "lists what is missing as nothing", "a list of a missing path; got a result",
			excused(notFound, func(*lists) *response { return listed() })),
		mutant("fs.list.file/refused", "lists a file as itself", "a list of a file; got a result",
			excused(osError, func(q *lists) *response {
				return listed(&agentv1.FsEntry{Name: path.Base(q.Path), Path: path.Base(q.Path), Kind: kindFile})
			})),
		mutant("fs.list.vanishing-child/file", "fails when a file goes", "NOT_FOUND", instead(walking)),
		mutant("fs.list.vanishing-child/directory", "fails when a directory goes", "NOT_FOUND", instead(walking)),
	})
}
