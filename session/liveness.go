package session

import "time"

// reconnectWindow is how long after its last sign of life a machine counts as
// about to come back.
const reconnectWindow = 30 * time.Second

// Enrollment is what the control plane has on record about a machine.
type Enrollment struct {
	Status   string    // "active" or anything else
	LastSeen time.Time // zero if never
	// HasDisplay: the machine has a screen.
	HasDisplay bool
	// Exposure and AllowScreenControl are the owner's consents. Input needs
	// "whole-machine" and true.
	Exposure           string
	AllowScreenControl bool
}

// Presence is whether a machine is there.
type Presence string

const (
	Online       Presence = "online"
	Reconnecting Presence = "reconnecting"
	Offline      Presence = "offline"
)

// Liveness judges a machine's presence from its enrollment, nil if there is
// none, and from whether a ping was just answered (session.liveness).
func Liveness(e *Enrollment, probeResponded bool, now time.Time) Presence {
	switch {
	case e == nil || e.Status != "active":
		return Offline
	case probeResponded:
		return Online
	case !e.LastSeen.IsZero() && now.Sub(e.LastSeen) <= reconnectWindow:
		return Reconnecting
	default:
		return Offline
	}
}

// Capability is whether one part of a machine can be used now.
type Capability struct {
	Available bool
	// ReadOnly: it can be watched and not operated.
	ReadOnly bool
	Reason   Reason // why not Available
}

// Capabilities is what can be done with a machine now.
type Capabilities struct {
	Exec          Capability
	Filesystem    Capability
	Git           Capability
	Terminal      Capability
	DesktopStream Capability
	Recording     Capability
	ComputerUse   Capability
}

// CapabilitiesOf says what can be done with a machine of the given presence.
// A missing display wins over a missing consent (session.liveness.no-display).
func CapabilitiesOf(e *Enrollment, p Presence) Capabilities {
	if e == nil {
		p = Offline
	}
	switch p {
	case Online:
	case Reconnecting:
		return uniform(Capability{Reason: ReasonAgentReconnecting})
	default:
		return uniform(Capability{Reason: ReasonAgentOffline})
	}
	c := uniform(Capability{Available: true})
	switch {
	case !e.HasDisplay:
		none := Capability{Reason: ReasonDisplayUnavailable}
		c.DesktopStream, c.Recording, c.ComputerUse = none, none, none
	case e.Exposure != "whole-machine" || !e.AllowScreenControl:
		view := Capability{Available: true, ReadOnly: true}
		c.DesktopStream, c.Recording = view, view
		c.ComputerUse = Capability{Reason: ReasonConsentRequired}
	}
	return c
}

func uniform(c Capability) Capabilities {
	return Capabilities{Exec: c, Filesystem: c, Git: c, Terminal: c, DesktopStream: c, Recording: c, ComputerUse: c}
}
