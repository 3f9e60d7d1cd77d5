package fold

import (
	"regexp"
	"strings"
)

// escapes are the control sequences that programs style terminal output with:
// CSI, OSC and other strings up to their terminator, and two-character escapes.
var escapes = regexp.MustCompile(`(?:\x1b\[|\x{9b})[0-?]*[ -/]*[@-~]` +
	`|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?` +
	`|\x1b[ -/]*[0-~]`)

// Plain removes terminal control sequences from the output of a program. Of a
// line that was overwritten after a carriage return, the last version stays.
func Plain(text string) string {
	if !strings.ContainsAny(text, "\x1b\r\u009b") {
		return text
	}
	text = strings.ReplaceAll(escapes.ReplaceAllString(text, ""), "\r\n", "\n")
	if !strings.Contains(text, "\r") {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		line = strings.TrimRight(line, "\r")
		lines[i] = line[strings.LastIndexByte(line, '\r')+1:]
	}
	return strings.Join(lines, "\n")
}
