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

func TestAgentsThatShareAnIDAreChosenByTheirBrokers(t *testing.T) {
	t.Parallel()
	agents := []reach{
		{URL: "nats://127.0.0.1:1", ControlURL: "nats://control-plane:p@127.0.0.1:1", WorkspaceID: "local", AgentID: "laptop", Root: "/a"},
		{URL: "nats://127.0.0.1:2", ControlURL: "nats://control-plane:p@127.0.0.1:2", WorkspaceID: "local", AgentID: "laptop", Root: "/b\x1b[2J"},
	}
	for _, flags := range []callFlags{{}, {agent: "laptop"}, {workspace: "local"}} {
		_, err := flags.choose(agents)
		const want = "2 agents run here; choose one:\n" +
			"  --nats nats://127.0.0.1:1  (agent laptop of workspace local in /a)\n" +
			"  --nats nats://127.0.0.1:2  (agent laptop of workspace local in /b\\x1b[2J)"
		if err == nil || err.Error() != want {
			t.Errorf("%+v: error %q, want %q", flags, err, want)
		}
	}
	for _, nats := range []string{"nats://127.0.0.1:2", "nats://control-plane:p@127.0.0.1:2"} {
		if r, err := (&callFlags{nats: nats}).choose(agents); err != nil || r.Root != agents[1].Root {
			t.Errorf("--nats %s chose %v, error %v", nats, r, err)
		}
	}
}
