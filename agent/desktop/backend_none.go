//go:build (!cgo && (darwin || windows || robotgo)) || (!unix && !windows)

package desktop

import (
	"log/slog"

	"agentproof/agent/desktop/internal/backend"
)

// openBackend returns a desktop that is never there: the native libraries of
// this system are reached through cgo only.
func openBackend([]string, *slog.Logger) backend.Backend {
	return backend.None("this agent was built without cgo, which a desktop needs on this system; build it with CGO_ENABLED=1")
}
