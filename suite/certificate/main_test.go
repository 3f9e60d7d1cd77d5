package certificate_test

import (
	"crypto/ed25519"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"agentproof/docs/spec"
	"agentproof/suite/cases"
	"agentproof/suite/certificate"
	"agentproof/suite/engine"
	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

// certified is the time at which the tests certify.
var certified = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// catalog is the suite's own set of cases.
func catalog(tb testing.TB) certificate.Catalog {
	tb.Helper()
	s, err := spec.Load()
	if err != nil {
		tb.Fatal(err)
	}
	return certificate.Catalog{Spec: s, Cases: engine.Infos(cases.All())}
}

// passing is the report of a run in which every case of the catalog passed.
func passing(c certificate.Catalog) *verdict.Report {
	r := &verdict.Report{
		Subject:  verdict.SubjectInfo{Name: "./my-agent <run>", Version: "1.2.3", OS: "linux", Arch: "x86_64"},
		Suite:    verdict.NewSuiteInfo(c.Cases),
		Revision: spec.Revision,
		Started:  certified.Add(-time.Minute),
		Took:     42 * time.Second,
	}
	for i := range c.Cases {
		k := &c.Cases[i]
		clause, _ := c.Spec.Clause(k.Clause)
		r.Results = append(r.Results, verdict.Result{
			ID: k.ID, Clause: clause.ID, Level: clause.LevelAt(spec.Revision), Area: k.Area(), Profile: k.Profile(), Status: verdict.Pass,
		})
	}
	slices.SortFunc(r.Results, func(a, b verdict.Result) int { return strings.Compare(a.ID, b.ID) })
	r.Sum()
	return r
}

// set gives a case of the report another status.
func set(tb testing.TB, r *verdict.Report, id string, status verdict.Status) {
	tb.Helper()
	for i := range r.Results {
		if r.Results[i].ID == id {
			r.Results[i].Status = status
			r.Sum()
			return
		}
	}
	tb.Fatalf("there is no case %s", id)
}

// idOf is the first case of the report with the level.
func idOf(tb testing.TB, r *verdict.Report, level spec.Level) string {
	tb.Helper()
	for _, c := range r.Results {
		if c.Level == level {
			return c.ID
		}
	}
	tb.Fatalf("there is no %s", level)
	return ""
}

// write writes the files of a run, with a transcript of its first cases.
func write(tb testing.TB, r *verdict.Report) string {
	tb.Helper()
	dir := tb.TempDir()
	if err := report.Write(dir, r); err != nil {
		tb.Fatal(err)
	}
	for _, c := range r.Results[:3] {
		put(tb, transcript(dir, c.ID), `{"case":"`+c.ID+`"}`+"\n")
	}
	return dir
}

func transcript(dir, id string) string {
	return filepath.Join(dir, "transcripts", strings.ReplaceAll(id, "/", "+")+".ndjson")
}

func put(tb testing.TB, path, text string) {
	tb.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o644)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

func get(tb testing.TB, path string) string {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

// edit replaces what stands once in a file.
func edit(tb testing.TB, path, old, with string) {
	tb.Helper()
	text := get(tb, path)
	if strings.Count(text, old) != 1 {
		tb.Fatalf("%q is in %s %d times", old, path, strings.Count(text, old))
	}
	put(tb, path, strings.Replace(text, old, with, 1))
}

// rewrite changes a JSON file through its members.
func rewrite(tb testing.TB, path string, change func(map[string]any)) {
	tb.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(get(tb, path)), &members); err != nil {
		tb.Fatal(err)
	}
	change(members)
	data, err := json.Marshal(members)
	if err != nil {
		tb.Fatal(err)
	}
	put(tb, path, string(data))
}

// newKey is a key pair of a test.
func newKey(tb testing.TB) (ed25519.PublicKey, ed25519.PrivateKey) {
	tb.Helper()
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return pub, key
}

func artifact(tb testing.TB, text string) certificate.File {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "my-agent")
	put(tb, path, text)
	f, err := certificate.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// issued is a certificate and everything that it is about.
type issued struct {
	dir      string
	catalog  certificate.Catalog
	artifact certificate.File
	pub      ed25519.PublicKey
	key      ed25519.PrivateKey
	data     []byte
}

// issue certifies a report.
func issue(tb testing.TB, change func(*verdict.Report)) issued {
	tb.Helper()
	is := issued{catalog: catalog(tb), artifact: artifact(tb, "an agent")}
	is.pub, is.key = newKey(tb)
	r := passing(is.catalog)
	if change != nil {
		change(r)
	}
	is.dir = write(tb, r)
	c, err := is.certify()
	if err != nil {
		tb.Fatal(err)
	}
	if is.data, err = certificate.Sign(tb.Context(), c, is.key); err != nil {
		tb.Fatal(err)
	}
	return is
}

func (is *issued) certify() (*certificate.Certificate, error) {
	e, err := certificate.ReadEvidence(is.dir)
	if err != nil {
		return nil, err
	}
	suite := certificate.Suite{Version: "0.9", OS: "linux", Arch: "amd64", SHA256: strings.Repeat("5", 64)}
	return certificate.New(e, is.catalog, suite, is.artifact, certified)
}

// verify opens the certificate and compares it with everything.
func (is *issued) verify(tb testing.TB) (*certificate.Certificate, *certificate.Verification, error) {
	tb.Helper()
	c, err := certificate.Open(tb.Context(), is.data, is.pub)
	if err != nil {
		return nil, nil, err
	}
	e, err := certificate.ReadEvidence(is.dir)
	if err != nil {
		return nil, nil, err
	}
	v, err := c.Verify(is.catalog, e, &is.artifact)
	return c, v, err
}
