//go:build unix && !darwin

package main

import (
	"os"
	"testing"

	"agentproof/suite"
	"agentproof/suite/verdict"
)

// whatALaunchDecides are the cases that can differ between two launches: what
// Hello claims and whether it holds, the identity, the fence, the root, the
// consent, and the relay.
func whatALaunchDecides() []string {
	return []string{
		"connect.**", "subject.**", "fence.**", "path.relative**", "path.empty**", "exec.env-credentials/*",
		"lifecycle.hello/*", "lifecycle.goodbye/*",
		"pty.open**", "pty.close/*", "pty.relay-down/*", "pty.no-relay**",
		"desktop.ensure**", "desktop.none/*", "desktop.no-relay**", "desktop.screenshot/*", "desktop.input.consent/*",
		"stream.desktop-first-frame/*", "session.endpoint**",
	}
}

// TestEveryLaunchIsConformant starts the program in each way that its flags
// have for somebody else's broker. $0 is the program. It is not parallel: some
// cases measure time.
func TestEveryLaunchIsConformant(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const (
		flags = `"$0" run --nats "$AGENTPROOF_NATS_URL" --token "$AGENTPROOF_NATS_TOKEN" ` +
			`--workspace "$AGENTPROOF_WORKSPACE_ID" --agent "$AGENTPROOF_AGENT_ID" --epoch "${AGENTPROOF_EPOCH:-0}" ` +
			`--screen-control="$AGENTPROOF_SCREEN_CONTROL" --root .`
		relay = `set -- ${AGENTPROOF_RELAY_URL:+--relay-url "$AGENTPROOF_RELAY_URL" --relay-token "$AGENTPROOF_RELAY_TOKEN"}; `
		quiet = `rules: [{on: ping, after: 1000000, do: {delay: 1ms}}]`
	)
	for name, tt := range map[string]struct {
		launch string
		only   []string // where the launch settles what the suite would
	}{
		"environment":               {launch: `exec "$0" run`},
		"environment, no relay":     {launch: `exec "$0" run --no-relay`},
		"environment, logs in JSON": {launch: `exec "$0" run --json -v`},
		"environment, a script that does nothing": {
			launch: `echo '` + quiet + `' >"$OPENGENI_CONFIG_DIR/quiet.yaml"; exec "$0" run --script "$OPENGENI_CONFIG_DIR/quiet.yaml"`,
		},
		"environment, a screen of its own": {
			launch: `exec "$0" run --virtual-desktop`,
			only:   []string{"lifecycle.hello/capabilities", "desktop.ensure/channel*", "desktop.no-relay**", "session.endpoint**"},
		},
		"credentials in the environment": {launch: `unset AGENTPROOF_NATS_URL; exec "$0" run`},
		"credentials":                    {launch: `exec "$0" run --credentials "$OPENGENI_CONFIG_DIR/credentials.json"`},
		"credentials, no relay":          {launch: `exec "$0" run --credentials "$OPENGENI_CONFIG_DIR/credentials.json" --no-relay`},
		"flags":                          {launch: relay + `exec ` + flags + ` "$@"`},
		"flags, no relay":                {launch: `exec ` + flags},
	} {
		t.Run(name, func(t *testing.T) {
			keep := tt.only
			if keep == nil {
				keep = whatALaunchDecides()
			} else {
				needsXvfb(t)
			}
			suite.Run(t, suite.Subject{
				Name:    "fakeagent: " + name,
				Command: []string{"/bin/sh", "-c", "export " + programEnv + "=1; " + tt.launch, self},
				// What waits for outages is the same however the program is told of its broker.
				Select: verdict.Selection{Cases: keep, Skip: []string{"**-an-outage", "lifecycle.hello/once-**"}},
			})
		})
	}
}
