//go:build unix && !darwin && !robotgo

package desktop

import (
	"log/slog"

	"agentproof/agent/desktop/internal/backend"
	"agentproof/agent/desktop/internal/x11"
)

func openBackend(environ []string, log *slog.Logger) backend.Backend { return x11.New(environ, log) }
