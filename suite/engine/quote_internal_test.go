package engine

import "testing"

func TestAReasonQuotesNothingThatDiffersFromRunToRun(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"words", "no such file or directory", "no such file or directory"},
		{"a process id", "kill 4711: operation not permitted", "kill N: operation not permitted"},
		{"an address", "dial tcp 127.0.0.1:43211: connection refused", "dial tcp N: connection refused"},
		{"a duration", "gave up after 12.3ms", "gave up after N"},
		{"an id", "request 0b1f6a8e-77aa-4c0f-9d5b-1f2e3d4c5b6a failed", "request N failed"},
		{"a temporary path", "open /tmp/tmpabcdef/x: denied", "open {tmp}: denied"},
		{"a macOS temporary path", "open /private/var/folders/zz/T/a: denied", "open {tmp}: denied"},
		{"a temporary name", "open /proc/sys/kernel/tmph_mdkbtz: denied", "open /proc/sys/kernel/{tmp}: denied"},
		{"the root", "open {root}/file: denied", "open {root}/file: denied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := quote(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
