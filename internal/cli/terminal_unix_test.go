//go:build unix

package cli_test

import (
	"testing"

	"github.com/creack/pty"

	"agentproof/internal/cli"
)

func TestATerminalIsColouredUnlessSomebodyMinds(t *testing.T) {
	master, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer terminal.Close()
	for _, tt := range []struct {
		name, noColor, term string
		want                bool
	}{
		{"usually", "", "xterm-256color", true},
		{"with NO_COLOR", "1", "xterm-256color", false},
		{"on a dumb terminal", "", "dumb", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("NO_COLOR", tt.noColor)
			t.Setenv("TERM", tt.term)
			if got := cli.Colors(terminal); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}

func TestTheWidthIsTheTerminalsOwn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		columns uint16
		want    int
	}{
		{"a wide one", 132, 132},
		{"one too narrow to read", 10, 40},
		{"one that does not know", 0, 100},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			master, terminal, err := pty.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer master.Close()
			defer terminal.Close()
			if err := pty.Setsize(terminal, &pty.Winsize{Cols: tt.columns, Rows: 24}); err != nil {
				t.Fatal(err)
			}
			if got := cli.Width(terminal); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}
