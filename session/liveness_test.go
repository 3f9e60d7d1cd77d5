package session_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"agentproof/session"
)

func TestLiveness(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	seen := func(ago time.Duration) *session.Enrollment {
		return &session.Enrollment{Status: "active", LastSeen: now.Add(-ago)}
	}
	revoked := seen(0)
	revoked.Status = "revoked"
	tests := map[string]struct {
		enrollment *session.Enrollment
		probe      bool
		want       session.Presence
	}{
		"no enrollment":                      {nil, true, session.Offline},
		"an enrollment that is not active":   {revoked, true, session.Offline},
		"one without a status":               {&session.Enrollment{LastSeen: now}, true, session.Offline},
		"the probe answered":                 {seen(time.Hour), true, session.Online},
		"the probe answered, never seen":     {&session.Enrollment{Status: "active"}, true, session.Online},
		"seen just now":                      {seen(0), false, session.Reconnecting},
		"seen 30 s ago":                      {seen(30 * time.Second), false, session.Reconnecting},
		"seen longer ago":                    {seen(30*time.Second + time.Millisecond), false, session.Offline},
		"seen by a clock that is ahead":      {seen(-time.Second), false, session.Reconnecting},
		"never seen":                         {&session.Enrollment{Status: "active"}, false, session.Offline},
		"not active, seen just now, silence": {revoked, false, session.Offline},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := session.Liveness(tc.enrollment, tc.probe, now); got != tc.want {
				t.Errorf("Liveness = %v, want %v", got, tc.want)
			}
		})
	}
}

func TestCapabilities(t *testing.T) {
	t.Parallel()
	var (
		yes       = session.Capability{Available: true}
		view      = session.Capability{Available: true, ReadOnly: true}
		noDisplay = session.Capability{Reason: "display_unavailable"}
		noConsent = session.Capability{Reason: "consent_required"}
		all       = func(c session.Capability) session.Capabilities {
			return session.Capabilities{Exec: c, Filesystem: c, Git: c, Terminal: c, DesktopStream: c, Recording: c, ComputerUse: c}
		}
		desktop = func(stream, recording, use session.Capability) session.Capabilities {
			c := all(yes)
			c.DesktopStream, c.Recording, c.ComputerUse = stream, recording, use
			return c
		}
	)
	full := session.Enrollment{Status: "active", HasDisplay: true, Exposure: "whole-machine", AllowScreenControl: true}
	headless, folder, unconsented, neither := full, full, full, full
	headless.HasDisplay = false
	folder.Exposure = "folder"
	unconsented.AllowScreenControl = false
	neither.HasDisplay, neither.AllowScreenControl = false, false
	tests := map[string]struct {
		enrollment *session.Enrollment
		presence   session.Presence
		want       session.Capabilities
	}{
		"offline":                      {&full, session.Offline, all(session.Capability{Reason: "agent_offline"})},
		"reconnecting":                 {&full, session.Reconnecting, all(session.Capability{Reason: "agent_reconnecting"})},
		"reconnecting without display": {&headless, session.Reconnecting, all(session.Capability{Reason: "agent_reconnecting"})},
		"not enrolled":                 {nil, session.Online, all(session.Capability{Reason: "agent_offline"})},
		"of no presence":               {&full, "", all(session.Capability{Reason: "agent_offline"})},
		"with display and consent":     {&full, session.Online, all(yes)},
		"without a display":            {&headless, session.Online, desktop(noDisplay, noDisplay, noDisplay)},
		"without display and consent":  {&neither, session.Online, desktop(noDisplay, noDisplay, noDisplay)},
		"with a smaller exposure":      {&folder, session.Online, desktop(view, view, noConsent)},
		"without screen control":       {&unconsented, session.Online, desktop(view, view, noConsent)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, session.CapabilitiesOf(tc.enrollment, tc.presence)); diff != "" {
				t.Errorf("capabilities (-want +got):\n%s", diff)
			}
		})
	}
}
