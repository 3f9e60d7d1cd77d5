package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"agentproof/suite/report"
	"agentproof/suite/transcript"
)

// trace runs cases with --trace and returns the report's directory.
func trace(t *testing.T, which string, code int, args ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "report")
	invoke(t, append([]string{"run", "--out", dir, "--trace", which}, args...)...).want(t, code, "report in "+dir, "")
	return dir
}

func transcriptsIn(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "transcripts", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		files[i] = filepath.Base(f)
	}
	return files
}

func TestTrace(t *testing.T) {
	t.Parallel()
	faulty := []string{"--case", "ping.**", "--", self(t), asAgent, "faulty"}
	for _, tt := range []struct {
		which string
		want  string
	}{
		{"all", "ping.monotonic+never-decreases.ndjson ping.nonce+echoed.ndjson ping.nonce+full-range.ndjson"},
		{"failed", "ping.nonce+echoed.ndjson ping.nonce+full-range.ndjson"},
		{"none", ""},
	} {
		t.Run(tt.which, func(t *testing.T) {
			t.Parallel()
			dir := trace(t, tt.which, 1, faulty...)
			if got := strings.Join(transcriptsIn(t, dir), " "); got != tt.want {
				t.Errorf("transcripts %s, want %s", got, tt.want)
			}
		})
	}
	t.Run("the report names the transcripts of failures", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "report")
		name := filepath.Join("transcripts", "ping.nonce+echoed.ndjson")
		got := invoke(t, append([]string{"run", "--out", dir}, faulty...)...)
		got.want(t, 1, "  trace   "+filepath.Join(dir, name)+"\n", "")
		data, err := os.ReadFile(filepath.Join(dir, "run.json"))
		if err != nil {
			t.Fatal(err)
		}
		var run report.Run
		if err := json.Unmarshal(data, &run); err != nil {
			t.Fatal(err)
		}
		if got := run.Cases["ping.nonce/echoed"].Transcript; got != filepath.ToSlash(name) {
			t.Errorf("run.json names %q", got)
		}
		if got := run.Cases["ping.monotonic/never-decreases"].Transcript; got != "" {
			t.Errorf("run.json names %q for a case that passed", got)
		}
	})
	t.Run("a later run replaces the transcripts", func(t *testing.T) {
		t.Parallel()
		dir := trace(t, "all", 1, faulty...)
		invoke(t, "run", "--out", dir, "--case", "ping.nonce/echoed").want(t, 0, "", "")
		if got := transcriptsIn(t, dir); len(got) != 0 {
			t.Errorf("transcripts of an earlier run are left: %q", got)
		}
	})
}

func TestReplay(t *testing.T) {
	t.Parallel()
	dir := trace(t, "all", 0, "--case", "ping.nonce/echoed", "--case", "exec.cwd/relative-names", "--case", "pty.size/*", "--case", "fence.newer/runs",
		"--case", "fs.read.follows-symlink/to-a-file")
	file := func(name string) string { return filepath.Join(dir, "transcripts", name+".ndjson") }
	t.Run("the same agent says the same", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"ping.nonce+echoed", "exec.cwd+relative-names", "pty.size+as-asked", "fence.newer+runs", "fs.read.follows-symlink+to-a-file"} {
			invoke(t, "replay", file(name)).want(t, 0, " same, 0 different\n", "")
		}
	})
	t.Run("another agent's difference is named and is exit code 1", func(t *testing.T) {
		t.Parallel()
		got := invoke(t, "replay", file("ping.nonce+echoed"), "--", self(t), asAgent, "faulty")
		got.want(t, 1, "✗ 1 ping\n    ping.nonce: \"42\", now \"43\"\n", "")
	})
	t.Run("for scripts in JSON", func(t *testing.T) {
		t.Parallel()
		got := invoke(t, "replay", "--json", file("ping.nonce+echoed"), "--", self(t), asAgent, "faulty")
		got.want(t, 1, `{"id":1,"op":"ping","same":false,"differences":[{"path":"ping.nonce","want":"\"42\"","got":"\"43\""}]}`+"\n", "")
		invoke(t, "replay", "--json", file("ping.nonce+echoed")).want(t, 0, `{"id":1,"op":"ping","same":true}`+"\n", "")
	})
	t.Run("a running agent is asked where it is", func(t *testing.T) {
		t.Parallel()
		flags := append([]string{"replay", "--verbose"}, attachable(t)...)
		invoke(t, append(flags, file("exec.cwd+relative-names"))...).want(t, 0, " exec\n", "")
		invoke(t, append(flags, file("fence.newer+runs"))...).want(t, 2, "", "needs an agent of its own: leave out --attach")
	})
	t.Run("an agent that is never ready is exit code 3", func(t *testing.T) {
		t.Parallel()
		invoke(t, "replay", file("ping.nonce+echoed"), "--", self(t), asAgent, "quits").want(t, 3, "", "the agent never became ready")
	})
	t.Run("nothing that could be sent is exit code 2", func(t *testing.T) {
		t.Parallel()
		empty := transcript.Transcript{Header: transcript.Header{Case: "a.b/c"}, Messages: []transcript.Message{
			{Kind: transcript.Request, ID: 1, CannotReplay: "it is larger than what a transcript keeps"},
		}}
		report := t.TempDir()
		name, err := empty.Save(report)
		if err != nil {
			t.Fatal(err)
		}
		invoke(t, "replay", filepath.Join(report, name)).want(t, 2, "", "no request that can be sent again")
	})
}
