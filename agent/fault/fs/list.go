package fs

import (
	"path"
	"slices"
	"strings"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
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

func listMutants() []fault.Mutant {
	type result = agentv1.FsListResponse
	return []fault.Mutant{
		fault.New("always lists whole trees", "fs.list.shallow/direct-entries", "the entries",
			before(func(q *lists) { q.Recursive = true })),
		fault.New("takes an empty directory for missing", "fs.list.shallow/empty-directory", "NOT_FOUND",
			instead(func(do operate, q *lists) *response {
				if len(do.list(q.Path, false)) > 0 {
					return nil
				}
				return failure(notFound)
			})),
		fault.New("lists an empty directory as itself", "fs.list.shallow/empty-directory", "the entries [",
			after(func(q *lists, r *result) {
				if len(r.Entries) == 0 && !q.Recursive {
					r.Entries = []*agentv1.FsEntry{{Name: ".", Path: ".", Kind: kindDirectory}}
				}
			})),
		fault.New("lists the first thousand", "fs.list.shallow/many-entries", "the number of different entries",
			after(func(_ *lists, r *result) { r.Entries = r.Entries[:min(len(r.Entries), 1000)] })),
		fault.New("lists one twice", "fs.list.shallow/many-entries", "file-001500 once",
			after(func(_ *lists, r *result) {
				for _, e := range r.Entries {
					if e.Name == "file-001500" {
						r.Entries = append(r.Entries, e)
						return
					}
				}
			})),
		fault.New("skips names that are not UTF-8", "fs.list.shallow/beside-an-undecodable-name", "the number of entries",
			keeping(func(e *agentv1.FsEntry) bool { return !strings.Contains(e.Name, "\uFFFD") })),
		fault.New("hides dot files", "fs.list.hidden/listed", "the entries [",
			keeping(func(e *agentv1.FsEntry) bool { return !strings.HasPrefix(e.Name, ".") })),
		fault.New("lists the parent", "fs.list.hidden/listed", `".."`,
			after(func(_ *lists, r *result) {
				r.Entries = append(r.Entries, &agentv1.FsEntry{Name: "..", Path: "..", Kind: kindDirectory})
			})),
		fault.New("gives paths from the root", "fs.list.relative-path/of-every-entry", "with a relative path the paths [",
			after(func(q *lists, r *result) {
				for _, e := range r.Entries {
					e.Path = path.Join(q.Path, e.Path)
				}
			}), "fs.list.relative-path/in-the-root"),
		fault.New("gives names for paths", "fs.list.relative-path/of-every-entry", "the paths of a recursive list",
			after(func(_ *lists, r *result) {
				for _, e := range r.Entries {
					e.Path = e.Name
				}
			})),
		fault.New("begins paths with a dot", "fs.list.relative-path/in-the-root", `the path "agentproof"`,
			after(func(q *lists, r *result) {
				for _, e := range r.Entries {
					e.Path = "./" + e.Path
				}
			}), "fs.list.relative-path/of-every-entry"),
		fault.New("lists from the inside", "fs.list.recursive-order/whole-tree", "before",
			after(func(_ *lists, r *result) { slices.Reverse(r.Entries) }), "fs.list.recursive-order/deep-tree"),
		fault.New("does not enter hidden directories", "fs.list.recursive-order/whole-tree", "the entries of the tree",
			keeping(func(e *agentv1.FsEntry) bool { return !strings.Contains(e.Path, "/.hidden/") })),
		fault.New("stops at a depth of 32", "fs.list.recursive-order/deep-tree", "the entries of the tree",
			keeping(func(e *agentv1.FsEntry) bool { return strings.Count(e.Path, "/") < 32 })),
		fault.New("follows links", "fs.list.symlink-not-descended/into-a-directory", "the entries", following(),
			"fs.list.symlink-not-descended/loop"),
		fault.New("follows links in circles", "fs.list.symlink-not-descended/loop", "the entries", following(),
			"fs.list.symlink-not-descended/into-a-directory"),
		fault.New("does not follow the link that it is given", "fs.list.symlink-root/followed", "got the error OS",
			instead(func(do operate, q *lists) *response {
				if do.kind(q.Path) != kindSymlink {
					return nil
				}
				return failure(osError)
			})),
		fault.New("lists what is missing as nothing", "fs.list.missing/refused", "a list of a missing path; got a result",
			excused(notFound, func(*lists) *response { return listed() })),
		fault.New("lists a file as itself", "fs.list.file/refused", "a list of a file; got a result",
			excused(osError, func(q *lists) *response {
				return listed(&agentv1.FsEntry{Name: path.Base(q.Path), Path: path.Base(q.Path), Kind: kindFile})
			})),
		fault.New("fails when a file goes", "fs.list.vanishing-child/file", "NOT_FOUND", instead(walking), "fs.list.vanishing-child/directory"),
		fault.New("fails when a directory goes", "fs.list.vanishing-child/directory", "NOT_FOUND", instead(walking),
			"fs.list.vanishing-child/file"),
		fault.New("lists the directory in its own tree", "fs.list.shallow/empty-directory", "the entries of a recursive list",
			after(func(q *lists, r *result) {
				if q.Recursive {
					r.Entries = append(r.Entries, &agentv1.FsEntry{Name: ".", Path: ".", Kind: kindDirectory})
				}
			}), "fs.list.shallow/beside-an-undecodable-name"),
		fault.New("repairs the names beside one that is not UTF-8", "fs.list.shallow/beside-an-undecodable-name", "an entry for good",
			after(func(_ *lists, r *result) {
				if slices.ContainsFunc(r.Entries, func(e *agentv1.FsEntry) bool { return strings.Contains(e.Path, "\uFFFD") }) {
					for _, e := range r.Entries {
						e.Path = "\uFFFD"
					}
				}
			})),
		fault.New("hides dot files of subdirectories", "fs.list.hidden/listed", "the entries of a recursive list",
			keeping(func(e *agentv1.FsEntry) bool { return !strings.Contains(e.Path, "/.") })),
		fault.New("lists links as what they lead to", "fs.entry.kind-by-lstat/symlinks", "the kind in the list's to-file",
			after(func(_ *lists, r *result) {
				for _, e := range r.Entries {
					if e.Kind == kindSymlink {
						e.Kind = kindDirectory
					}
				}
			})),
		fault.New("lists a link as itself", "fs.list.symlink-root/followed", "the entries [",
			instead(func(do operate, q *lists) *response {
				if q.Recursive || do.kind(q.Path) != kindSymlink {
					return nil
				}
				return listed(&agentv1.FsEntry{Name: path.Base(q.Path), Path: path.Base(q.Path), Kind: kindSymlink})
			})),
		fault.New("does not descend behind the link that it is given", "fs.list.symlink-root/followed", "the entries of a recursive list",
			instead(func(do operate, q *lists) *response {
				q.Recursive = q.Recursive && do.kind(q.Path) != kindSymlink
				return nil
			})),
	}
}
