package main

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestAFileThatManyReplaceIsAlwaysWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "reach.json")
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := replace(name, []byte("whole")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if data, err := os.ReadFile(name); err != nil || string(data) != "whole" {
		t.Errorf("it holds %q, error %v", data, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%d files, error %v, want the one", len(entries), err)
	}
}
