package fs

import (
	"bytes"
	"path"
	"sync"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// replacing writes a new file in the place of whatever has the path.
func replacing() agent.Middleware {
	return instead(func(do operate, q *writes) *response {
		if q.Append {
			q.Content, q.Append = append(do.read(q.Path), q.Content...), false
		}
		do.remove(q.Path)
		return nil
	})
}

func writeMutants() []fault.Mutant {
	type result = agentv1.FsWriteResponse
	var mu sync.Mutex
	remembered := make(map[string][]byte)
	return []fault.Mutant{
		fault.New("repairs UTF-8", "fs.write.create/byte-exact", "the content of every-byte",
			before(func(q *writes) { q.Content = bytes.ToValidUTF8(q.Content, []byte("\uFFFD")) })),
		fault.New("cuts at 512 KiB", "fs.write.create/byte-exact", "700001 bytes in large",
			before(func(q *writes) { q.Content = q.Content[:min(len(q.Content), 512<<10)] })),
		fault.New("does not truncate", "fs.write.truncate/nothing-is-left", "the content of file",
			instead(func(do operate, q *writes) *response {
				if old := do.read(q.Path); !q.Append && len(old) > len(q.Content) {
					q.Content = append(q.Content, old[len(q.Content):]...)
				}
				return nil
			})),
		fault.New("replaces when told to append", "fs.write.append/at-the-end", "the content of file",
			before(func(q *writes) { q.Append = false }), "fs.write.append/behind-what-others-wrote", "fs.write.append/side-by-side"),
		fault.New("appends to what is there only", "fs.write.append/creates", "NOT_FOUND",
			instead(func(do operate, q *writes) *response {
				if !q.Append || do.kind(q.Path) != 0 {
					return nil
				}
				return failure(notFound)
			}), "fs.write.append/behind-what-others-wrote", "fs.write.append/side-by-side"),
		fault.New("remembers what it wrote", "fs.write.append/behind-what-others-wrote", "the content of log",
			before(func(q *writes) {
				mu.Lock()
				defer mu.Unlock()
				remembered[q.Path] = append(remembered[q.Path], q.Content...)
				q.Content, q.Append = remembered[q.Path], false
			}), "fs.write.append/side-by-side"),
		fault.New("reads, adds and writes back", "fs.write.append/side-by-side", "16 pieces",
			instead(func(do operate, q *writes) *response {
				old := do.read(q.Path)
				time.Sleep(50 * time.Millisecond)
				q.Content, q.Append = append(old, q.Content...), false
				return nil
			})),
		fault.New("makes no parents", "fs.write.parents/created", "NOT_FOUND",
			before(func(q *writes) { q.CreateParents = false }), "fs.write.parents/existing-ones-are-fine"),
		fault.New("makes parents anew", "fs.write.parents/existing-ones-are-fine", "got the error OS",
			instead(func(do operate, q *writes) *response {
				if path.Base(path.Dir(q.Path)) != "two" || do.kind(path.Dir(q.Path)) == 0 {
					return nil
				}
				return failure(osError)
			})),
		fault.New("counts characters", "fs.write.count/bytes", "the bytes_written of nine characters",
			after(func(q *writes, r *result) { r.BytesWritten = uint64(utf8.RuneCount(q.Content)) })),
		fault.New("tells the file's size", "fs.write.count/bytes", "the bytes_written of a piece appended",
			instead(func(do operate, q *writes) *response {
				if resp := do(q); resp.GetError() != nil {
					return resp
				}
				return written(len(do.read(q.Path)))
			})),
		fault.New("makes no empty files", "fs.write.empty/new-file", "a file called file",
			instead(func(_ operate, q *writes) *response {
				if len(q.Content) > 0 {
					return nil
				}
				return written(0)
			}), "fs.write.empty/existing-file"),
		fault.New("empties no files", "fs.write.empty/existing-file", "the content of file",
			instead(func(_ operate, q *writes) *response {
				if len(q.Content) > 0 {
					return nil
				}
				return written(0)
			}), "fs.write.empty/new-file"),
		fault.New("always makes parents", "fs.write.missing-parent/refused", "a write; got a result",
			before(func(q *writes) { q.CreateParents = true })),
		fault.New("refuses after it made the parents", "fs.write.missing-parent/refused", "nothing called no",
			instead(func(do operate, q *writes) *response {
				if q.CreateParents {
					return nil
				}
				do(&mkdirs{Path: path.Dir(q.Path), Parents: true})
				return failure(notFound)
			})),
		fault.New("takes a directory for written", "fs.write.directory/refused", "a write to a directory",
			excused(osError, func(q *writes) *response { return written(len(q.Content)) })),
		fault.New("replaces empty directories", "fs.write.directory/refused", "a write to an empty directory; got a result",
			instead(func(do operate, q *writes) *response {
				if do.kind(q.Path) == kindDirectory {
					do(&removes{Path: q.Path})
				}
				return nil
			})),
		fault.New("truncates first", "fs.write.no-torn-file/disk-full", "the old content",
			instead(func(do operate, q *writes) *response {
				if !q.Append {
					do(&writes{Path: q.Path})
				}
				return nil
			})),
		fault.New("leaves what it managed to append", "fs.write.no-torn-file/disk-full-on-append", "the old content",
			instead(func(do operate, q *writes) *response {
				for q.Append && len(q.Content) > 4096 {
					if resp := do(&writes{Path: q.Path, Content: q.Content[:4096], Append: true}); resp.GetError() != nil {
						return resp
					}
					q.Content = q.Content[4096:]
				}
				return nil
			})),
		fault.New("appends in two halves", "fs.write.append/side-by-side", "every piece whole",
			instead(func(do operate, q *writes) *response {
				half := len(q.Content) / 2
				if !q.Append || half == 0 {
					return nil
				}
				first := proto.CloneOf(q)
				first.Content = first.Content[:half]
				do(first)
				time.Sleep(50 * time.Millisecond)
				q.Content = q.Content[half:]
				return nil
			})),
	}
}
