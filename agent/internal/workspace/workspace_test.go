package workspace_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"agentproof/agent/internal/operr"
	"agentproof/agent/internal/workspace"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func open(t testing.TB, dir string) workspace.Root {
	t.Helper()
	root, err := workspace.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestResolve(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the expected paths are POSIX ones")
	}
	dir := t.TempDir()
	tests := map[string]struct{ path, want string }{
		"the empty path is the root":              {"", dir},
		"a dot is left to the OS":                 {".", dir + "/."},
		"a relative path is joined":               {"a/b", dir + "/a/b"},
		"an absolute path is itself":              {"/etc/hosts", "/etc/hosts"},
		"a parent is left to the OS":              {"link/../x", dir + "/link/../x"},
		"a path may leave the root":               {"../x", dir + "/../x"},
		"a trailing slash stays":                  {"file/", dir + "/file/"},
		"doubled slashes stay":                    {"a//b", dir + "/a//b"},
		"/workspace has no meaning":               {"/workspace/x", "/workspace/x"},
		"a tilde is a name":                       {"~/x", dir + "/~/x"},
		"a variable is a name":                    {"$HOME/*", dir + "/$HOME/*"},
		"quotes, spaces and newlines are names":   {"a 'b' \"c\"\n", dir + "/a 'b' \"c\"\n"},
		"an absolute path keeps its own spelling": {"/a/../b/", "/a/../b/"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := open(t, dir).Resolve(tc.path)
			if err != nil || got != tc.want {
				t.Errorf("Resolve(%q) = %q, %v; want %q", tc.path, got, err, tc.want)
			}
		})
	}
}

func TestTheFileSystemRootIsARootToo(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the expected paths are POSIX ones")
	}
	if got, err := open(t, "/").Resolve("etc"); err != nil || got != "/etc" {
		t.Errorf(`Resolve("etc") under "/" = %q, %v; want "/etc"`, got, err)
	}
}

func TestANulByteIsAnOSError(t *testing.T) {
	t.Parallel()
	root := open(t, t.TempDir())
	for name, resolve := range map[string]func(string) (string, error){
		"as a path":              root.Resolve,
		"as a working directory": root.WorkingDir,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := resolve("a\x00b")
			wantCode(t, err, agentv1.ErrorCode_ERROR_CODE_OS)
			if !errors.Is(err, syscall.EINVAL) {
				t.Errorf("error = %v, want EINVAL", err)
			}
		})
	}
}

func TestOpenRefusesWhatIsNoDirectory(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, file + "-missing"} {
		if _, err := workspace.Open(dir); err == nil {
			t.Errorf("Open(%q) succeeded", dir)
		}
	}
}

func TestWorkingDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := open(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}

	if got, err := root.WorkingDir(""); err != nil || got != dir {
		t.Errorf(`WorkingDir("") = %q, %v; want the root`, got, err)
	}
	_, err := root.WorkingDir("no/such")
	wantCode(t, err, agentv1.ErrorCode_ERROR_CODE_NOT_FOUND)
	if e, _ := errors.AsType[*operr.Error](err); e == nil || !strings.Contains(e.Detail["context"], "no/such") {
		t.Errorf("error %#v does not name the directory in its context", err)
	}
	_, err = root.WorkingDir("file")
	wantCode(t, err, agentv1.ErrorCode_ERROR_CODE_OS)
}

func wantCode(t testing.TB, err error, want agentv1.ErrorCode) {
	t.Helper()
	e, ok := errors.AsType[*operr.Error](err)
	if !ok || e.Code != want {
		t.Errorf("error = %v, want one with code %v", err, want)
	}
}

func TestTextReplacesEachBadByte(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ name, want string }{
		"ASCII is untouched":                   {"plain", "plain"},
		"every script is untouched":            {"grüße-日本-🙂", "grüße-日本-🙂"},
		"a genuine U+FFFD is untouched":        {"\uFFFD", "\uFFFD"},
		"two bad bytes are two replacements":   {"a\xff\xfeb", "a\uFFFD\uFFFDb"},
		"each byte of a cut rune is replaced":  {"\xe6\x97", "\uFFFD\uFFFD"},
		"each byte of a surrogate is replaced": {"\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := workspace.Text(tc.name); got != tc.want || !utf8.ValidString(got) {
				t.Errorf("Text(%q) = %q, want %q", tc.name, got, tc.want)
			}
		})
	}
}
