//go:build !unix

package pty

import "agentproof/agent/fault"

// closings need the signals of Unix.
func closings() []fault.Mutant { return nil }
