// Package subject is the agents under test of conformance runs, and how they
// are started: inside this process, by a command, or not at all because they
// run already.
package subject

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"
)

// A Subject is an agent under test: either something that the runner starts,
// as often as cases need it, or something that runs already.
type Subject struct {
	// Name is for people: the command line, or what was attached to.
	Name string
	// Argv is the program that is started and its arguments; nil where there is
	// none.
	Argv []string
	// Start runs one instance. It returns when the instance was started, not
	// when it is ready. Nil for an attached subject.
	Start func(ctx context.Context, env Environment) (Process, error)
	// Attached is set for a subject that runs already.
	Attached *Attachment
	// NoAgent is set for a subject that is no agent, such as a relay: the
	// cases reach it by themselves, and their T has no Instance.
	NoAgent bool
}

// Environment is everything that an agent is told when it starts. Command says
// how it reaches a spawned command.
type Environment struct {
	URLs          []string
	Token         string
	WorkspaceID   string
	AgentID       string
	Epoch         uint32
	RelayURL      string
	RelayToken    string
	ScreenControl bool
	Root          string    // absolute; the agent's working directory
	ConfigDir     string    // absolute; where a credentials file belongs
	Home          string    // absolute; the agent's home, which is empty
	Display       []string  // variables that lead to the display; none means no display
	CAFile        string    // PEM; the CA of the broker's certificate, empty without TLS
	Marker        string    // a random value by which the agent's descendants are found
	Extra         []string  // changes to the variables that the agent sees; see Layer
	Output        io.Writer // receives what the agent prints
}

// MarkerVariable holds Environment.Marker. Its name shares no prefix with the
// agent's secrets, so that an agent which keeps those from its commands does
// not hide them from the suite.
const MarkerVariable = "CONFORMANCE_INSTANCE"

// Around returns the runner's own environment as an agent is to see it: without
// what speaks of the runner's display and terminal and of its user's settings, with
// what both kinds of agents are told besides the contract, and with the changes of
// Extra.
func (e Environment) Around(environ []string) []string {
	// An agent's log is read in reports, not on a terminal.
	changes := []string{"NO_COLOR=1", "TERM=dumb", "COLORTERM", "FORCE_COLOR", "CLICOLOR_FORCE"}
	if e.Marker != "" {
		changes = append(changes, MarkerVariable+"="+e.Marker)
	}
	return e.Layer(layer(withoutUser(e.Screen(environ), e.Home), changes))
}

// Layer returns environ with the changes of Extra: KEY=VALUE replaces or adds a
// variable, a bare KEY removes it.
func (e Environment) Layer(environ []string) []string { return layer(environ, e.Extra) }

func layer(environ, changes []string) []string {
	out := slices.Clone(environ)
	for _, change := range changes {
		name, _, set := strings.Cut(change, "=")
		out = slices.DeleteFunc(out, func(kv string) bool {
			key, _, _ := strings.Cut(kv, "=")
			return key == name
		})
		if set {
			out = append(out, change)
		}
	}
	return out
}

// Screen returns environ with the agent's display in the place of the runner's
// own, and of all that tells of another one.
func (e Environment) Screen(environ []string) []string {
	out := slices.DeleteFunc(slices.Clone(environ), func(kv string) bool {
		switch name, _, _ := strings.Cut(kv, "="); name {
		case "DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "XDG_SESSION_TYPE":
			return true
		default:
			return false
		}
	})
	return append(out, e.Display...)
}

// Process is one running instance of a subject.
type Process interface {
	// Signal delivers a signal to the agent.
	Signal(os.Signal) error
	// Kill ends the agent and everything it started, at once.
	Kill() error
	// Done is closed when the agent has ended.
	Done() <-chan struct{}
	// ExitCode is the agent's status once Done is closed; -1 after a signal.
	ExitCode() int
}

// Attachment says where a running agent is.
type Attachment struct {
	URL         string // with the control plane's credentials
	WorkspaceID string
	AgentID     string
	// SubjectBase replaces "agent.<workspace>.<agent>" where the agent speaks
	// a later revision.
	SubjectBase string
	// HeldEpoch is the epoch that the agent holds; 0 means unknown.
	HeldEpoch uint32
}

// Attached is an agent that runs already.
func Attached(a Attachment) Subject {
	return Subject{Name: "agent." + a.WorkspaceID + "." + a.AgentID, Attached: &a}
}
