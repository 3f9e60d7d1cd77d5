package session

import (
	"context"
	"fmt"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// ReadFileParams names a file.
type ReadFileParams struct {
	Path string
	// MaxBytes bounds what is read, from the start; 0 reads all.
	MaxBytes uint64
}

// ReadFile returns a file's content (session.op.read-file).
func (s *Session) ReadFile(ctx context.Context, p ReadFileParams) ([]byte, error) {
	resp, err := s.Do(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsRead{FsRead: &agentv1.FsReadRequest{
		Path:   s.machinePath(p.Path),
		Length: p.MaxBytes,
	}}})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", p.Path, err)
	}
	return resp.GetFsRead().GetContent(), nil
}

// WriteFileParams is a file and what it shall hold.
type WriteFileParams struct {
	Path    string
	Content []byte
	// NoParents makes a missing parent directory an error; otherwise parents
	// are created.
	NoParents bool
	// Append adds to the file instead of replacing what it holds.
	Append bool
}

// WriteFile writes a file, keeping its mode if it exists, and returns the
// number of bytes written (session.op.write-file).
func (s *Session) WriteFile(ctx context.Context, p WriteFileParams) (uint64, error) {
	resp, err := s.Do(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsWrite{FsWrite: &agentv1.FsWriteRequest{
		Path:          s.machinePath(p.Path),
		Content:       p.Content,
		CreateParents: !p.NoParents,
		Append:        p.Append,
	}}})
	if err != nil {
		return 0, fmt.Errorf("write %s: %w", p.Path, err)
	}
	return resp.GetFsWrite().GetBytesWritten(), nil
}

// ListFilesParams names a directory.
type ListFilesParams struct {
	Path string
	// Recursive descends into directories, not into symbolic links.
	Recursive bool
}

// ListFiles returns a directory's entries as the agent described them; their
// paths are relative to the directory (session.op.list-files).
func (s *Session) ListFiles(ctx context.Context, p ListFilesParams) ([]*agentv1.FsEntry, error) {
	resp, err := s.Do(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsList{FsList: &agentv1.FsListRequest{
		Path:      s.machinePath(p.Path),
		Recursive: p.Recursive,
	}}})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", p.Path, err)
	}
	return resp.GetFsList().GetEntries(), nil
}

// EntryType tells files from directories.
type EntryType string

const (
	EntryDir   EntryType = "dir"
	EntryFile  EntryType = "file"
	EntryOther EntryType = "other" // symbolic links and what an agent cannot name
)

// DirEntry is one entry of a directory.
type DirEntry struct {
	Name string    `json:"name"`
	Path string    `json:"path"`
	Type EntryType `json:"type"`
}

// ListDirParams names a directory.
type ListDirParams struct{ Path string }

// ListDir is ListFiles, not recursive, reduced to what a file tree shows
// (session.op.list-dir).
func (s *Session) ListDir(ctx context.Context, p ListDirParams) ([]DirEntry, error) {
	entries, err := s.ListFiles(ctx, ListFilesParams{Path: p.Path})
	if err != nil {
		return nil, err
	}
	dir := make([]DirEntry, len(entries))
	for i, e := range entries {
		dir[i] = DirEntry{Name: e.GetName(), Path: e.GetPath(), Type: entryType(e.GetKind())}
	}
	return dir, nil
}

func entryType(k agentv1.FsEntryKind) EntryType {
	switch k {
	case agentv1.FsEntryKind_FS_ENTRY_KIND_DIRECTORY:
		return EntryDir
	case agentv1.FsEntryKind_FS_ENTRY_KIND_FILE:
		return EntryFile
	default:
		return EntryOther
	}
}

// FileStat tells whether a path exists and, if it does, what is there.
type FileStat struct {
	Exists bool
	Entry  *agentv1.FsEntry // nil if nothing exists
}

// StatFileParams names a path.
type StatFileParams struct{ Path string }

// StatFile looks at a path without following a final symbolic link. A missing
// path is an answer, not an error (session.op.stat-file).
func (s *Session) StatFile(ctx context.Context, p StatFileParams) (FileStat, error) {
	resp, err := s.Do(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsStat{FsStat: &agentv1.FsStatRequest{
		Path: s.machinePath(p.Path),
	}}})
	if err != nil {
		return FileStat{}, fmt.Errorf("stat %s: %w", p.Path, err)
	}
	r := resp.GetFsStat()
	return FileStat{Exists: r.GetExists(), Entry: r.GetEntry()}, nil
}

// PathExists is StatFile for callers that want the bool alone. An error means
// that nobody knows.
func (s *Session) PathExists(ctx context.Context, path string) (bool, error) {
	st, err := s.StatFile(ctx, StatFileParams{Path: path})
	return st.Exists, err
}

// MaterializeEntry does nothing: other sandboxes are filled from a manifest,
// while a machine owns its files (session.op.materialize-entry).
func (s *Session) MaterializeEntry(context.Context, string, any) error { return nil }
