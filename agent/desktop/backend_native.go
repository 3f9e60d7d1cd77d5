//go:build cgo && (darwin || windows || (linux && robotgo))

package desktop

import (
	"log/slog"

	"agentproof/agent/desktop/internal/backend"
	"agentproof/agent/desktop/internal/native"
)

func openBackend(environ []string, log *slog.Logger) backend.Backend { return native.New(environ, log) }
