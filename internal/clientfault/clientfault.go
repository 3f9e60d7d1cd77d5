// Package clientfault puts single faults into the session client: lies that a
// control plane's client could tell. Each is one source expression or statement
// in place of another, built in by an overlay, so that the client itself knows
// nothing of them; and each has a case of the conformance suite that must
// notice it, as the faults of agents have (package fault).
package clientfault

import (
	"slices"

	"agentproof/agent/fault"
)

// Variable is the environment variable that switches one fault on, by its id,
// in a program that was built with Overlay.
const Variable = "AGENTPROOF_CLIENT_FAULT"

// A Fault is something that a session client could get wrong.
type Fault struct {
	// Name says what is wrong, as a sentence's end: "the client …".
	Name string
	// Case is the id of the case that must notice, and Says part of the reason
	// that it must give: that of the one check that the fault is for.
	Case, Says string
	// Scale is that of the harness's limits, for what shows in nothing coming;
	// 0 means 1.
	Scale float64
	Edits []Edit
}

// An Edit is one place in the client's source.
type Edit struct {
	File   string // relative to the module, with slashes
	Func   string // such as "New" or "Session.Do"
	Sound  string // an expression, a statement or a key with its value, as it stands there once
	Faulty string // what is in its place when the fault is switched on
}

// ID names the fault on command lines.
func (f *Fault) ID() string { return "client." + fault.Slug(f.Name) }

// All returns every fault.
func All() []Fault {
	return slices.Concat(paths(), transports(), errorsTold(), operations(), editors(), endpoints(), clients())
}

// soon is the scale for what shows in nothing coming.
const soon = 0.2

func lie(name, id, says string, edits ...Edit) Fault {
	return Fault{Name: name, Case: id, Says: says, Edits: edits}
}

// late is a lie that shows in nothing coming.
func late(f Fault) Fault {
	f.Scale = soon
	return f
}
