package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"agentproof/docs/spec"
	"agentproof/suite/engine"
	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

// conformantRun writes the report of a run in which every case passed, as
// `conformance run --out` does, and a key pair beside it.
func conformantRun(t *testing.T) (dir, prefix string) {
	t.Helper()
	a, err := newApp(nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &verdict.Report{
		Subject:  verdict.SubjectInfo{Name: "./my-agent\x1b[31m run", Version: "1.2.3", OS: "linux", Arch: "x86_64"},
		Suite:    verdict.NewSuiteInfo(engine.Infos(a.cases)),
		Revision: spec.Revision,
		Started:  time.Now(),
	}
	for i := range a.cases {
		c := &a.cases[i]
		clause, _ := a.spec.Clause(c.Clause)
		r.Results = append(r.Results, verdict.Result{
			ID: c.ID, Clause: clause.ID, Level: clause.Level, Area: c.Area(), Profile: c.Profile(), Status: verdict.Pass,
		})
	}
	r.Sum()
	dir = filepath.Join(t.TempDir(), "report")
	if err := report.Write(dir, r); err != nil {
		t.Fatal(err)
	}
	prefix = filepath.Join(t.TempDir(), "release")
	invoke(t, "keygen", "--out", prefix).want(t, 0, "public   "+prefix+".pub", "")
	return dir, prefix
}

func TestACertificateIsValidUntilOneByteChanges(t *testing.T) {
	t.Parallel()
	dir, prefix := conformantRun(t)
	cert := filepath.Join(dir, "certificate.json")
	got := invoke(t, "certify", dir, "--key", prefix+".key", "--subject-artifact", self(t))
	got.want(t, 0, "profiles  core, terminal, desktop, session at r0.2\n", "")
	got.want(t, 0, "written   "+cert+"\n", "")
	verify := []string{"verify", cert, dir, "--pub", prefix + ".pub", "--subject-artifact", self(t)}
	got = invoke(t, verify...)
	got.want(t, 0, "✓ valid", "")
	got.want(t, 0, "self-attested by the key ", "")
	if strings.Contains(got.out, "\x1b") {
		t.Errorf("the agent's name reached the terminal: %q", got.out)
	}
	invoke(t, verify[:2]...).want(t, 2, "", "give --pub")
	invoke(t, "verify", cert, "--pub", prefix+".pub").want(t, 0, "not       the report, since no directory was given", "")
	invoke(t, "verify", cert, dir, "--pub", prefix+".pub", "--subject-artifact", cert).want(t, 1, "", "refused: certificate.json is not what was certified")

	path := filepath.Join(dir, "report.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] = ' ' // the least that can change
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	invoke(t, verify...).want(t, 1, "", "conformance: refused: report.json was changed after it was certified")
	got = invoke(t, append(verify, "--json")...)
	var answer verified
	if err := json.Unmarshal([]byte(got.out), &answer); err != nil || got.code != 1 || got.err != "" {
		t.Fatalf("exit code %d, stderr %q, %v", got.code, got.err, err)
	}
	if answer.Valid || !strings.HasPrefix(answer.Reason, "report.json was changed") {
		t.Errorf("got %+v", answer)
	}
}

func TestVerifyJSONIsForScripts(t *testing.T) {
	t.Parallel()
	dir, prefix := conformantRun(t)
	cert := filepath.Join(t.TempDir(), "agent.intoto.json")
	invoke(t, "certify", dir, "--key", prefix+".key", "--subject-artifact", self(t), "--out", cert).want(t, 0, cert, "")
	got := invoke(t, "verify", cert, dir, "--pub", prefix+".pub", "--json")
	var answer verified
	if err := json.Unmarshal([]byte(got.out), &answer); err != nil || got.code != 0 {
		t.Fatalf("exit code %d: %v", got.code, err)
	}
	c := answer.Certificate
	if !answer.Valid || !c.SelfAttested || c.Agent.Version != "1.2.3" || c.Totals[verdict.Pass] == 0 || c.Artifact != filepath.Base(self(t)) {
		t.Errorf("got %s", got.out)
	}
}

func TestWhatCannotBeCertifiedIsExitCode1AndOneSentence(t *testing.T) {
	t.Parallel()
	dir, prefix := conformantRun(t)
	filtered, broken := t.TempDir(), t.TempDir()
	invoke(t, "run", "--case", "ping.**", "--out", filtered).want(t, 0, "", "")
	invoke(t, "run", "--case", "ping.nonce/*", "--out", broken, "--", self(t), asAgent, "faulty").want(t, 1, "", "")
	key, artifact := prefix+".key", self(t)
	for _, tt := range []struct {
		name               string
		dir, key, artifact string
		want               string
	}{
		{"a filtered run", filtered, key, artifact, "the run was filtered, and only a whole one certifies"},
		{"a filtered run that failed", broken, key, artifact, "the run was filtered"},
		{"no run", t.TempDir(), key, artifact, "there is no report.json in "},
		{"no artifact", dir, key, filepath.Join(dir, "missing"), "read the artifact: open "},
		{"no key", dir, prefix, artifact, "read the key: open "},
		{"the public half", dir, prefix + ".pub", artifact, "read the key: " + prefix + `.pub holds a "PUBLIC KEY"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := invoke(t, "certify", tt.dir, "--key", tt.key, "--subject-artifact", tt.artifact)
			if got.code != 1 || !strings.HasPrefix(got.err, "conformance: "+tt.want) || strings.Count(got.err, "\n") != 1 || got.out != "" {
				t.Errorf("exit code %d, stdout %q, stderr %q; want 1, nothing, %q", got.code, got.out, got.err, tt.want)
			}
			if _, err := os.Stat(filepath.Join(tt.dir, "certificate.json")); err == nil {
				t.Error("it wrote a certificate")
			}
		})
	}
	invoke(t, "certify", dir, "--key", key).want(t, 2, "", "a certificate needs --key and --subject-artifact")
	invoke(t, "keygen", "--out", prefix).want(t, 1, "", "release.key is there already, and a key is never written over")
}

func TestABadgeIsOfWhatWasChecked(t *testing.T) {
	t.Parallel()
	dir, prefix := conformantRun(t)
	cert, svg := filepath.Join(dir, "certificate.json"), filepath.Join(t.TempDir(), "badge.svg")
	invoke(t, "certify", dir, "--key", prefix+".key", "--subject-artifact", self(t)).want(t, 0, "", "")
	invoke(t, "badge", dir).want(t, 0, "<title>agentproof: r0.2 core · terminal · desktop · session</title>", "")
	invoke(t, "badge", cert).want(t, 2, "", "needs --pub")
	invoke(t, "badge", cert, "--pub", prefix+".pub", "--out", svg).want(t, 0, "", "")
	if data, err := os.ReadFile(svg); err != nil || string(data) != invoke(t, "badge", dir).out {
		t.Errorf("another badge (%v): %s", err, data)
	}
	if err := os.WriteFile(cert, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	invoke(t, "badge", cert, "--pub", prefix+".pub").want(t, 1, "", "refused: the certificate")
	invoke(t, "badge", filepath.Join(dir, "missing")).want(t, 1, "", "no such file")
}
