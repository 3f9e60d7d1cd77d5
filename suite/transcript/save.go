package transcript

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

const (
	// Dir is the directory of a run's transcripts, in that of its report.
	Dir       = "transcripts"
	extension = ".ndjson"
)

// Name is the name of a case's file. A case has one slash, which no file name
// may have.
func Name(caseID string) string { return strings.ReplaceAll(caseID, "/", "+") + extension }

// Clear removes the transcripts of an earlier run from a report's directory.
func Clear(report string) error {
	dir := filepath.Join(report, Dir)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for old transcripts: %w", err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), extension) {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("remove an old transcript: %w", err)
			}
		}
	}
	return nil
}

// Save writes the transcript into a report's directory and returns its path
// there, with slashes.
func (t *Transcript) Save(report string) (string, error) {
	name := path.Join(Dir, Name(t.Case))
	if err := os.MkdirAll(filepath.Join(report, Dir), 0o755); err != nil {
		return "", fmt.Errorf("keep a transcript: %w", err)
	}
	f, err := os.Create(filepath.Join(report, filepath.FromSlash(name)))
	if err != nil {
		return "", fmt.Errorf("keep a transcript: %w", err)
	}
	if err := errors.Join(t.Write(f), f.Close()); err != nil {
		return "", err
	}
	return name, nil
}

// Load reads a transcript's file.
func Load(name string) (*Transcript, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}
