package sessions

import (
	"bytes"
	"path"
	"strings"

	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func paths() []fault.Mutant {
	const (
		content = "the file's content"
		absolut = "session.path.absolute/stays-as-it-is"
		bounds  = "session.path.boundaries/"
	)
	readPath := func(req *agentv1.ControlRequest) *string {
		if r := req.GetFsRead(); r != nil {
			return &r.Path
		}
		return nil
	}
	writePath := func(req *agentv1.ControlRequest) *string {
		if r := req.GetFsWrite(); r != nil {
			return &r.Path
		}
		return nil
	}
	return []fault.Mutant{
		mutant("loses the last byte of a file", "session.path.under-root/write-lands-under-the-working-dir", content, cut("note.txt")),
		mutant("lists what is not there", "session.path.root/lists-the-working-dir", "one file listed",
			lists(func(r *agentv1.FsListResponse) { r.Entries = append(r.Entries, &agentv1.FsEntry{Name: ".agent"}) })),
		mutant("writes beside the file", "session.path.relative/lands-under-the-working-dir", "a file where the mapping leads",
			writes(func(r *agentv1.FsWriteRequest) {
				if strings.HasSuffix(r.GetPath(), "note.txt") {
					r.Path += ".new"
				}
			})),
		mutant("reads absolute paths under its root", absolut, "a read to succeed", underRoot(readPath)),
		mutant("changes a byte of what is read", absolut, "the file at the absolute path", reads("note.txt", flipped)),
		mutant("finds a file of every name", "session.path.absolute/a-name-that-begins-like-the-root", "ErrNotExist; got none", findsAll()),
		mutant("writes absolute paths under its root", "session.path.working-dir/absolute", "a file where the mapping leads", underRoot(writePath)),
		mutant("writes everything twice", "session.path.empty-working-dir/means-the-agents-root", content,
			writes(func(r *agentv1.FsWriteRequest) { r.Content = bytes.Repeat(r.GetContent(), 2) })),
		mutant("cleans paths before it looks", "session.path.textual/parent-is-left-to-the-machine", "a file where the mapping leads",
			writes(func(r *agentv1.FsWriteRequest) { r.Path = path.Clean(r.GetPath()) })),
		mutant("runs lines in its root", bounds+"exec-runs-where-files-are", `the directory "{root}`,
			lines(func(r *agentv1.ExecRequest) { r.Cwd = "" })),
		mutant("greets before a line's output", bounds+"exec-runs-where-files-are", "the helper's report",
			printed(func(r *agentv1.ExecResponse) { r.Stdout = append([]byte("welcome\n"), r.GetStdout()...) })),
		mutant("changes a byte of a file with a blank", bounds+"every-file-call", "what was read", reads("a file.txt", flipped)),
		mutant("finds nothing at all", bounds+"every-file-call", "StatFile to find the file true",
			stats(func(r *agentv1.FsStatResponse) { r.Exists, r.Entry = false, nil })),
		mutant("lists no file", bounds+"every-file-call", "a listing without it",
			lists(func(r *agentv1.FsListResponse) { r.Entries = nil })),
		mutant("removes nothing", bounds+"every-file-call", "the file deleted", nothing("rm ")),
	}
}
