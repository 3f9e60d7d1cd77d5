package subject

import (
	"strings"
	"testing"
)

func TestSplitGoRun(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ line, flags, pkgs, args string }{
		{"./cmd/agent", "", "./cmd/agent", ""},
		{"./cmd/agent run --json", "", "./cmd/agent", "run --json"},
		{"-race ./cmd/agent run", "-race", "./cmd/agent", "run"},
		{"-tags x -ldflags=-s ./cmd/agent", "-tags x -ldflags=-s", "./cmd/agent", ""},
		{"-C sub -tags=x . run", "-C sub -tags=x", ".", "run"},
		{"main.go other.go run.txt", "", "main.go other.go", "run.txt"},
		{"main.go", "", "main.go", ""},
		{"-tags", "-tags", "", ""},
		{"", "", "", ""},
	} {
		t.Run(tt.line, func(t *testing.T) {
			t.Parallel()
			flags, pkgs, args := splitGoRun(strings.Fields(tt.line))
			for _, part := range []struct {
				what string
				got  []string
				want string
			}{{"flags", flags, tt.flags}, {"packages", pkgs, tt.pkgs}, {"arguments", args, tt.args}} {
				if got := strings.Join(part.got, " "); got != part.want {
					t.Errorf("%s are %q, want %q", part.what, got, part.want)
				}
			}
		})
	}
}
