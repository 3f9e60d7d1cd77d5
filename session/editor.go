package session

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"
)

const utf8BOM = "\ufeff"

// An Editor applies patches to the machine's files, as a model's apply_patch
// tool asks for. It is safe for concurrent use, but two edits of one file at
// the same time lose one of them: the protocol has no lock.
type Editor struct{ s *Session }

// CreateEditor returns an editor of the machine's files (session.editor).
func (s *Session) CreateEditor() *Editor { return &Editor{s} }

// CreateFileParams is a file to create and the diff that gives its content.
type CreateFileParams struct {
	Path string
	Diff string
}

// CreateFile writes a new file and its missing parents. A path that exists, if
// only as a dangling link, is an error that wraps fs.ErrExist
// (session.editor.create).
func (e *Editor) CreateFile(ctx context.Context, p CreateFileParams) error {
	exists, err := e.s.PathExists(ctx, p.Path)
	if err != nil {
		return fmt.Errorf("create %s: %w", p.Path, err)
	}
	if exists {
		return fmt.Errorf("create %s: %w", p.Path, fs.ErrExist)
	}
	content, err := e.s.cfg.Applier.Create(p.Diff)
	if err != nil {
		return fmt.Errorf("create %s: %w", p.Path, err)
	}
	if _, err := e.s.WriteFile(ctx, WriteFileParams{Path: p.Path, Content: []byte(content)}); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	return nil
}

// UpdateFileParams is a file to change and the diff to apply to it.
type UpdateFileParams struct {
	Path string
	Diff string
	// MoveTo, when it names another file, is where the result goes; the old
	// file is then deleted.
	MoveTo string
}

// UpdateFile applies a diff to a file of UTF-8 text and writes the result,
// over an existing destination too. A diff that does not apply changes
// nothing. After a move an error may mean that the destination is written and
// the old file is still there; it then says so (session.editor.update).
func (e *Editor) UpdateFile(ctx context.Context, p UpdateFileParams) error {
	data, err := e.s.ReadFile(ctx, ReadFileParams{Path: p.Path})
	if err != nil {
		return fmt.Errorf("update: %w", err)
	}
	content, err := e.apply(data, p.Diff)
	if err != nil {
		return fmt.Errorf("update %s: %w", p.Path, err)
	}
	dest := p.MoveTo
	if dest == "" {
		dest = p.Path
	}
	if _, err := e.s.WriteFile(ctx, WriteFileParams{Path: dest, Content: []byte(content)}); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	if e.target(dest) == e.target(p.Path) {
		return nil
	}
	if err := e.DeleteFile(ctx, DeleteFileParams{Path: p.Path}); err != nil {
		return fmt.Errorf("update: wrote %s and kept it, but the old file remains: %w", dest, err)
	}
	return nil
}

// apply keeps a byte order mark out of the diff's sight: patches neither show
// it nor mean to remove it with the first line (session.editor.bom).
func (e *Editor) apply(data []byte, diff string) (string, error) {
	if !utf8.Valid(data) {
		return "", errors.New("the file is not UTF-8 text")
	}
	text, hadBOM := strings.CutPrefix(string(data), utf8BOM)
	text, err := e.s.cfg.Applier.Update(text, diff)
	if err != nil {
		return "", err
	}
	if hadBOM && !strings.HasPrefix(text, utf8BOM) {
		text = utf8BOM + text
	}
	return text, nil
}

// DeleteFileParams names what to delete.
type DeleteFileParams struct{ Path string }

// DeleteFile removes a file, or a directory with all that it holds; a path
// that does not exist is no error. The base, its parents and what might be
// one of them are refused (session.editor.delete).
func (e *Editor) DeleteFile(ctx context.Context, p DeleteFileParams) error {
	rel := e.fromBase(p.Path)
	if strings.ContainsRune(rel, 0) {
		return fmt.Errorf("delete %q: a path cannot hold a NUL byte", p.Path)
	}
	if e.holdsBase(rel) {
		return fmt.Errorf("delete %q: refused: it is, or holds, the working directory", p.Path)
	}
	r, err := e.s.Exec(ctx, ExecParams{Cmd: "rm -rf -- " + shellQuote(rel)})
	if err != nil {
		return fmt.Errorf("delete %s: %w", p.Path, err)
	}
	if r.ExitCode != 0 {
		return fmt.Errorf("delete %s: rm exited with %d: %s", p.Path, r.ExitCode, strings.TrimSpace(r.Stderr))
	}
	return nil
}

// fromBase maps a path as a command sees it that runs in the base. It is the
// same file that reads and writes reach, so what follows a doubled slash
// stays below a base that is not empty: "/workspace//etc" must not delete
// /etc.
func (e *Editor) fromBase(p string) string {
	rel := ToMachinePath(p, "")
	if strings.HasPrefix(p, VirtualRoot+"/") && baseOf(e.s.cfg.WorkingDir) != "" {
		rel = strings.TrimLeft(rel, "/")
	}
	return rel
}

// target is the cleaned path of a file as seen from the agent's root: absolute
// when that is known.
func (e *Editor) target(p string) string { return e.join(e.fromBase(p)) }

func (e *Editor) join(rel string) string {
	if path.IsAbs(rel) {
		return path.Clean(rel)
	}
	return path.Join(baseOf(e.s.cfg.WorkingDir), rel)
}

// holdsBase reports whether rel is the base or a directory above it. The
// agent's root may be unknown here, so a path that only climbs counts as above
// whatever it starts from.
func (e *Editor) holdsBase(rel string) bool {
	if onlyClimbs(path.Clean(rel)) {
		return true
	}
	base, target := path.Clean(baseOf(e.s.cfg.WorkingDir)), e.join(rel)
	return target == base || strings.HasPrefix(base, target+"/")
}

func onlyClimbs(clean string) bool {
	for element := range strings.SplitSeq(clean, "/") {
		if element != "" && element != "." && element != ".." {
			return false
		}
	}
	return true
}

// shellQuote makes one POSIX shell word of s.
func shellQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
