package git_test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// status asks for the status with its files in the order of their paths.
func (r repository) status(t testing.TB, cwd string, args ...string) *agentv1.GitStatus {
	t.Helper()
	resp := r.run(t, &agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_STATUS, Cwd: cwd, Args: args})
	if resp.GetExitCode() != 0 {
		t.Fatalf("exit code %d: %s", resp.GetExitCode(), resp.GetStderr())
	}
	s := resp.GetStatus()
	if s != nil {
		slices.SortFunc(s.GetFiles(), func(a, b *agentv1.GitFileStatus) int { return strings.Compare(a.GetPath(), b.GetPath()) })
	}
	return s
}

func wantStatus(t testing.TB, got, want *agentv1.GitStatus) {
	t.Helper()
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("status differs (-want +got):\n%s", diff)
	}
}

func TestStatusOfARepository(t *testing.T) {
	t.Parallel()
	type files = []*agentv1.GitFileStatus
	tests := map[string]struct {
		prepare func(testing.TB, repository)
		cwd     string
		args    []string
		want    *agentv1.GitStatus
	}{
		"without a commit": {
			func(testing.TB, repository) {}, "", nil,
			&agentv1.GitStatus{Branch: "main", Clean: true},
		},
		"clean": {
			func(t testing.TB, r repository) { r.commit(t, "a") }, "", nil,
			&agentv1.GitStatus{Branch: "main", Clean: true},
		},
		"detached": {
			func(t testing.TB, r repository) { r.commit(t, "a"); r.must(t, "checkout", "-q", "--detach") }, "", nil,
			&agentv1.GitStatus{Branch: "(detached)", Clean: true},
		},
		"every side of a change": {
			func(t testing.TB, r repository) {
				r.commit(t, "modified", "staged", "both", "deleted", "removed")
				r.put(t, "modified", "new")
				r.put(t, "staged", "new")
				r.put(t, "both", "new")
				r.put(t, "added", "new")
				r.must(t, "add", "staged", "both", "added")
				r.must(t, "rm", "-q", "removed")
				r.put(t, "both", "newer")
				r.put(t, "untracked", "new")
				if err := os.Remove(filepath.Join(r.dir, "deleted")); err != nil {
					t.Fatal(err)
				}
			}, "", nil,
			&agentv1.GitStatus{Branch: "main", Files: files{
				{Path: "added", Code: "A.", Staged: true},
				{Path: "both", Code: "MM", Staged: true},
				{Path: "deleted", Code: ".D"},
				{Path: "modified", Code: ".M"},
				{Path: "removed", Code: "D.", Staged: true},
				{Path: "staged", Code: "M.", Staged: true},
				{Path: "untracked", Code: "??"},
			}},
		},
		"a rename comes under its new path": {
			func(t testing.TB, r repository) { r.commit(t, "old name"); r.must(t, "mv", "old name", "new name") }, "", nil,
			&agentv1.GitStatus{Branch: "main", Files: files{{Path: "new name", Code: "R.", Staged: true}}},
		},
		"a rename of odd names": {
			func(t testing.TB, r repository) { r.commit(t, "\told\n"); r.must(t, "mv", "\told\n", "\"new\tü") }, "", nil,
			&agentv1.GitStatus{Branch: "main", Files: files{{Path: "\"new\tü", Code: "R.", Staged: true}}},
		},
		"odd names": {
			func(t testing.TB, r repository) {
				r.commit(t, "a b", `q"uote`, "back\\slash", "ünï", "日本", "🙂", "new\nline", "\x01\x7f")
				for _, name := range []string{"a b", `q"uote`, "back\\slash", "ünï", "日本", "🙂", "new\nline", "\x01\x7f"} {
					r.put(t, name, "changed")
				}
				r.put(t, "un tracked ü", "x")
				r.put(t, " leading", "x")
				r.put(t, "trailing ", "x")
			}, "", nil,
			&agentv1.GitStatus{Branch: "main", Files: files{
				{Path: "\x01\x7f", Code: ".M"}, {Path: " leading", Code: "??"}, {Path: "a b", Code: ".M"},
				{Path: "back\\slash", Code: ".M"}, {Path: "new\nline", Code: ".M"}, {Path: `q"uote`, Code: ".M"},
				{Path: "trailing ", Code: "??"}, {Path: "un tracked ü", Code: "??"}, {Path: "ünï", Code: ".M"},
				{Path: "日本", Code: ".M"}, {Path: "🙂", Code: ".M"},
			}},
		},
		"names that are not quoted": {
			func(t testing.TB, r repository) {
				r.must(t, "config", "core.quotePath", "false")
				r.put(t, `q"ü日`, "x")
				r.put(t, "ü日", "x")
			}, "", nil,
			&agentv1.GitStatus{Branch: "main", Files: files{{Path: `q"ü日`, Code: "??"}, {Path: "ü日", Code: "??"}}},
		},
		"paths are those of the working directory": {
			func(t testing.TB, r repository) { r.put(t, "top", "x"); r.put(t, "sub/ü", "x") }, "sub", []string{"-uall"},
			&agentv1.GitStatus{Branch: "main", Files: files{{Path: "../top", Code: "??"}, {Path: "ü", Code: "??"}}},
		},
		"a directory of untracked files is one path": {
			func(t testing.TB, r repository) { r.put(t, "sub/a", "x"); r.put(t, "sub/b", "x") }, "", nil,
			&agentv1.GitStatus{Branch: "main", Files: files{{Path: "sub/", Code: "??"}}},
		},
		"ignored files are no changes": {
			func(t testing.TB, r repository) {
				r.put(t, ".gitignore", "ignored\n")
				r.commit(t)
				r.put(t, "ignored", "x")
			}, "", []string{"--ignored"},
			&agentv1.GitStatus{Branch: "main", Clean: true},
		},
		"arguments narrow it": {
			func(t testing.TB, r repository) { r.commit(t, "a", "b"); r.put(t, "a", "x"); r.put(t, "b", "x") }, "", []string{"--", "b"},
			&agentv1.GitStatus{Branch: "main", Files: files{{Path: "b", Code: ".M"}}},
		},
		"a stash is no file": {
			func(t testing.TB, r repository) {
				r.commit(t, "a")
				r.put(t, "a", "x")
				r.must(t, "stash", "-q")
			}, "", []string{"--show-stash"},
			&agentv1.GitStatus{Branch: "main", Clean: true},
		},
		"without an upstream's counts": {
			func(t testing.TB, r repository) { diverge(t, r) }, "", []string{"--no-ahead-behind"},
			&agentv1.GitStatus{Branch: "topic/ü", Upstream: "main", Clean: true},
		},
		"ahead and behind": {
			func(t testing.TB, r repository) { diverge(t, r) }, "", nil,
			&agentv1.GitStatus{Branch: "topic/ü", Upstream: "main", Ahead: 2, Behind: 1, Clean: true},
		},
		"an upstream that is gone": {
			func(t testing.TB, r repository) { diverge(t, r); r.must(t, "branch", "-q", "-D", "main") }, "", nil,
			&agentv1.GitStatus{Branch: "topic/ü", Upstream: "main", Clean: true},
		},
		"a conflict": {
			func(t testing.TB, r repository) { conflict(t, r) }, "", nil,
			&agentv1.GitStatus{Branch: "main", Files: files{{Path: "a b", Code: "UU"}}},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS == "windows" && strings.Contains(name, "odd names") {
				t.Skip("the file system has no such names")
			}
			r := newRepository(t)
			tc.prepare(t, r)
			wantStatus(t, r.status(t, tc.cwd, tc.args...), tc.want)
		})
	}
}

// diverge makes a branch two commits ahead of its upstream and one behind.
func diverge(t testing.TB, r repository) {
	t.Helper()
	r.commit(t, "a")
	r.must(t, "checkout", "-q", "-b", "topic/ü", "--track", "main")
	r.commit(t, "b")
	r.commit(t, "c")
	r.must(t, "checkout", "-q", "main")
	r.commit(t, "d")
	r.must(t, "checkout", "-q", "topic/ü")
}

func conflict(t testing.TB, r repository) {
	t.Helper()
	r.commit(t, "a b")
	r.must(t, "checkout", "-q", "-b", "side")
	r.put(t, "a b", "theirs\n")
	r.commit(t)
	r.must(t, "checkout", "-q", "main")
	r.put(t, "a b", "ours\n")
	r.commit(t)
	if resp := r.run(t, &agentv1.GitRequest{Args: []string{"merge", "side"}}); resp.GetExitCode() != 1 {
		t.Fatalf("the merge did not conflict: %s", resp.GetStdout())
	}
}

func TestANameThatIsNoTextIsListed(t *testing.T) {
	t.Parallel()
	for _, quoted := range []string{"true", "false"} {
		t.Run("core.quotePath="+quoted, func(t *testing.T) {
			t.Parallel()
			r := newRepository(t)
			r.must(t, "config", "core.quotePath", quoted)
			if err := os.WriteFile(filepath.Join(r.dir, "\xff\xfe\""), nil, 0o644); err != nil {
				t.Skip(err)
			}
			wantStatus(t, r.status(t, ""), &agentv1.GitStatus{
				Branch: "main", Files: []*agentv1.GitFileStatus{{Path: "\uFFFD\uFFFD\"", Code: "??"}},
			})
		})
	}
}

func TestAnotherFormatHasNoStatus(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit(t, "a")
	r.put(t, "a", "changed")
	for _, args := range [][]string{{"--short"}, {"--long"}, {"--porcelain=v1"}, {"-z"}, {"--no-branch"}} {
		if s := r.status(t, "", args...); s != nil {
			t.Errorf("with %v the status is %v, want none", args, s)
		}
	}
}

func TestStatusIsOnlyForStatus(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	resp := r.run(t, &agentv1.GitRequest{Args: []string{"status", "--porcelain=v2", "--branch"}})
	if resp.GetStatus() != nil || !strings.Contains(string(resp.GetStdout()), "# branch.head main") {
		t.Errorf("raw status has the status %v and prints %q", resp.GetStatus(), resp.GetStdout())
	}
}
