package fs_test

import (
	"bytes"
	"path"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"agentproof/agent"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	cases "agentproof/suite/cases/fs"
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

func TestCasesNoticeWrongWrites(t *testing.T) {
	t.Parallel()
	type result = agentv1.FsWriteResponse
	var mu sync.Mutex
	remembered := make(map[string][]byte)
	trial.Noticed(t, cases.Cases(), []trial.Mutant{
		mutant("fs.write.create/byte-exact", "repairs UTF-8", "the content of every-byte",
			before(func(q *writes) { q.Content = bytes.ToValidUTF8(q.Content, []byte("\uFFFD")) })),
		mutant("fs.write.create/byte-exact", "cuts at 512 KiB", "700001 bytes in large",
			before(func(q *writes) { q.Content = q.Content[:min(len(q.Content), 512<<10)] })),
		mutant("fs.write.truncate/nothing-is-left", "does not truncate", "the content of file",
			instead(func(do operate, q *writes) *response {
				if old := do.read(q.Path); !q.Append && len(old) > len(q.Content) {
					q.Content = append(q.Content, old[len(q.Content):]...)
				}
				return nil
			})),
		mutant("fs.write.append/at-the-end", "replaces when told to append", "the content of file",
			before(func(q *writes) { q.Append = false })),
		mutant("fs.write.append/creates", "appends to what is there only", "NOT_FOUND",
			instead(func(do operate, q *writes) *response {
				if !q.Append || do.kind(q.Path) != 0 {
					return nil
				}
				return failure(notFound)
			})),
		mutant("fs.write.append/behind-what-others-wrote", "remembers what it wrote", "the content of log",
			before(func(q *writes) {
				mu.Lock()
				defer mu.Unlock()
				remembered[q.Path] = append(remembered[q.Path], q.Content...)
				q.Content, q.Append = remembered[q.Path], false
			})),
		mutant("fs.write.append/side-by-side", "reads, adds and writes back", "16 pieces",
			instead(func(do operate, q *writes) *response {
				old := do.read(q.Path)
				time.Sleep(50 * time.Millisecond)
				q.Content, q.Append = append(old, q.Content...), false
				return nil
			})),
		mutant("fs.write.parents/created", "makes no parents", "NOT_FOUND",
			before(func(q *writes) { q.CreateParents = false })),
		mutant("fs.write.parents/existing-ones-are-fine", "makes parents anew", "got the error OS",
			instead(func(do operate, q *writes) *response {
				if path.Base(path.Dir(q.Path)) != "two" || do.kind(path.Dir(q.Path)) == 0 {
					return nil
				}
				return failure(osError)
			})),
		mutant("fs.write.count/bytes", "counts characters", "the bytes_written of nine characters",
			after(func(q *writes, r *result) { r.BytesWritten = uint64(utf8.RuneCount(q.Content)) })),
		mutant("fs.write.count/bytes", "tells the file's size", "the bytes_written of a piece appended",
			instead(func(do operate, q *writes) *response {
				if resp := do(q); resp.GetError() != nil {
					return resp
				}
				return written(len(do.read(q.Path)))
			})),
		mutant("fs.write.empty/new-file", "skips empty writes", "a file called file",
			instead(func(_ operate, q *writes) *response {
				if len(q.Content) > 0 {
					return nil
				}
				return written(0)
			})),
		mutant("fs.write.empty/existing-file", "skips empty writes", "the content of file",
			instead(func(_ operate, q *writes) *response {
				if len(q.Content) > 0 {
					return nil
				}
				return written(0)
			})),
		mutant("fs.write.missing-parent/refused", "always makes parents", "a write; got a result",
			before(func(q *writes) { q.CreateParents = true })),
		mutant("fs.write.missing-parent/refused", "refuses after it made the parents", "nothing called no",
			instead(func(do operate, q *writes) *response {
				if q.CreateParents {
					return nil
				}
				do(&mkdirs{Path: path.Dir(q.Path), Parents: true})
				return failure(notFound)
			})),
		mutant("fs.write.directory/refused", "takes a directory for written", "a write to a directory",
			excused(osError, func(q *writes) *response { return written(len(q.Content)) })),
		mutant("fs.write.directory/refused", "replaces empty directories", "a write to an empty directory; got a result",
			instead(func(do operate, q *writes) *response {
				if do.kind(q.Path) == kindDirectory {
					do(&removes{Path: q.Path})
				}
				return nil
			})),
		mutant("fs.write.no-torn-file/disk-full", "truncates first", "the old content",
			instead(func(do operate, q *writes) *response {
				if !q.Append {
					do(&writes{Path: q.Path})
				}
				return nil
			})),
		mutant("fs.write.no-torn-file/disk-full-on-append", "leaves what it managed to append", "the old content",
			instead(func(do operate, q *writes) *response {
				for q.Append && len(q.Content) > 4096 {
					if resp := do(&writes{Path: q.Path, Content: q.Content[:4096], Append: true}); resp.GetError() != nil {
						return resp
					}
					q.Content = q.Content[4096:]
				}
				return nil
			})),
	})
}

func TestCasesNoticeWrongModesAndLinks(t *testing.T) {
	t.Parallel()
	trial.Noticed(t, cases.Cases(), []trial.Mutant{
		mutant("fs.write.creation-mode/under-the-umask", "ignores the mode", "0600",
			before(func(q *writes) { q.Mode = 0 })),
		mutant("fs.write.creation-mode/append-creates", "ignores the mode of an append", "an append creates",
			before(func(q *writes) {
				if q.Append {
					q.Mode = 0
				}
			})),
		mutant("fs.write.creation-mode/new-files-only", "sets the mode of every file", "was there before",
			instead(func(do operate, q *writes) *response {
				if q.Mode != 0 {
					do(&agentv1.ExecRequest{Command: []string{"/bin/chmod", "777", path.Base(q.Path)}, Cwd: path.Dir(q.Path)})
				}
				return nil
			})),
		mutant("fs.write.keeps-mode/of-an-existing-file", "writes a new file", "with 0755 that was written", replacing()),
		mutant("fs.write.through-symlink/target-changes", "replaces links", "the content of sub/real", replacing()),
		mutant("fs.write.through-symlink/append", "replaces links", "the content of real", replacing()),
		mutant("fs.write.through-symlink/dangling", "replaces links", "a file called later", replacing()),
		mutant("fs.write.through-symlink/dangling", "refuses dangling links", "NOT_FOUND",
			instead(func(do operate, q *writes) *response {
				if do.kind(q.Path) != kindSymlink || do(&reads{Path: q.Path}).GetError() == nil {
					return nil
				}
				return failure(notFound)
			})),
		mutant("fs.write.through-symlink/hard-links", "writes a new file", "the content of real", replacing()),

		mutant("fs.mkdir.plain/one-directory", "makes nothing", "a directory called new",
			instead(func(_ operate, q *mkdirs) *response {
				if q.Parents {
					return nil
				}
				return made()
			})),
		mutant("fs.mkdir.parents/created", "makes no parents", "NOT_FOUND",
			before(func(q *mkdirs) { q.Parents = q.Parents && !strings.Contains(q.Path, "/one/") })),
		mutant("fs.mkdir.parents/existing-is-fine", "refuses what exists", "got the error OS",
			instead(func(do operate, q *mkdirs) *response {
				if path.Base(q.Path) != "full" || do.kind(q.Path) == 0 {
					return nil
				}
				return failure(osError)
			})),
		mutant("fs.mkdir.parents/existing-file-is-not", "takes a file for a directory", "a file in the directory's place",
			excused(osError, func(*mkdirs) *response { return made() })),
		mutant("fs.mkdir.exists/refused", "is content with what exists", "a mkdir of full; got a result",
			before(func(q *mkdirs) { q.Parents = true })),
		mutant("fs.mkdir.missing-parent/refused", "always makes parents", "one missing parent; got a result",
			before(func(q *mkdirs) { q.Parents = true })),
		mutant("fs.mkdir.mode-chmod/whatever-the-umask", "keeps to a umask", "0775",
			before(func(q *mkdirs) { q.Mode &^= 0o022 })),
		mutant("fs.mkdir.mode-chmod/leaf-of-new-parents", "ignores the mode with parents", "0500",
			before(func(q *mkdirs) {
				if q.Parents {
					q.Mode = 0
				}
			})),
		mutant("fs.mkdir.mode-chmod/sticky", "sets nine bits", "01777",
			before(func(q *mkdirs) { q.Mode &= 0o777 })),
	})
}
