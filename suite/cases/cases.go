// Package cases lists every conformance case there is.
package cases

import (
	"slices"

	"agentproof/suite/cases/connect"
	"agentproof/suite/cases/desktop"
	"agentproof/suite/cases/envelope"
	"agentproof/suite/cases/errs"
	"agentproof/suite/cases/exec"
	"agentproof/suite/cases/fence"
	"agentproof/suite/cases/fs"
	"agentproof/suite/cases/git"
	"agentproof/suite/cases/lifecycle"
	"agentproof/suite/cases/metrics"
	"agentproof/suite/cases/path"
	"agentproof/suite/cases/ping"
	"agentproof/suite/cases/pty"
	"agentproof/suite/cases/sessions"
	"agentproof/suite/cases/streams"
	"agentproof/suite/cases/subject"
	"agentproof/suite/engine"
)

// All returns the cases of all areas. The slice is the caller's.
func All() []engine.Case {
	return slices.Concat(
		connect.Cases(),
		desktop.Cases(),
		envelope.Cases(),
		errs.Cases(),
		exec.Cases(),
		fence.Cases(),
		fs.Cases(),
		git.Cases(),
		lifecycle.Cases(),
		metrics.Cases(),
		path.Cases(),
		ping.Cases(),
		pty.Cases(),
		sessions.Cases(),
		streams.Cases(),
		subject.Cases(),
	)
}
