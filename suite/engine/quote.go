package engine

import (
	"regexp"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

var (
	// tempPath is a path below a directory for temporary files.
	tempPath = regexp.MustCompile(`(?:/private)?(?:/var/folders|/var/tmp|/tmp|/dev/shm)/[^\s"':,;)]+`)
	// tempName is a name that a program makes up for a temporary file, wherever it
	// lies.
	tempName = regexp.MustCompile(`\b\.?(?:tmp|temp)[A-Za-z0-9_.-]{4,}`)
	// counted is a word with a digit in it: a process id, a port, a duration, a
	// size, an address, an id.
	counted = regexp.MustCompile(`[A-Za-z0-9_.:-]*[0-9](?:[A-Za-z0-9_.:-]*[A-Za-z0-9])?`)
)

// quote is a text of the agent's making as a reason may hold it: what differs from
// run to run is left out. The reader finds the whole text in the exchange.
func quote(text string) string {
	text = tempPath.ReplaceAllString(text, "{tmp}")
	text = tempName.ReplaceAllString(text, "{tmp}")
	return counted.ReplaceAllString(text, "N")
}

// says is an error of the agent in the words of a reason.
func (t *T) says(e *agentv1.AgentError) string {
	return codeName(e.GetCode()) + ": " + quote(t.inst.Stable(e.GetMessage()))
}
