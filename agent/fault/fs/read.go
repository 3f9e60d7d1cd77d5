package fs

import (
	"strings"
	"time"

	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func readMutants() []fault.Mutant {
	type result = agentv1.FsReadResponse
	return []fault.Mutant{
		fault.New("changes one byte at 64 KiB", "fs.read.whole/byte-exact", "offset 65536",
			after(func(_ *reads, r *result) {
				if len(r.Content) > 64<<10 {
					r.Content[64<<10] ^= 1
				}
			})),
		fault.New("loses the last byte", "fs.read.whole/byte-exact", "the content",
			after(func(_ *reads, r *result) { r.Content = r.Content[:max(len(r.Content)-1, 0)] })),
		fault.New("refuses empty files", "fs.read.whole/empty-file", "the error OS",
			instead(func(do operate, q *reads) *response {
				if len(do.read(q.Path)) > 0 {
					return nil
				}
				return failure(osError)
			})),
		fault.New("ignores the offset", "fs.read.range/selects", "the content at offset 1",
			before(func(q *reads) { q.Offset = 0 }), "fs.read.range/above-four-gigabytes", "fs.read.range/sum-saturates"),
		fault.New("reads one byte more", "fs.read.range/selects", "the content at offset 0, length 1,",
			before(func(q *reads) {
				if q.Length > 0 {
					q.Length++
				}
			}), "fs.read.range/above-four-gigabytes"),
		fault.New("lets the sum wrap", "fs.read.range/sum-saturates", "the content at offset 1,",
			after(func(q *reads, r *result) {
				if q.Offset+q.Length < q.Offset {
					r.Content = nil
				}
			})),
		fault.New("takes offsets for signed", "fs.read.range/sum-saturates", "the error OS",
			instead(func(_ operate, q *reads) *response {
				if int64(q.Offset) >= 0 {
					return nil
				}
				return failure(osError)
			})),
		fault.New("cuts offsets to 32 bits", "fs.read.range/above-four-gigabytes", "the content around the marker",
			before(func(q *reads) { q.Offset = uint64(uint32(q.Offset)) }), "fs.read.range/sum-saturates"),
		fault.New("wants the whole range", "fs.read.range-clamped/end-of-file", "the error OS",
			instead(func(do operate, q *reads) *response {
				if q.Length <= uint64(len(do.read(q.Path))) {
					return nil
				}
				return failure(osError)
			})),
		fault.New("refuses what lies past the end", "fs.read.past-end/empty-success", "the error OS",
			instead(func(do operate, q *reads) *response {
				if q.Offset < uint64(len(do.read(q.Path))) {
					return nil
				}
				return failure(osError)
			})),
		fault.New("tells the range's size", "fs.read.total-size/of-any-range", "the total_size at offset 0, length 10,",
			after(func(_ *reads, r *result) { r.TotalSize = uint64(len(r.Content)) }),
			"fs.read.total-size/of-a-proc-file", "fs.read.total-size/of-other-files"),
		fault.New("believes st_size", "fs.read.total-size/of-a-proc-file", "the content of /proc/version",
			after(func(q *reads, r *result) {
				if strings.HasPrefix(q.Path, "/proc/") {
					r.Reset()
				}
			})),
		fault.New("tells the range's size of what has none", "fs.read.total-size/of-a-proc-file", "the same total_size",
			after(func(_ *reads, r *result) { r.TotalSize = uint64(len(r.Content)) }),
			"fs.read.total-size/of-any-range", "fs.read.total-size/of-other-files"),
		fault.New("refuses links", "fs.read.follows-symlink/to-a-file", "the error OS",
			instead(func(do operate, q *reads) *response {
				if do.kind(q.Path) != kindSymlink {
					return nil
				}
				return failure(osError)
			})),
		fault.New("reads a directory as nothing", "fs.read.directory/refused", "a full directory; got a result",
			excused(osError, func(*reads) *response { return content(nil) })),
		fault.New("takes a directory for missing", "fs.read.directory/refused", "got the error NOT_FOUND", fault.Recode(osError, notFound)),
		fault.New("never says that a file is missing", "fs.read.missing/refused", "got the error OS", fault.Recode(notFound, osError)),
		fault.New("reads what is missing as nothing", "fs.read.missing/refused", "a result of fs_read",
			excused(notFound, func(*reads) *response { return content(nil) })),
		fault.New("takes ENOTDIR for ENOENT", "fs.read.through-file/refused", "NOT_FOUND", fault.Recode(osError, notFound)),
		fault.New("goes through the file", "fs.read.range-cost/sparse-file", "64 ranges",
			before(func(q *reads) {
				if strings.HasSuffix(q.Path, "/big") {
					time.Sleep(400 * time.Millisecond) // what 4 GiB take at best
				}
			})),

		fault.New("waits for a writer", "fs.read.special/fifo-without-a-writer", "fifo within 2 s",
			before(func(q *reads) {
				if strings.HasSuffix(q.Path, "/fifo") {
					time.Sleep(5 * time.Second)
				}
			})),
		fault.New("reads half of the range", "fs.read.special/range-of-an-endless-device", "the range of /dev/zero",
			before(func(q *reads) { q.Length /= 2 })),
		fault.New("takes st_size for the end", "fs.read.special/whole-of-an-endless-device", "an error for a file that has no end",
			instead(func(_ operate, q *reads) *response {
				if q.Path != "/dev/zero" {
					return nil
				}
				return content(nil)
			}), "fs.read.special/range-of-an-endless-device"),
		fault.New("reads a line end from an empty file", "fs.read.whole/empty-file", "the content of 0 bytes",
			after(func(_ *reads, r *result) {
				if len(r.Content) == 0 {
					r.Content = []byte("\n")
				}
			})),
		fault.New("counts a block of an empty file", "fs.read.total-size/of-other-files", "the total_size of empty",
			after(func(_ *reads, r *result) {
				if r.TotalSize == 0 {
					r.TotalSize = 4096
				}
			})),
		fault.New("tells sizes in 32 bits", "fs.read.total-size/of-other-files", "the total_size of big",
			after(func(_ *reads, r *result) { r.TotalSize = uint64(uint32(r.TotalSize)) })),
		fault.New("reads ranges of /proc from its start", "fs.read.total-size/of-a-proc-file", "a range of /proc/version",
			before(func(q *reads) {
				if strings.HasPrefix(q.Path, "/proc/") {
					q.Offset = 0
				}
			})),
		fault.New("tells the st_size of what has none", "fs.read.total-size/of-a-proc-file", "as total_size of",
			after(func(q *reads, r *result) {
				if strings.HasPrefix(q.Path, "/proc/") {
					r.TotalSize = 0
				}
			})),
		fault.New("reads where a link leads", "fs.read.follows-symlink/to-a-file", "the content read through",
			instead(func(do operate, q *reads) *response {
				if do.kind(q.Path) != kindSymlink {
					return nil
				}
				return content([]byte("target"))
			})),
		fault.New("tells a link's own size", "fs.read.total-size/of-other-files", "the total_size of link",
			instead(func(do operate, q *reads) *response {
				resp := do(q)
				if resp.GetFsRead() != nil && do.kind(q.Path) == kindSymlink {
					resp.GetFsRead().TotalSize = do(&stats{Path: q.Path}).GetFsStat().GetEntry().GetSize()
				}
				return resp
			})),
	}
}
