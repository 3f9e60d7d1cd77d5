package fs

import (
	"path"
	"strings"

	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func entryMutants() []fault.Mutant {
	return []fault.Mutant{
		fault.New("names entries by their path", "fs.entry.name/last-component", "the names in a recursive list",
			entries(func(_ string, e *agentv1.FsEntry) {
				if !strings.HasPrefix(e.Path, "agentproof") && !path.IsAbs(e.Path) {
					e.Name = e.Path
				}
			}), "fs.entry.name/of-the-root"),
		fault.New("calls the root a dot", "fs.entry.name/of-the-root", "the root's name",
			entries(func(p string, e *agentv1.FsEntry) {
				if p == "" || p == "." {
					e.Name = "."
				}
			})),
		fault.New("splits at the last slash", "fs.entry.name/trailing-slash", `got ""`,
			entries(func(p string, e *agentv1.FsEntry) {
				if strings.HasSuffix(p, "/") {
					e.Name = ""
				}
			})),
		fault.New("knows no directories", "fs.entry.kind-by-lstat/file-and-directory", "the kind in the stat of directory",
			entries(func(_ string, e *agentv1.FsEntry) { e.Kind = kindFile }), "fs.entry.kind-by-lstat/symlinks"),
		fault.New("looks behind links", "fs.entry.kind-by-lstat/symlinks", "the kind in the stat of to-file",
			entries(func(_ string, e *agentv1.FsEntry) {
				if e.Kind == kindSymlink {
					e.Kind = kindFile
				}
			})),
		fault.New("gives a FIFO no kind", "fs.entry.kind-by-lstat/fifo", "the kind in the stat of fifo",
			entries(func(_ string, e *agentv1.FsEntry) {
				if e.Mode&0o170000 == 0o010000 {
					e.Kind = 0
				}
			})),
		fault.New("counts blocks", "fs.entry.size/of-files", "the size in the stat of of-1",
			entries(func(_ string, e *agentv1.FsEntry) { e.Size = (e.Size + 4095) &^ 4095 }),
			"fs.entry.size/above-four-gigabytes", "fs.entry.size/of-a-symlink"),
		fault.New("counts in 32 bits", "fs.entry.size/above-four-gigabytes", "the size in the stat of big",
			entries(func(_ string, e *agentv1.FsEntry) { e.Size = uint64(uint32(e.Size)) })),
		fault.New("gives links no size", "fs.entry.size/of-a-symlink", "the size in the stat of link",
			entries(func(_ string, e *agentv1.FsEntry) {
				if e.Kind == kindSymlink {
					e.Size = 0
				}
			})),
		fault.New("tells whole seconds", "fs.entry.mtime-ms/milliseconds", "the modified_ms in the stat of in-2009",
			entries(func(_ string, e *agentv1.FsEntry) { e.ModifiedMs -= e.ModifiedMs % 1000 })),
		fault.New("counts seconds in 32 bits", "fs.entry.mtime-ms/milliseconds", "the modified_ms in the stat of beyond-32-bits",
			entries(func(_ string, e *agentv1.FsEntry) {
				e.ModifiedMs = int64(int32(e.ModifiedMs/1000))*1000 + e.ModifiedMs%1000
			})),
		fault.New("tells the owner's permissions only", "fs.entry.mode-bits/permissions", "the permission bits in the stat of file",
			entries(func(_ string, e *agentv1.FsEntry) { e.Mode &^= 0o077 })),
		fault.New("tells permissions only", "fs.entry.mode-type-bits/whole-st-mode", "the mode in the stat of file",
			entries(func(_ string, e *agentv1.FsEntry) { e.Mode &= 0o777 })),
		fault.New("drops the sticky bit", "fs.entry.mode-type-bits/whole-st-mode", "the mode in the stat of directory",
			entries(func(_ string, e *agentv1.FsEntry) { e.Mode &^= 0o1000 })),

		fault.New("tells when it looked", "fs.entry.mtime-ms/milliseconds", "the modified_ms in the stat of in-2009",
			entries(func(_ string, e *agentv1.FsEntry) { e.ModifiedMs++ })),
		fault.New("looks at a link's target in part", "fs.stat.present/symlink-itself", "size of to-real",
			entries(func(_ string, e *agentv1.FsEntry) {
				if e.Kind == kindSymlink {
					e.Size = 38
				}
			})),
		fault.New("tidies paths", "fs.stat.path-verbatim/as-asked", "the request's path, verbatim",
			entries(func(_ string, e *agentv1.FsEntry) { e.Path = path.Clean(e.Path) })),
		fault.New("has an error for what is missing", "fs.stat.missing/no-error", "NOT_FOUND",
			instead(func(do operate, q *stats) *response {
				if do.kind(q.Path) != 0 {
					return nil
				}
				return failure(notFound)
			})),
		fault.New("follows links to nowhere", "fs.stat.dangling/exists", "the exists of a symlink that leads nowhere",
			instead(func(do operate, q *stats) *response {
				if do.kind(q.Path) != kindSymlink || do(&reads{Path: q.Path}).GetError() == nil {
					return nil
				}
				return absent()
			})),
		fault.New("takes every error for absence", "fs.stat.through-file/refused", "a result of fs_stat",
			excused(osError, func(*stats) *response { return absent() })),
		fault.New("lists no links", "fs.list.symlink-not-descended/into-a-directory", "the entries [",
			keeping(func(e *agentv1.FsEntry) bool { return e.Kind != kindSymlink }), "fs.list.symlink-not-descended/loop"),
		fault.New("names what it stats by its path", "fs.entry.name/last-component", "the name in a stat",
			after(func(q *stats, r *agentv1.FsStatResponse) {
				if r.Entry != nil {
					r.Entry.Name = q.Path
				}
			}), "fs.entry.name/*"),
		fault.New("has no stat of directories", "fs.stat.present/file-and-directory", "the exists of a directory",
			instead(func(do operate, q *stats) *response {
				if do.kind(q.Path) != kindDirectory {
					return nil
				}
				return absent()
			})),
		fault.New("has no entry for directories", "fs.stat.present/file-and-directory", "an entry for directory",
			after(func(_ *stats, r *agentv1.FsStatResponse) {
				if r.GetEntry().GetKind() == kindDirectory {
					r.Entry = nil
				}
			})),
		fault.New("has no stat of an empty path", "fs.stat.path-verbatim/as-asked", "an entry for a path that exists",
			instead(func(_ operate, q *stats) *response {
				if q.Path != "" {
					return nil
				}
				return absent()
			})),
		fault.New("says that everything exists", "fs.stat.missing/no-error", "the exists of a path that does not",
			after(func(_ *stats, r *agentv1.FsStatResponse) { r.Exists = true })),
		fault.New("says that nothing exists", "fs.stat.present/file-and-directory", "the exists of a file",
			after(func(_ *stats, r *agentv1.FsStatResponse) { r.Exists = false }), "fs.stat.present/symlink-itself"),
		fault.New("has no entry for links to nowhere", "fs.stat.dangling/exists", "an entry for a symlink that leads nowhere",
			instead(func(do operate, q *stats) *response {
				resp := do(q)
				if do.kind(q.Path) == kindSymlink && do(&reads{Path: q.Path}).GetError() != nil {
					resp.GetFsStat().Entry = nil
				}
				return resp
			})),
		fault.New("has an entry for what does not exist", "fs.stat.missing/no-error", "no entry for a path that does not exist",
			after(func(q *stats, r *agentv1.FsStatResponse) {
				if !r.Exists {
					r.Entry = &agentv1.FsEntry{Path: q.Path}
				}
			})),
	}
}
