package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestATargetLeadsToTheSameAgent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ line, want string }{
		{"run", ""},
		{"run --case ping.** --out x --format tap --level must", ""},
		{"run --timeout-scale 3 --revision r0.5 -- ./my-agent run --case x", "--revision r0.5 --timeout-scale 3 -- ./my-agent run --case x"},
		{"run --attach nats://me:pass@127.0.0.1:1 --workspace ws --agent a --held-epoch 7",
			"--agent a --attach nats://me:${SECRET_PASSWORD}@127.0.0.1:1 --held-epoch 7 --workspace ws"},
		{"run --attach nats://token@127.0.0.1:1 --workspace ws --agent a", "--agent a --attach nats://${SECRET_TOKEN}@127.0.0.1:1 --workspace ws"},
		{"relay --skip x ws://127.0.0.1:1/stream?a=b", "ws://127.0.0.1:1/stream?a=b"},
	} {
		t.Run(tt.line, func(t *testing.T) {
			t.Parallel()
			a, err := newApp(nil, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			words := strings.Fields(tt.line)
			root := a.command()
			i := slices.IndexFunc(root.Commands(), func(c *cobra.Command) bool { return c.Name() == words[0] })
			cmd := root.Commands()[i]
			if err := cmd.ParseFlags(words[1:]); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(target(cmd, cmd.Flags().Args()), " "); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
