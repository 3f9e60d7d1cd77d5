package suite_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"agentproof/internal/bundled"
)

// vendorTest is a vendor's own test of an agent that go test knows nothing of.
const vendorTest = `package vendor

import (
	"os"
	"testing"

	"agentproof/suite"
	"agentproof/suite/verdict"
)

func TestMain(m *testing.M) {
	suite.Intercept()
	os.Exit(m.Run())
}

func TestConformance(t *testing.T) {
	suite.Run(t, suite.Subject{
		Command: []string{os.Getenv("VENDORS_AGENT")}, Select: verdict.Selection{Cases: []string{"ping"}},
	})
}
`

// TestABrokenAgentIsNotOkFromTheCache breaks an agent outside the module
// between two runs of go test.
func TestABrokenAgentIsNotOkFromTheCache(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds a test binary")
	}
	repo, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	module, agent := t.TempDir(), filepath.Join(t.TempDir(), "agent")
	gomod, err := os.ReadFile(filepath.Join(repo, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	gosum, err := os.ReadFile(filepath.Join(repo, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	put := func(path, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	put(filepath.Join(module, "go.mod"), strings.Replace(string(gomod), "module agentproof\n", "module vendor\n", 1)+
		"\nrequire agentproof v0.0.0\nreplace agentproof => "+repo+"\n", 0o644)
	put(filepath.Join(module, "go.sum"), string(gosum), 0o644)
	put(filepath.Join(module, "vendor_test.go"), vendorTest, 0o644)
	put(agent, "#!/bin/sh\nexec '"+self(t)+"' "+bundled.Command+"\n", 0o755)

	gotest := func() (string, error) {
		cmd := exec.CommandContext(t.Context(), "go", "test", ".")
		cmd.Dir = module
		cmd.Env = append(os.Environ(), "VENDORS_AGENT="+agent, "CGO_ENABLED=0", "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "PWD="+module)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for range 2 { // so that there is something in the cache
		if out, err := gotest(); err != nil || strings.Contains(out, "(cached)") {
			t.Fatalf("the sound agent: %v\n%s", err, out)
		}
	}
	put(agent, "#!/bin/sh\nexit 1\n", 0o755)
	if out, err := gotest(); err == nil || !strings.Contains(out, "never became ready") {
		t.Errorf("the broken agent: %v\n%s", err, out)
	}
}

func self(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}
