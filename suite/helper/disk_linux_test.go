package helper_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"agentproof/suite/helper"
)

func TestASmallDiskIsFullAtItsSizeAndGoesWithItsFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mounted, file := filepath.Join(dir, "disk"), filepath.Join(dir, "place")
	if err := os.Mkdir(mounted, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := command(t, dir, "small-disk", "disk", "65536", file)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var place helper.Place
	eventually(t, "the disk", func() bool {
		data, err := os.ReadFile(file)
		return err == nil && json.Unmarshal(data, &place) == nil
	})
	if place.Path == "" {
		err := cmd.Wait()
		t.Skipf("this machine lets nobody mount: %v, %s", err, stderr.Bytes())
	}
	name := filepath.Join(place.Path, "file")
	if err := os.WriteFile(name, make([]byte, 32<<10), 0o644); err != nil {
		t.Errorf("write what fits: %v", err)
	}
	if err := os.WriteFile(name, make([]byte, 128<<10), 0o644); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("write what does not fit: %v, want %v", err, syscall.ENOSPC)
	}
	if entries, err := os.ReadDir(mounted); err != nil || len(entries) != 0 {
		t.Errorf("the mount shows outside: %v, %v", entries, err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v, stderr %s", err, stderr.Bytes())
	}
	if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the disk is still there: %v", err)
	}
}
