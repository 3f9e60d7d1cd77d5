package fs_test

import (
	"path"
	"strings"
	"testing"
	"time"

	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	cases "agentproof/suite/cases/fs"
)

func TestCasesNoticeWrongEntries(t *testing.T) {
	t.Parallel()
	trial.Noticed(t, cases.Cases(), []trial.Mutant{
		mutant("fs.entry.name/last-component", "names entries by their path", "the names in a recursive list",
			entries(func(_ string, e *agentv1.FsEntry) {
				if !strings.HasPrefix(e.Path, "agentproof") && !path.IsAbs(e.Path) {
					e.Name = e.Path
				}
			})),
		mutant("fs.entry.name/of-the-root", "calls the root a dot", "the root's name",
			entries(func(p string, e *agentv1.FsEntry) {
				if p == "" || p == "." {
					e.Name = "."
				}
			})),
		mutant("fs.entry.name/trailing-slash", "splits at the last slash", `got ""`,
			entries(func(p string, e *agentv1.FsEntry) {
				if strings.HasSuffix(p, "/") {
					e.Name = ""
				}
			})),
		mutant("fs.entry.kind-by-lstat/file-and-directory", "knows no directories", "the kind in the stat of directory",
			entries(func(_ string, e *agentv1.FsEntry) { e.Kind = kindFile })),
		mutant("fs.entry.kind-by-lstat/symlinks", "follows links", "the kind in the stat of to-file",
			entries(func(_ string, e *agentv1.FsEntry) {
				if e.Kind == kindSymlink {
					e.Kind = kindFile
				}
			})),
		mutant("fs.entry.kind-by-lstat/fifo", "gives a FIFO no kind", "the kind in the stat of fifo",
			entries(func(_ string, e *agentv1.FsEntry) {
				if e.Mode&0o170000 == 0o010000 {
					e.Kind = 0
				}
			})),
		mutant("fs.entry.size/of-files", "counts blocks", "the size in the stat of of-1",
			entries(func(_ string, e *agentv1.FsEntry) { e.Size = (e.Size + 4095) &^ 4095 })),
		mutant("fs.entry.size/above-four-gigabytes", "counts in 32 bits", "the size in the stat of big",
			entries(func(_ string, e *agentv1.FsEntry) { e.Size = uint64(uint32(e.Size)) })),
		mutant("fs.entry.size/of-a-symlink", "gives links no size", "the size in the stat of link",
			entries(func(_ string, e *agentv1.FsEntry) {
				if e.Kind == kindSymlink {
					e.Size = 0
				}
			})),
		mutant("fs.entry.mtime-ms/milliseconds", "tells whole seconds", "the modified_ms in the stat of in-2009",
			entries(func(_ string, e *agentv1.FsEntry) { e.ModifiedMs -= e.ModifiedMs % 1000 })),
		mutant("fs.entry.mtime-ms/milliseconds", "counts seconds in 32 bits", "the modified_ms in the stat of beyond-32-bits",
			entries(func(_ string, e *agentv1.FsEntry) {
				e.ModifiedMs = int64(int32(e.ModifiedMs/1000))*1000 + e.ModifiedMs%1000
			})),
		mutant("fs.entry.mode-bits/permissions", "tells the owner's permissions only", "the permission bits in the stat of file",
			entries(func(_ string, e *agentv1.FsEntry) { e.Mode &^= 0o077 })),
		mutant("fs.entry.mode-type-bits/whole-st-mode", "tells permissions only", "the mode in the stat of file",
			entries(func(_ string, e *agentv1.FsEntry) { e.Mode &= 0o777 })),
		mutant("fs.entry.mode-type-bits/whole-st-mode", "drops the sticky bit", "the mode in the stat of directory",
			entries(func(_ string, e *agentv1.FsEntry) { e.Mode &^= 0o1000 })),

		mutant("fs.stat.present/file-and-directory", "tells when it looked", "modified_ms of file",
			entries(func(_ string, e *agentv1.FsEntry) { e.ModifiedMs++ })),
		mutant("fs.stat.present/symlink-itself", "looks at a link's target in part", "size of to-real",
			entries(func(_ string, e *agentv1.FsEntry) {
				if e.Kind == kindSymlink {
					e.Size = 38
				}
			})),
		mutant("fs.stat.path-verbatim/as-asked", "tidies paths", "the request's path, verbatim",
			entries(func(_ string, e *agentv1.FsEntry) { e.Path = path.Clean(e.Path) })),
		mutant("fs.stat.missing/no-error", "has an error for what is missing", "NOT_FOUND",
			instead(func(do operate, q *stats) *response {
				if do.kind(q.Path) != 0 {
					return nil
				}
				return failure(notFound)
			})),
		mutant("fs.stat.dangling/exists", "follows links", "the exists of a symlink that leads nowhere",
			instead(func(do operate, q *stats) *response {
				if do.kind(q.Path) != kindSymlink || do(&reads{Path: q.Path}).GetError() == nil {
					return nil
				}
				return absent()
			})),
		mutant("fs.stat.through-file/refused", "takes every error for absence", "a result of fs_stat",
			excused(osError, func(*stats) *response { return absent() })),
	})
}

func TestCasesNoticeWrongReads(t *testing.T) {
	t.Parallel()
	type result = agentv1.FsReadResponse
	trial.Noticed(t, cases.Cases(), []trial.Mutant{
		mutant("fs.read.whole/byte-exact", "changes one byte at 64 KiB", "offset 65536",
			after(func(_ *reads, r *result) {
				if len(r.Content) > 64<<10 {
					r.Content[64<<10] ^= 1
				}
			})),
		mutant("fs.read.whole/byte-exact", "loses the last byte", "the content",
			after(func(_ *reads, r *result) { r.Content = r.Content[:max(len(r.Content)-1, 0)] })),
		mutant("fs.read.whole/empty-file", "refuses empty files", "the error OS",
			instead(func(do operate, q *reads) *response {
				if len(do.read(q.Path)) > 0 {
					return nil
				}
				return failure(osError)
			})),
		mutant("fs.read.range/selects", "ignores the offset", "the content at offset 1",
			before(func(q *reads) { q.Offset = 0 })),
		mutant("fs.read.range/selects", "reads one byte more", "the content at offset 0, length 1,",
			before(func(q *reads) {
				if q.Length > 0 {
					q.Length++
				}
			})),
		mutant("fs.read.range/sum-saturates", "lets the sum wrap", "the content at offset 1,",
			after(func(q *reads, r *result) {
				if q.Offset+q.Length < q.Offset {
					r.Content = nil
				}
			})),
		mutant("fs.read.range/sum-saturates", "takes offsets for signed", "the error OS",
			instead(func(_ operate, q *reads) *response {
				if int64(q.Offset) >= 0 {
					return nil
				}
				return failure(osError)
			})),
		mutant("fs.read.range/above-four-gigabytes", "cuts offsets to 32 bits", "the content around the marker",
			before(func(q *reads) { q.Offset = uint64(uint32(q.Offset)) })),
		mutant("fs.read.range-clamped/end-of-file", "wants the whole range", "the error OS",
			instead(func(do operate, q *reads) *response {
				if q.Length <= uint64(len(do.read(q.Path))) {
					return nil
				}
				return failure(osError)
			})),
		mutant("fs.read.past-end/empty-success", "refuses what lies past the end", "the error OS",
			instead(func(do operate, q *reads) *response {
				if q.Offset < uint64(len(do.read(q.Path))) {
					return nil
				}
				return failure(osError)
			})),
		mutant("fs.read.total-size/of-any-range", "tells the range's size", "the total_size at offset 0, length 10,",
			after(func(_ *reads, r *result) { r.TotalSize = uint64(len(r.Content)) })),
		mutant("fs.read.total-size/of-a-proc-file", "believes st_size", "the content of /proc/version",
			after(func(q *reads, r *result) {
				if strings.HasPrefix(q.Path, "/proc/") {
					r.Reset()
				}
			})),
		mutant("fs.read.total-size/of-a-proc-file", "tells the range's size", "the same total_size",
			after(func(_ *reads, r *result) { r.TotalSize = uint64(len(r.Content)) })),
		mutant("fs.read.follows-symlink/to-a-file", "refuses links", "the error OS",
			instead(func(do operate, q *reads) *response {
				if do.kind(q.Path) != kindSymlink {
					return nil
				}
				return failure(osError)
			})),
		mutant("fs.read.directory/refused", "reads a directory as nothing", "a full directory; got a result",
			excused(osError, func(*reads) *response { return content(nil) })),
		mutant("fs.read.directory/refused", "takes a directory for missing", "got the error NOT_FOUND", trial.Recode(osError, notFound)),
		mutant("fs.read.missing/refused", "has one error for all", "got the error OS", trial.Recode(notFound, osError)),
		mutant("fs.read.missing/refused", "reads what is missing as nothing", "a result of fs_read",
			excused(notFound, func(*reads) *response { return content(nil) })),
		mutant("fs.read.through-file/refused", "takes ENOTDIR for ENOENT", "NOT_FOUND", trial.Recode(osError, notFound)),
		mutant("fs.read.range-cost/sparse-file", "goes through the file", "64 ranges",
			before(func(q *reads) {
				if strings.HasSuffix(q.Path, "/big") {
					time.Sleep(400 * time.Millisecond) // what 4 GiB take at best
				}
			})),

		mutant("fs.read.special/fifo-without-a-writer", "waits for a writer", "fifo within 2 s",
			before(func(q *reads) {
				if strings.HasSuffix(q.Path, "/fifo") {
					time.Sleep(5 * time.Second)
				}
			})),
		mutant("fs.read.special/range-of-an-endless-device", "reads half of the range", "the range of /dev/zero",
			before(func(q *reads) { q.Length /= 2 })),
		mutant("fs.read.special/whole-of-an-endless-device", "takes st_size for the end", "an error for a file that has no end",
			instead(func(_ operate, q *reads) *response {
				if q.Path != "/dev/zero" {
					return nil
				}
				return content(nil)
			})),
	})
}
