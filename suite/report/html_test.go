package report_test

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"agentproof/docs/spec"
	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

// hostile is text that would take a careless page over. It ends in bytes that
// are no text.
const hostile = `</script></style></textarea><script>window.owned = 1</script><img src="http://127.0.0.1:1/x" onerror="window.owned = 1">` +
	`" onmouseover="window.owned = 1" x='` + "\x1b[31m\x00\xff\u009b"

// takenOver is a report in which everything that a subject can say is hostile,
// and everything that a report can have is there.
func takenOver(t *testing.T) *verdict.Report {
	t.Helper()
	r := everyStatus(t)
	r.Subject = verdict.SubjectInfo{Name: hostile, Version: hostile, OS: hostile, Arch: hostile}
	r.Revision = hostile
	r.Target = []string{"--", hostile}
	r.Suite.Strength = &verdict.Strength{Killed: 611, Declared: 612}
	r.Selection.Cases = []string{hostile}
	r.Baseline = &verdict.Baseline{Entries: 2, Problems: []verdict.BaselineProblem{{Case: hostile, Kind: verdict.Stale, Detail: hostile}}}
	for i := range r.Results {
		c := &r.Results[i]
		c.Baselined = c.Status == verdict.Warn || c.Status == verdict.Blocked
		c.Issue, c.Reason, c.Output, c.Explain, c.Try = hostile, hostile, hostile, hostile, hostile
		c.Notes = []string{hostile}
		c.Failures = []verdict.Failure{{Want: hostile, Got: hostile}}
		c.Exchanges = exchanges(t)
		c.Exchanges[0].Subject = hostile
		c.Exchanges[1].Err = errorText(hostile)
	}
	return r
}

type errorText string

func (e errorText) Error() string { return string(e) }

// picture is a small PNG.
func picture(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 6))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// evidence writes a report into a directory whose failure has a transcript and
// a screenshot of these bytes, and renders its page.
func evidence(t *testing.T, r *verdict.Report, transcript, screenshot []byte) (dir, page string) {
	t.Helper()
	dir = t.TempDir()
	if err := report.Write(dir, r); err != nil {
		t.Fatal(err)
	}
	const id = "ping.nonce+fails"
	name(t, dir, "ping.nonce/fails", "transcripts/"+id+".ndjson", "screenshots/"+id+".png")
	for path, data := range map[string][]byte{"transcripts/" + id + ".ndjson": transcript, "screenshots/" + id + ".png": screenshot} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, pageOf(t, dir)
}

// name puts the names of evidence into run.json.
func name(t *testing.T, dir, id, transcript, screenshot string) {
	t.Helper()
	path := filepath.Join(dir, "run.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head := `"` + id + `": {`
	named := strings.Replace(string(data), head, head+`"transcript":"`+transcript+`","screenshot":"`+screenshot+`",`, 1)
	if err := os.WriteFile(path, []byte(named), 0o644); err != nil {
		t.Fatal(err)
	}
}

// pageOf renders the page of a directory.
func pageOf(t *testing.T, dir string) string {
	t.Helper()
	r, err := report.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return render(t, r, "html")
}

func has(t *testing.T, page string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestThePageTellsEverything(t *testing.T) {
	t.Parallel()
	dir, page := evidence(t, everyStatus(t), []byte(`{"schema":"x"}
{"us":1234,"kind":"request","dir":"to-agent","subject":"agent.ws.a.rpc","size":84,"message":{"ping":{}},"raw":"AAAA"}
{"us":2234,"kind":"silence","text":"no reply"}
`), picture(t))
	has(t, page,
		"<h1 id=\"verdict\">Not conformant</h1>", "1 MUST broken, 1 SHOULD broken.", "an agent with\ufffd[31m colours", "1.2.3 linux/x86_64",
		"<dt>Strength of the suite</dt><dd>unknown</dd>", "4 Mar 2026, 04:06", "1 min 23 s",
		`<h2>core</h2>`, `<h2>desktop</h2>`, "--skip **/left-out", "certifies nothing",
		`<article class="finding s-fail" id="ping.nonce/fails"`, "A ping&#39;s nonce is echoed, over the full uint64 range.", "It tests the report.",
		`<dd class="want">the nonce 42</dd>`, `<dd class="got">43</dd>`, "seen by somebody\nand by another",
		"agent.ws.a.rpc", "no reply within 20s", "{&#34;nonce&#34;:&#34;43&#34;}", "level=ERROR msg=\ufffd[31mno",
		`src="data:image/png;base64,`, `<pre>{&#34;schema&#34;:&#34;x&#34;}</pre>`, "1.234 ms", "84 bytes", "<pre>{&#34;ping&#34;:{}}</pre>", "<b>silence</b>", "<pre>no reply</pre>", "conformance run --case &#39;ping.nonce/fails&#39; -- &#39;./my agent&#39; run",
		`<tr id="row-ping.nonce/passes" data-status="pass" data-area="ping" data-level="MUST">`, "there is no second disk",
	)
	if _, err := os.Stat(filepath.Join(dir, "report.html")); err != nil {
		t.Error(err)
	}
}

func TestThePageOfAGreenRunSaysSo(t *testing.T) {
	t.Parallel()
	r := &verdict.Report{Revision: "r0.2", Results: []verdict.Result{result(spec.Must, verdict.Pass)}, Suite: verdict.SuiteInfo{Cases: 1, Strength: &verdict.Strength{Killed: 612, Declared: 612}}}
	r.Sum()
	page := render(t, report.New(r), "html")
	has(t, page, `<h1 id="verdict">Conformant</h1>`, "Nothing is broken.", "612 of 612 mutants killed", `<section class="hero good"`)
}

func TestThePageShowsABaseline(t *testing.T) {
	t.Parallel()
	page := render(t, report.New(baselined(t)), "html")
	has(t, page, "<h1 id=\"verdict\">Not conformant</h1>", "1 known failure", `<section id="known"`, "https://example.com/7",
		"What is wrong with the baseline", "entry", `data-status="known"`, "A run with a baseline of 2 known failures, which certifies nothing.")
}

// baselined is a report with a known failure and a wrong entry.
func baselined(t *testing.T) *verdict.Report {
	t.Helper()
	r := everyStatus(t)
	r.Baseline = &verdict.Baseline{Entries: 2, Problems: []verdict.BaselineProblem{
		{Case: "ping.nonce/passes", Kind: verdict.Stale, Detail: "the case passes: take the entry out"},
	}}
	for i := range r.Results {
		if c := &r.Results[i]; c.Status == verdict.Fail {
			c.Baselined, c.Issue = true, "https://example.com/7"
		}
	}
	return r
}

func TestNothingThatASubjectSaysIsMarkup(t *testing.T) {
	t.Parallel()
	_, page := evidence(t, takenOver(t), []byte(hostile+"\n"), []byte(hostile))
	if strings.Count(page, "<script>") != 1 || strings.Contains(page, "<img ") || strings.Contains(page, "ZgotmplZ") {
		t.Errorf("markup came through: %d scripts", strings.Count(page, "<script>"))
	}
	if !utf8.ValidString(page) || strings.ContainsFunc(page, func(c rune) bool { return unicode.IsControl(c) && c != '\n' && c != '\t' }) {
		t.Error("bytes that are no text came through")
	}
	has(t, page, "&lt;/script&gt;&lt;/style&gt;", "it is no PNG")
	for _, u := range regexp.MustCompile(`(?:src|href|action)="([^"#][^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(u[1], "data:") {
			t.Errorf("the page leads to %s", u[1])
		}
	}
}

func TestEvidenceIsBounded(t *testing.T) {
	t.Parallel()
	line := strings.Repeat("x", 999) + "\n"
	_, page := evidence(t, everyStatus(t), []byte(strings.Repeat(line, 200)), append(picture(t), make([]byte, 5<<20)...))
	has(t, page, "The first 63 KiB of 195 KiB; all of it is in transcripts/ping.nonce&#43;fails.ndjson.",
		"The screenshot is too large for this page: see screenshots/ping.nonce&#43;fails.png.")
	if n := strings.Count(page, line[:999]); n != 65 || strings.Contains(page, "<img ") {
		t.Errorf("%d lines of the transcript are shown, want 65 whole ones and no picture", n)
	}
}

// TestEvidenceIsOfTheReport keeps a run.json of strangers from choosing what of
// this machine a page shows.
func TestEvidenceIsOfTheReport(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("the secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for label, path := range map[string]string{
		"an absolute path": filepath.ToSlash(outside), "a path that leaves": "../" + filepath.Base(filepath.Dir(outside)) + "/secret", "a link": "link", "a directory": ".", "nothing": "missing",
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			dir, _ := written(t)
			if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
				t.Skip(err)
			}
			name(t, dir, "ping.nonce/fails", path, path)
			page := pageOf(t, dir)
			if strings.Contains(page, "the secret") || strings.Count(page, "cannot be shown") != 2 {
				t.Error("the page shows a file of others, or does not say that it could not")
			}
		})
	}
}
