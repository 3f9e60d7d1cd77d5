package session_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
	"agentproof/session/internal/machine"
	"agentproof/session/v4a"
)

// A project is a directory of this machine with an editor on it.
type project struct {
	t   *testing.T
	dir string
	e   *session.Editor
	m   *machine.Machine
}

// newProject makes files in the working directory, a directory below the
// agent's root.
func newProject(t *testing.T, files map[string]string) project {
	t.Helper()
	root := t.TempDir()
	p := project{t: t, dir: filepath.Join(root, "project")}
	p.write("keep", "kept")
	for name, content := range files {
		p.write(name, content)
	}
	cfg := config()
	cfg.WorkingDir = p.dir
	s, m := newSession(t, cfg, machine.Host(root))
	p.e, p.m = s.CreateEditor(), m
	return p
}

func (p project) write(name, content string) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// want compares all files of the project; every one has a "keep" that nothing
// may touch.
func (p project) want(files map[string]string) {
	p.t.Helper()
	files["keep"] = "kept"
	got := map[string]string{}
	err := filepath.WalkDir(p.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(p.dir, path)
		got[rel] = string(data)
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	if diff := cmp.Diff(files, got); diff != "" {
		p.t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestCreateFile(t *testing.T) {
	t.Parallel()
	t.Run("writes the content and missing parents", func(t *testing.T) {
		t.Parallel()
		p := newProject(t, nil)
		if err := p.e.CreateFile(t.Context(), session.CreateFileParams{Path: "/workspace/a/b/c", Diff: "+x\n+y\n+"}); err != nil {
			t.Fatal(err)
		}
		p.want(map[string]string{"a/b/c": "x\ny\n"})
	})
	t.Run("refuses a path that exists", func(t *testing.T) {
		t.Parallel()
		p := newProject(t, map[string]string{"a": "old"})
		for _, path := range []string{"a", "/workspace/a", p.dir + "/a", "/workspace"} {
			err := p.e.CreateFile(t.Context(), session.CreateFileParams{Path: path, Diff: "+new"})
			if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: err = %v, want %v", path, err, fs.ErrExist)
			}
		}
		p.want(map[string]string{"a": "old"})
	})
	t.Run("refuses a dangling link", func(t *testing.T) {
		t.Parallel()
		p := newProject(t, nil)
		if err := os.Symlink("nowhere", filepath.Join(p.dir, "link")); err != nil {
			t.Fatal(err)
		}
		if err := p.e.CreateFile(t.Context(), session.CreateFileParams{Path: "link", Diff: "+new"}); !errors.Is(err, fs.ErrExist) {
			t.Errorf("err = %v, want %v", err, fs.ErrExist)
		}
	})
	t.Run("writes nothing for a broken diff", func(t *testing.T) {
		t.Parallel()
		p := newProject(t, nil)
		err := p.e.CreateFile(t.Context(), session.CreateFileParams{Path: "a", Diff: "x"})
		if _, ok := errors.AsType[*v4a.SyntaxError](err); !ok {
			t.Errorf("err = %v, want a *v4a.SyntaxError", err)
		}
		p.want(map[string]string{})
	})
}

func TestUpdateFile(t *testing.T) {
	t.Parallel()
	const diff = "@@\n-a\n+b"
	tests := map[string]struct {
		files  map[string]string
		params session.UpdateFileParams
		want   map[string]string
		ops    []string
	}{
		"in place": {
			map[string]string{"f": "a\nz\n"}, session.UpdateFileParams{Path: "f", Diff: diff},
			map[string]string{"f": "b\nz\n"}, []string{"fs_read", "fs_write"},
		},
		"to another path": {
			map[string]string{"f": "a"}, session.UpdateFileParams{Path: "f", Diff: diff, MoveTo: "/workspace/d/g"},
			map[string]string{"d/g": "b"}, []string{"fs_read", "fs_write", "exec"},
		},
		"over an existing destination": {
			map[string]string{"f": "a", "g": "old"}, session.UpdateFileParams{Path: "f", Diff: diff, MoveTo: "g"},
			map[string]string{"g": "b"}, []string{"fs_read", "fs_write", "exec"},
		},
		"a move without a change": {
			map[string]string{"f": "a"}, session.UpdateFileParams{Path: "f", MoveTo: "g"},
			map[string]string{"g": "a"}, []string{"fs_read", "fs_write", "exec"},
		},
		"a move to the path itself is none": {
			map[string]string{"f": "a"}, session.UpdateFileParams{Path: "f", Diff: diff, MoveTo: "f"},
			map[string]string{"f": "b"}, []string{"fs_read", "fs_write"},
		},
		"nor is one to the same path of the sandbox": {
			map[string]string{"f": "a"}, session.UpdateFileParams{Path: "/workspace/f", Diff: diff, MoveTo: "f"},
			map[string]string{"f": "b"}, []string{"fs_read", "fs_write"},
		},
		"nor one to the same path when cleaned": {
			map[string]string{"d/f": "a"}, session.UpdateFileParams{Path: "d/f", Diff: diff, MoveTo: "/workspace//d/./f"},
			map[string]string{"d/f": "b"}, []string{"fs_read", "fs_write"},
		},
		"a byte order mark stays with the first line changed": {
			map[string]string{"f": "\ufeffa\nz"}, session.UpdateFileParams{Path: "f", Diff: diff},
			map[string]string{"f": "\ufeffb\nz"}, []string{"fs_read", "fs_write"},
		},
		"it is not doubled when the diff shows it": {
			map[string]string{"f": "\ufeffa"}, session.UpdateFileParams{Path: "f", Diff: "@@\n-\ufeffa\n+\ufeffb"},
			map[string]string{"f": "\ufeffb"}, []string{"fs_read", "fs_write"},
		},
		"CRLF line ends of kept lines stay": {
			map[string]string{"f": "x\r\na\r\n"}, session.UpdateFileParams{Path: "f", Diff: "@@\n x\n-a\n+b"},
			map[string]string{"f": "x\r\nb\n"}, []string{"fs_read", "fs_write"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t, tc.files)
			if err := p.e.UpdateFile(t.Context(), tc.params); err != nil {
				t.Fatal(err)
			}
			p.want(tc.want)
			var ops []string
			for _, req := range p.m.Requests() {
				ops = append(ops, session.OpName(req))
			}
			if diff := cmp.Diff(tc.ops, ops); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// The same file under an absolute name, as a listing echoes it, is no move.
func TestUpdateToTheFilesAbsoluteNameIsNoMove(t *testing.T) {
	t.Parallel()
	p := newProject(t, map[string]string{"f": "a"})
	err := p.e.UpdateFile(t.Context(), session.UpdateFileParams{Path: "f", Diff: "@@\n-a\n+b", MoveTo: p.dir + "/f"})
	if err != nil {
		t.Fatal(err)
	}
	p.want(map[string]string{"f": "b"})
}

func TestAnUpdateThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		content string
		params  session.UpdateFileParams
		check   func(error) bool
	}{
		"a diff that does not apply": {
			"a", session.UpdateFileParams{Path: "f", Diff: "@@\n-x\n+y", MoveTo: "g"},
			func(err error) bool { _, ok := errors.AsType[*v4a.MatchError](err); return ok },
		},
		"a diff of which a part does not apply": {
			"a\nb", session.UpdateFileParams{Path: "f", Diff: "@@\n-a\n+b\n@@\n-x"},
			func(err error) bool { _, ok := errors.AsType[*v4a.MatchError](err); return ok },
		},
		"a file that is not UTF-8": {
			"a\n\xff", session.UpdateFileParams{Path: "f", Diff: "@@\n-a\n+b"},
			func(err error) bool { return strings.Contains(err.Error(), "UTF-8") },
		},
		"a file that is not there": {
			"a", session.UpdateFileParams{Path: "missing", Diff: "@@\n-a\n+b"},
			func(err error) bool { return errors.Is(err, fs.ErrNotExist) },
		},
		"a destination that cannot be written": {
			"a", session.UpdateFileParams{Path: "f", Diff: "@@\n-a\n+b", MoveTo: "keep/g"},
			func(err error) bool { _, ok := errors.AsType[*session.ControlError](err); return ok },
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t, map[string]string{"f": tc.content})
			if err := p.e.UpdateFile(t.Context(), tc.params); err == nil || !tc.check(err) {
				t.Errorf("err = %v", err)
			}
			p.want(map[string]string{"f": tc.content})
		})
	}
}

func TestAMoveWhoseDeleteFailsKeepsTheDestination(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	host := machine.Host(dir)
	cfg := config()
	cfg.WorkingDir = dir
	s, _ := newSession(t, cfg, func(req *agentv1.ControlRequest) *agentv1.ControlResponse {
		if req.GetExec() != nil { // no user of the tests is kept from deleting a file: root may run them
			return &agentv1.ControlResponse{Result: &agentv1.ControlResponse_Exec{
				Exec: &agentv1.ExecResponse{ExitCode: 1, Stderr: []byte("rm: cannot remove 'f': Busy\n")},
			}}
		}
		return host(req)
	})
	err := s.CreateEditor().UpdateFile(t.Context(), session.UpdateFileParams{Path: "f", Diff: "@@\n-a\n+b", MoveTo: "g"})
	if err == nil || !strings.Contains(err.Error(), "Busy") || !strings.Contains(err.Error(), "g") {
		t.Errorf("err = %v, want one with rm's words that names the destination", err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "g")); string(data) != "b" {
		t.Errorf("the destination holds %q, %v", data, err)
	}
}

func TestDeleteFile(t *testing.T) {
	t.Parallel()
	hostile := "-rf 'quoted' \"x\" $HOME `id` * \\ ; true\nnewline"
	tests := map[string]struct {
		path  string
		files map[string]string
		want  map[string]string
	}{
		"a file":                          {"a", map[string]string{"a": "", "b": ""}, map[string]string{"b": ""}},
		"a file below the virtual root":   {"/workspace/d/a", map[string]string{"d/a": "", "d/b": ""}, map[string]string{"d/b": ""}},
		"a directory with all it holds":   {"d", map[string]string{"d/a": "", "d/e/b": ""}, map[string]string{}},
		"a missing path is no error":      {"missing/x", nil, map[string]string{}},
		"a name that a shell might read":  {hostile, map[string]string{hostile: "", "d": ""}, map[string]string{"d": ""}},
		"a name that climbs back in":      {"../project/a", map[string]string{"a": ""}, map[string]string{}},
		"a name of three dots":            {"...", map[string]string{"...": "", "a": ""}, map[string]string{"a": ""}},
		"behind a double slash":           {"/workspace//a", map[string]string{"a": ""}, map[string]string{}},
		"what begins like the base's own": {"../project2", map[string]string{"../project2": ""}, map[string]string{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t, tc.files)
			if err := p.e.DeleteFile(t.Context(), session.DeleteFileParams{Path: tc.path}); err != nil {
				t.Fatal(err)
			}
			p.want(tc.want)
			if _, err := os.Lstat(filepath.Join(p.dir, "../project2")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("../project2: %v", err)
			}
		})
	}
}

func TestDeleteFileByItsAbsoluteName(t *testing.T) {
	t.Parallel()
	p := newProject(t, map[string]string{"a": ""})
	if err := p.e.DeleteFile(t.Context(), session.DeleteFileParams{Path: p.dir + "/a"}); err != nil {
		t.Fatal(err)
	}
	p.want(map[string]string{})
}

func TestDeleteOnTheWire(t *testing.T) {
	t.Parallel()
	done := answer(&agentv1.ControlResponse{Result: &agentv1.ControlResponse_Exec{Exec: &agentv1.ExecResponse{}}})
	tests := []struct{ workingDir, path, cwd, command string }{
		{"/home/me/", "/workspace/a/b", "/home/me", `rm -rf -- 'a/b'`},
		{"/home/me", "a", "/home/me", `rm -rf -- 'a'`},
		{"/home/me", "/tmp/x", "/home/me", `rm -rf -- '/tmp/x'`},
		{"/home/me", "it's", "/home/me", `rm -rf -- 'it'\''s'`},
		{"/home/me", "../x", "/home/me", `rm -rf -- '../x'`},
		{"/home/me", "/workspace//etc", "/home/me", `rm -rf -- 'etc'`},
		{"project", "/workspace/a", "project", `rm -rf -- 'a'`},
		{"", "/workspace/a", "", `rm -rf -- 'a'`},
		{"", "/workspace//x", "", `rm -rf -- '/x'`},
		{"/", "/workspace/a", "", `rm -rf -- 'a'`},
	}
	for _, tc := range tests {
		t.Run(tc.workingDir+" "+tc.path, func(t *testing.T) {
			t.Parallel()
			cfg := config()
			cfg.WorkingDir = tc.workingDir
			s, m := newSession(t, cfg, done)
			if err := s.CreateEditor().DeleteFile(t.Context(), session.DeleteFileParams{Path: tc.path}); err != nil {
				t.Fatal(err)
			}
			op := m.Requests()[0].GetExec()
			if op.GetCwd() != tc.cwd || !cmp.Equal(op.GetCommand(), []string{tc.command}) || !op.GetShell() {
				t.Errorf("sent %v, want %q in %q", op, tc.command, tc.cwd)
			}
		})
	}
}

func TestDeleteRefusesTheWorkingDirectoryAndWhatHoldsIt(t *testing.T) {
	t.Parallel()
	refused := map[string][]string{
		"/home/me/project": {
			"", "/workspace", "/workspace/", "/workspace//", ".", "./", "/workspace/.", "..", "../..", "/", "//", "/..", "/workspace/..",
			"/home/me/project", "/home/me/project/", "/home/me/x/../project", "../project", "a/..", "/home", "/home/me/", "a/../..",
			"/workspace/../../../../..", "../../me", "a\x00b",
		},
		"":          {"", "/workspace", "/workspace/", ".", "a/..", "..", "../..", "/", "/workspace//", "a\x00"},
		"/":         {"", "/workspace", ".", "/", ".."},
		"project/x": {"", "/workspace", ".", "..", "../..", "../../..", "../x", "../../project", "../../project/x", "/", "a/../.."},
	}
	for workingDir, paths := range refused {
		t.Run("in "+workingDir, func(t *testing.T) {
			t.Parallel()
			cfg := config()
			cfg.WorkingDir = workingDir
			s, m := newSession(t, cfg, machine.Pong)
			for _, path := range paths {
				if err := s.CreateEditor().DeleteFile(t.Context(), session.DeleteFileParams{Path: path}); err == nil {
					t.Errorf("delete %q was not refused", path)
				}
			}
			for _, req := range m.Requests() {
				t.Errorf("sent %v", req.GetExec().GetCommand())
			}
		})
	}
}

func TestADeleteThatFailsGivesTheShellsWords(t *testing.T) {
	t.Parallel()
	s, _ := newSession(t, config(), answer(&agentv1.ControlResponse{Result: &agentv1.ControlResponse_Exec{
		Exec: &agentv1.ExecResponse{ExitCode: 1, Stderr: []byte("rm: cannot remove 'a': Device or resource busy\n")},
	}}))
	err := s.CreateEditor().DeleteFile(t.Context(), session.DeleteFileParams{Path: "a"})
	if err == nil || !strings.Contains(err.Error(), "Device or resource busy") {
		t.Errorf("err = %v", err)
	}
}

// shouting is an applier of a format of its own.
type shouting struct{}

func (shouting) Create(diff string) (string, error) { return strings.ToUpper(diff), nil }
func (shouting) Update(content, diff string) (string, error) {
	return content + strings.ToUpper(diff), nil
}

func TestTheApplierCanBeReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := config()
	cfg.WorkingDir, cfg.Applier = dir, shouting{}
	s, _ := newSession(t, cfg, machine.Host(dir))
	e, ctx := s.CreateEditor(), context.WithoutCancel(t.Context())
	if err := e.CreateFile(ctx, session.CreateFileParams{Path: "f", Diff: "a"}); err != nil {
		t.Fatal(err)
	}
	if err := e.UpdateFile(ctx, session.UpdateFileParams{Path: "f", Diff: "b"}); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "f")); string(data) != "AB" {
		t.Errorf("the file holds %q, %v", data, err)
	}
}
