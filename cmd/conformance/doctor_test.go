package main

import (
	"encoding/json"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"agentproof/fixtures/broker"
	"agentproof/fixtures/broker/brokertest"
	"agentproof/suite/doctor"
)

func TestDoctor(t *testing.T) {
	t.Parallel()
	flags := attachable(t)
	wrong, err := url.Parse(flags[1])
	if err != nil {
		t.Fatal(err)
	}
	wrong.User = url.UserPassword("control-plane", "secret")
	for _, tt := range []struct {
		name string
		args []string
		code int
		out  []string
	}{
		{"the bundled agent is well", nil, 0, []string{"✓ start      the command runs", "✓ answer", "✓ heartbeat  number 1"}},
		{"so is an agent that shares nothing with it, but for its heartbeats", []string{"--timeout-scale", "0.2", "--", self(t), asAgent, "tiny"}, 1,
			[]string{"✓ answer", "✗ heartbeat  none came on ", "  →          the agent must send one every 5 s"}},
		{"an agent that ends", []string{"--", self(t), asAgent, "quits"}, 1, []string{"✗ connect    the agent ended with status 4", "  it printed no luck today"}},
		{"a running agent is reached", flags, 0, []string{"✓ login      let in by agentproof, NATS ", "✓ agent      it answers on agent.ws.laptop.rpc", "✓ heartbeat"}},
		{"a wrong password", append(flags[:len(flags):len(flags)], "--attach", wrong.String()), 1, []string{`✗ login      the broker refuses the user "control-plane" or its`}},
		{"another agent", append(flags[:len(flags):len(flags)], "--agent", "nobody"), 1, []string{"✗ agent      nobody serves agent.ws.nobody.rpc, but agent.ws.laptop is alive"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := invoke(t, append([]string{"doctor"}, tt.args...)...)
			for _, want := range tt.out {
				got.want(t, tt.code, want, "")
			}
			if strings.Contains(got.out+got.err, "secret") || strings.Contains(got.out, "\x1b") || got.err != "" {
				t.Errorf("stdout %q, stderr %q", got.out, got.err)
			}
		})
	}
}

func TestDoctorJSONIsForScripts(t *testing.T) {
	t.Parallel()
	got := invoke(t, "doctor", "--json", "--", self(t), asAgent, "quits")
	var steps []doctor.Step
	if err := json.Unmarshal([]byte(got.out), &steps); err != nil || got.code != 1 {
		t.Fatalf("exit code %d: %v\n%s", got.code, err, got.out)
	}
	if len(steps) != 2 || !steps[0].OK || steps[1].OK || steps[1].Name != "connect" || steps[1].Output != "no luck today" {
		t.Errorf("got %+v", steps)
	}
}

// The roots of trust are read once a process, so this needs one of its own.
func TestDoctorTrustsWhomTheUserTrusts(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{TLS: true})
	for _, at := range []string{b.ControlURL(), b.WebsocketURL()} {
		cmd := exec.CommandContext(t.Context(), self(t), asProgram, "doctor", "--attach", at, "--workspace", "ws", "--agent", "a", "--timeout-scale", "0.5")
		cmd.Env = append(cmd.Environ(), "SSL_CERT_FILE="+b.CAFile())
		out, _ := cmd.CombinedOutput()
		next := "✓ tls        TLS 1.3, certificate valid until "
		if at == b.WebsocketURL() {
			next = "✗ login      the broker wants credentials"
		}
		if !strings.Contains(string(out), next) {
			t.Errorf("%s: want %q, got\n%s", strings.Split(at, ":")[0], next, out)
		}
	}
}
