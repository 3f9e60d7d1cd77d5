package baseline_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"agentproof/docs/spec"
	"agentproof/suite/baseline"
	"agentproof/suite/verdict"
)

var today = time.Date(2026, 3, 4, 23, 59, 0, 0, time.UTC)

// file is a baseline with these lines under failures.
func file(entries string) string {
	return "schema: agentproof/baseline/v1\nfailures:\n" + entries
}

func parse(t testing.TB, text string) *baseline.File {
	t.Helper()
	f, err := baseline.Parse("known.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// made is the report of a run on linux whose cases ended like this.
func made(results ...verdict.Result) *verdict.Report {
	slices.SortFunc(results, func(a, b verdict.Result) int { return strings.Compare(a.ID, b.ID) })
	r := &verdict.Report{Subject: verdict.SubjectInfo{OS: "linux"}, Results: results}
	r.Sum()
	return r
}

func result(id string, level spec.Level, status verdict.Status, reason string) verdict.Result {
	return verdict.Result{ID: id, Level: level, Status: status, Reason: reason, Profile: verdict.ProfileCore}
}

func failed(reason string) verdict.Result {
	return result("a.b/fails", spec.Must, verdict.Fail, reason)
}

// TestAnEntryAccountsForItsFailure goes through all that an entry can meet.
func TestAnEntryAccountsForItsFailure(t *testing.T) {
	t.Parallel()
	pass := result("a.b/passes", spec.Must, verdict.Pass, "")
	fail := failed("want 1; got 2")
	for _, tt := range []struct {
		name    string
		entries string
		results []verdict.Result
		exit    int
		problem verdict.ProblemKind
		detail  string
		known   int
	}{
		{"no entry for a failure", "", []verdict.Result{fail}, 1, "", "", 0},
		{"no entry for a pass", "", []verdict.Result{pass}, 0, "", "", 0},
		{"the whole reason", "- {case: a.b/fails, reason: want 1; got 2}", []verdict.Result{fail, pass}, 0, "", "", 1},
		{"the beginning of the reason", "- {case: a.b/fails, reason: want 1}", []verdict.Result{fail, pass}, 0, "", "", 1},
		{"another reason", "- {case: a.b/fails, reason: want 3}", []verdict.Result{fail}, 4, verdict.Changed,
			"the case fails for another reason: want 1; got 2; the entry says: want 3", 0},
		{"a reason that is longer", "- {case: a.b/fails, reason: want 1; got 2 and more}", []verdict.Result{fail}, 4, verdict.Changed, "", 0},
		{"a case that passes", "- {case: a.b/passes, reason: x}", []verdict.Result{pass}, 4, verdict.Stale, "the case passes: take the entry out", 0},
		{"a case that is not claimed", "- {case: a.b/off, reason: x}",
			[]verdict.Result{result("a.b/off", spec.Must, verdict.NotClaimed, "y"), pass}, 4, verdict.Stale, "the agent does not claim it: take the entry out", 0},
		{"a case that there is none of", "- {case: a.b/nope, reason: x}", []verdict.Result{pass}, 4, verdict.Unmatched,
			"there is no such case: mend its name, or take the entry out", 0},
		{"the last day", "- {case: a.b/fails, reason: want 1, until: 2026-03-04}", []verdict.Result{fail}, 0, "", "", 1},
		{"the day after the last", "- {case: a.b/fails, reason: want 1, until: 2026-03-03, issue: '#7'}", []verdict.Result{fail}, 4, verdict.Expired,
			"the entry was for failures until 2026-03-03 (#7): mend the agent, or set another day", 0},
		{"a reason that changed after the last day", "- {case: a.b/fails, reason: want 3, until: 2026-03-03}", []verdict.Result{fail}, 4, verdict.Changed, "", 0},
		{"the agent's system", "- {case: a.b/fails, reason: want 1, os: linux}", []verdict.Result{fail}, 0, "", "", 1},
		{"one of the systems", "- {case: a.b/fails, reason: want 1, os: [windows, linux]}", []verdict.Result{fail}, 0, "", "", 1},
		{"another system", "- {case: a.b/fails, reason: want 1, os: darwin}", []verdict.Result{fail}, 1, "", "", 0},
		{"a case that passes on this system", "- {case: a.b/passes, reason: x, os: [macos]}", []verdict.Result{pass}, 0, "", "", 0},
		{"a broken SHOULD", "- {case: a.b/warns, reason: want}", []verdict.Result{result("a.b/warns", spec.Should, verdict.Warn, "want 1"), pass}, 0, "", "", 1},
		{"what a failure blocks", "- {case: a.b/blocked, reason: want}", []verdict.Result{result("a.b/blocked", spec.Must, verdict.Blocked, "want 1"), pass}, 0, "", "", 1},
		{"what a failure blocks without an entry", "", []verdict.Result{result("a.b/blocked", spec.Must, verdict.Blocked, "want 1"), pass}, 5, "", "", 0},
		{"what was left out", "- {case: a.b/left, reason: x}", []verdict.Result{result("a.b/left", spec.Must, verdict.NotSelected, ""), pass}, 0, "", "", 0},
		{"what could not be tried is no known failure", "- {case: a.b/left, reason: x}",
			[]verdict.Result{result("a.b/left", spec.Must, verdict.Untestable, "x"), pass}, 5, "", "", 0},
		{"a fault of the harness is no known failure", "- {case: a.b/left, reason: x}",
			[]verdict.Result{result("a.b/left", spec.Must, verdict.HarnessError, "x"), pass}, 3, "", "", 0},
		{"a wrong entry beside a new failure", "- {case: a.b/passes, reason: x}", []verdict.Result{fail, pass}, 1, verdict.Stale, "", 0},
		{"a wrong entry beside what could not run", "- {case: a.b/passes, reason: x}",
			[]verdict.Result{result("a.b/left", spec.Must, verdict.Untestable, "x"), pass}, 5, verdict.Stale, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := file("  " + tt.entries)
			if tt.entries == "" {
				text = ""
			}
			f, r := parse(t, text), made(tt.results...)
			f.Apply(r, today)
			if code := r.ExitCode(); code != tt.exit {
				t.Errorf("exit code %d, want %d", code, tt.exit)
			}
			if r.Certifies() {
				t.Error("a run with a baseline certifies")
			}
			if n := r.KnownFailures(); n != tt.known {
				t.Errorf("%d known failures, want %d", n, tt.known)
			}
			if tt.problem == "" {
				if len(r.Baseline.Problems) > 0 {
					t.Errorf("got problems %+v", r.Baseline.Problems)
				}
				return
			}
			if len(r.Baseline.Problems) != 1 || r.Baseline.Problems[0].Kind != tt.problem {
				t.Fatalf("got problems %+v, want one that is %s", r.Baseline.Problems, tt.problem)
			}
			if got := r.Baseline.Problems[0].Detail; tt.detail != "" && got != tt.detail {
				t.Errorf("it says %q, want %q", got, tt.detail)
			}
		})
	}
}

func TestAKnownFailureIsStillAFailure(t *testing.T) {
	t.Parallel()
	r := made(failed("want 1"))
	parse(t, file("  - {case: a.b/fails, reason: want 1, issue: https://example.com/7}\n")).Apply(r, today)
	if r.Verdict() != verdict.NotConformant || r.Totals[verdict.Fail] != 1 || r.Results[0].Status != verdict.Fail {
		t.Errorf("verdict %s, totals %v", r.Verdict(), r.Totals)
	}
	if r.Results[0].Issue != "https://example.com/7" || !r.Results[0].Baselined {
		t.Errorf("got %+v", r.Results[0])
	}
	parse(t, "").Apply(r, today)
	if r.Results[0].Baselined || r.ExitCode() != 1 {
		t.Error("the marks of another baseline stay")
	}
}

func TestAWrongFileIsOneSentenceWithALine(t *testing.T) {
	t.Parallel()
	const good = "  - case: a.b/c\n    reason: x\n"
	for _, tt := range []struct{ name, text, want string }{
		{"no YAML", "a: [", "known.yaml: yaml: "},
		{"comments alone", "# nothing\n", "known.yaml: it holds nothing but comments"},
		{"two documents", file(good) + "---\n", "known.yaml: there is something behind the YAML document"},
		{"text", "hello", "known.yaml:1: a baseline is a mapping of keys to values"},
		{"no schema", "failures: []", `known.yaml:1: the schema is "", this program reads "agentproof/baseline/v1"`},
		{"another schema", "schema: agentproof/baseline/v2\nfailures: []", `known.yaml:1: the schema is "agentproof/baseline/v2"`},
		{"no list", "schema: agentproof/baseline/v1", "known.yaml:1: failures is missing: without any it is []"},
		{"an empty key", "schema: agentproof/baseline/v1\nfailures:\n", "known.yaml:2: failures is a list"},
		{"an unknown key", file(good) + "known: []\n", `known.yaml:5: there is no key "known": there are schema and failures`},
		{"a key twice", file("  - case: a\n    case: b\n    reason: x\n"), `known.yaml:4: "case" is there twice`},
		{"an entry that is text", file("  - a.b/c\n"), "known.yaml:3: an entry is a mapping of keys to values"},
		{"an entry of nothing", file("  - reason: x\n"), "known.yaml:3: the entry names no case"},
		{"an entry without a reason", file("  - case: a.b/c\n    reason: ' '\n"), "known.yaml:3: the entry of a.b/c says no reason"},
		{"an unknown key of an entry", file(good + "    why: x\n"), `known.yaml:5: there is no key "why": there are case, reason, issue, until and os`},
		{"a list for a text", file("  - case: [a]\n"), "known.yaml:3: case is text"},
		{"no day", file(good + "    until: soon\n"), `known.yaml:5: until is "soon", not a day such as 2027-03-01`},
		{"a day that there is none of", file(good + "    until: 2026-02-30\n"), `known.yaml:5: until is "2026-02-30"`},
		{"an unknown system", file(good + "    os: [linux, plan9]\n"), `known.yaml:5: there is no os "plan9": there are linux, macos and windows`},
		{"no system", file(good + "    os: []\n"), "known.yaml:5: os is empty: leave it out for all systems"},
		{"a case twice", file(good + good), "known.yaml:5: the case a.b/c has an entry for the same system on line 3"},
		{"a case twice for a system", file(good + "    os: linux\n" + good + "    os: [macos, linux]\n"), "known.yaml:6: the case a.b/c has an entry for the same system on line 3"},
		{"an alias", file("  - &x {case: a, reason: x}\n  - *x\n"), "known.yaml:4: an entry is a mapping of keys to values"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := baseline.Parse("known.yaml", []byte(tt.text)); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestACaseMayHaveAnEntryForEachSystem(t *testing.T) {
	t.Parallel()
	f := parse(t, file("  - {case: a.b/fails, reason: want 1, os: linux}\n  - {case: a.b/fails, reason: want 2, os: macos}\n"))
	r := made(failed("want 2"))
	r.Subject.OS = "macos"
	if f.Apply(r, today); r.ExitCode() != 0 || len(f.Entries()) != 2 {
		t.Errorf("exit code %d, problems %v", r.ExitCode(), r.Baseline.Problems)
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing.yaml")
	if _, err := baseline.Load(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if f, err := baseline.LoadOrNew(missing); err != nil || len(f.Entries()) != 0 {
		t.Errorf("got %v", err)
	}
	if _, err := baseline.LoadOrNew(t.TempDir()); err == nil {
		t.Error("a directory is a baseline")
	}
}

// before has everything that Fix must keep, or change and nothing beside it.
const before = `# Ours.
schema: agentproof/baseline/v1
failures:
  # Waits for the kernel.
  - case: a.b/fails
    reason: want 1 # the beginning
    issue: https://example.com/1
    until: 2026-03-01
  - case: a.b/differs
    reason: want 2 # as of June
    issue: https://example.com/2
  # Mended in May.
  - case: a.b/passes
    reason: x
  - case: a.b/nope
    reason: x
    os: [linux, macos]
  - case: a.b/passes-here
    reason: x
    os: [linux, windows]
  - case: a.b/elsewhere
    reason: x
    os: macos
  - case: a.b/untried
    reason: x
`

const after = `# Ours.
schema: agentproof/baseline/v1
failures:
  # Waits for the kernel.
  - case: a.b/fails
    reason: want 1 # the beginning
    issue: https://example.com/1
    until: 2026-03-01
  - case: a.b/differs
    reason: 'want 3: #3' # as of June
    issue: https://example.com/2
  - case: a.b/passes-here
    reason: x
    os: [windows]
  - case: a.b/elsewhere
    reason: x
    os: macos
  - case: a.b/untried
    reason: x
  - case: a.b/new
    reason: "true"
`

func TestFixChangesWhatIsWrongAndNothingElse(t *testing.T) {
	t.Parallel()
	f := parse(t, before)
	r := made(
		result("a.b/differs", spec.Must, verdict.Fail, "want 3: #3"),
		result("a.b/elsewhere", spec.Must, verdict.Pass, ""),
		failed("want 1; got 2"),
		result("a.b/new", spec.Should, verdict.Warn, "true"),
		result("a.b/passes", spec.Must, verdict.Pass, ""),
		result("a.b/passes-here", spec.Must, verdict.Pass, ""),
		result("a.b/untried", spec.Must, verdict.Untestable, "no screen"),
	)
	changes, left, err := f.Fix(r, today)
	if err != nil {
		t.Fatal(err)
	}
	data, err := f.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(after, string(data)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantChanges := []string{
		"changed the reason of a.b/differs: see that its issue is still the right one",
		"removed a.b/passes, which is stale", "removed a.b/nope, which is unmatched", "removed a.b/passes-here, which is stale", "added a.b/new",
	}
	if diff := cmp.Diff(wantChanges, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a.b/fails was to be mended by 2026-03-01: set another day by hand"}, left); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	if again, _, err := f.Fix(r, today); err != nil || len(again) != 0 {
		t.Errorf("the second time it changes %q (%v)", again, err)
	}
}

func TestFixMakesAFile(t *testing.T) {
	t.Parallel()
	f := parse(t, "")
	r := made(failed("want 1"))
	if _, _, err := f.Fix(r, today); err != nil {
		t.Fatal(err)
	}
	data, err := f.Bytes()
	if err != nil || !strings.HasPrefix(string(data), "# Failures that are known.") ||
		!strings.HasSuffix(string(data), "failures:\n  - case: a.b/fails\n    reason: want 1\n") {
		t.Errorf("got (%v)\n%s", err, data)
	}
	if _, _, err := f.Fix(made(), today); err != nil {
		t.Fatal(err)
	}
	if data, err := f.Bytes(); err != nil || !strings.HasSuffix(string(data), "failures: []\n") {
		t.Errorf("without failures it is (%v)\n%s", err, data)
	}
}

func TestFixRefusesAFilteredRun(t *testing.T) {
	t.Parallel()
	r := made(failed("want 1"))
	r.Selection.Level = "must"
	if _, _, err := parse(t, before).Fix(r, today); !errors.Is(err, baseline.ErrFiltered) {
		t.Errorf("got %v", err)
	}
}

func TestFixBindsNothingToNoReason(t *testing.T) {
	t.Parallel()
	if changes, left, err := parse(t, "").Fix(made(failed("")), today); err != nil || len(changes) != 0 || len(left) != 1 {
		t.Errorf("changes %q, left %q (%v)", changes, left, err)
	}
}

// FuzzParse feeds it files: what it takes it writes so that it takes it again.
func FuzzParse(f *testing.F) {
	f.Add(before)
	f.Add(after)
	f.Add("schema: agentproof/baseline/v1\nfailures: [{case: a, reason: |\n x\n}]")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := baseline.Parse("x", []byte(text))
		if err != nil {
			return
		}
		data, err := file.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		again, err := baseline.Parse("x", data)
		if err != nil {
			t.Fatalf("%v in\n%s", err, data)
		}
		if diff := cmp.Diff(file.Entries(), again.Entries()); diff != "" {
			t.Errorf("%s\nof\n%s", diff, data)
		}
	})
}

// FuzzFix feeds it reasons that agents could fail with: an entry that it writes
// accounts for its failure.
func FuzzFix(f *testing.F) {
	for _, s := range []string{"want 1", "a\x1b[31m\x00\xff\r\nb ", "- x: #y", "true", "2026-01-01", "~", "\ufeff", " x", "\u0085\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, reason string) {
		if strings.TrimSpace(reason) == "" || !utf8.ValidString(reason) && strings.TrimSpace(string([]rune(reason))) == "" {
			return
		}
		file, r := parse(t, ""), made(failed(reason))
		if _, _, err := file.Fix(r, today); err != nil {
			t.Fatal(err)
		}
		data, err := file.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		parse(t, string(data)).Apply(r, today)
		if r.KnownFailures() != 1 {
			t.Errorf("%q is not accounted for by\n%s", reason, data)
		}
	})
}
