package agent_test

import (
	"math"
	"testing"

	"agentproof/proto/opengeni/agent/v1"
)

func TestThin(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	if got := s.call(pingRequest(math.MaxUint64)).GetPing().GetNonce(); got != math.MaxUint64 {
		t.Errorf("nonce %d", got)
	}
	r := s.exec(&agentv1.ExecRequest{Command: []string{"sh", "-c", "echo hi; echo err >&2; exit 3"}})
	if r.ExitCode != 3 || string(r.Stdout) != "hi\n" || string(r.Stderr) != "err\n" {
		t.Errorf("%v", r)
	}
}
