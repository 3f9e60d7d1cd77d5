package verdict_test

import (
	"os/exec"
	"strings"
	"testing"
)

// Whoever reads a report, or verifies a certificate, must not have to trust a
// broker and a relay for that.
func TestReadersOfReportsNeedNothingThatRuns(t *testing.T) {
	t.Parallel()
	readers := []string{"agentproof/suite/report", "agentproof/suite/baseline", "agentproof/suite/certificate"}
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"list", "-deps"}, readers...)...).Output()
	if err != nil {
		t.Fatalf("list what they import: %v", err)
	}
	for dep := range strings.Lines(string(out)) {
		switch dep = strings.TrimSpace(dep); {
		case dep == "agentproof/suite/engine", dep == "agentproof/suite/instance", dep == "agentproof/suite/runner",
			strings.HasPrefix(dep, "agentproof/fixtures/"), strings.HasPrefix(dep, "github.com/nats-io/"):
			t.Errorf("they need %s", dep)
		}
	}
}
