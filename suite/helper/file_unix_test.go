//go:build unix

package helper_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"agentproof/suite/helper"
)

func TestLstatSeesWhatTheHelperMade(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "file"), "12345")
	runIn(t, dir, "symlink", "no such target", "link")
	runIn(t, dir, "hardlink", "file", "twin")
	runIn(t, dir, "mkfifo", "fifo")
	runIn(t, dir, "chmod", "4751", "twin")
	if err := os.Mkdir(filepath.Join(dir, "dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	runIn(t, dir, "chmod", "1777", "dir")
	tests := []struct {
		name, kind string
		mode       uint32 // 0: whatever the umask left
		size       int64
		links      uint64
		target     string
	}{
		{"file", "file", 0o104751, 5, 2, ""},
		{"twin", "file", 0o104751, 5, 2, ""},
		{"link", "symlink", 0, 14, 1, "no such target"},
		{"fifo", "fifo", 0, 0, 1, ""},
		{"dir", "directory", 0o041777, -1, 0, ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, tc.name)
			got := ask[helper.FileInfo](t, "lstat", path)
			if !got.Exists || got.Type != tc.kind || got.Target != tc.target {
				t.Errorf("got %+v", got)
			}
			if tc.mode != 0 && got.Mode != tc.mode {
				t.Errorf("mode %o, want %o", got.Mode, tc.mode)
			}
			if tc.size >= 0 && got.Size != tc.size || tc.links > 0 && got.Links != tc.links {
				t.Errorf("size %d, links %d", got.Size, got.Links)
			}
			var st unix.Stat_t
			if err := unix.Lstat(path, &st); err != nil {
				t.Fatal(err)
			}
			if got.Inode != st.Ino || got.Device != uint64(st.Dev) || got.UID != st.Uid || got.GID != st.Gid || got.Mode != uint32(st.Mode) {
				t.Errorf("got %+v, the system says %+v", got, st)
			}
		})
	}
}

func TestLstatFailsThroughAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "file"), "")
	if res := finish(t, command(t, dir, "lstat", "file/x")); res.code != helper.ExitFailure {
		t.Errorf("exit code %d, stdout %s", res.code, res.stdout)
	}
}

func TestMknamesMakesNamesThatNoStringCarries(t *testing.T) {
	t.Parallel()
	names := []string{"plain", "two words", "new\nline", "日本"}
	if runtime.GOOS == "linux" { // others refuse what is not UTF-8
		names = append(names, "bad\xff\xfename", "\x80")
	}
	dir := t.TempDir()
	args := []string{"mknames", "."}
	for _, name := range names {
		args = append(args, hex.EncodeToString([]byte(name)))
	}
	runIn(t, dir, args...)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil || string(content) != hex.EncodeToString([]byte(e.Name())) {
			t.Errorf("%q holds %q, %v", e.Name(), content, err)
		}
	}
	slices.Sort(names)
	if !slices.Equal(got, names) {
		t.Errorf("got %q, want %q", got, names)
	}
}

func TestMknamesRefusesWhatNoDirectoryHolds(t *testing.T) {
	t.Parallel()
	for name, digits := range map[string]string{
		"an empty name": "", "the directory": "2e", "its parent": "2e2e", "a NUL": "6100", "a slash": "612f62", "no hex": "xy", "half a byte": "6",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if res := finish(t, command(t, dir, "mknames", ".", "6f6b", digits)); res.code != helper.ExitUsage {
				t.Errorf("exit code %d, stderr %s", res.code, res.stderr)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
				t.Errorf("made: %v, %v", entries, err)
			}
		})
	}
}

func TestOtherDeviceIsOneThatRenameCannotReach(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	place := ask[helper.Place](t, "other-device", dir)
	if place.Path == "" {
		t.Skip("every place of this machine is on one device")
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(place.Path); err != nil {
			t.Error(err)
		}
	})
	file := filepath.Join(dir, "f")
	writeFile(t, file, "")
	if err := syscall.Rename(file, filepath.Join(place.Path, "f")); err != syscall.EXDEV {
		t.Errorf("rename to %s: %v, want %v", place.Path, err, syscall.EXDEV)
	}
}

func TestChownSetsOwnerAndGroupApart(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only the superuser gives files away")
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "file"), "")
	runIn(t, dir, "chown", "4711", "4712", "file")
	runIn(t, dir, "chown", "--", "-1", "4713", "file")
	got := ask[helper.FileInfo](t, "lstat", filepath.Join(dir, "file"))
	if got.UID != 4711 || got.GID != 4713 {
		t.Errorf("owner %d, group %d, want 4711 and 4713", got.UID, got.GID)
	}
}
