package main

import "testing"

func TestEscape(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, typed, want string
		detach            bool
	}{
		{name: "what has no tilde passes", typed: "ls -l\r", want: "ls -l\r"},
		{name: "a tilde and a dot at the very beginning detach", typed: "~.rest", detach: true},
		{name: "a tilde and a dot after a carriage return detach", typed: "ls\r~.", want: "ls\r", detach: true},
		{name: "a tilde and a dot after a newline detach", typed: "ls\n~.", want: "ls\n", detach: true},
		{name: "a tilde and a dot within a line are typed", typed: "ls ~.", want: "ls ~."},
		{name: "two tildes are one", typed: "~~/x", want: "~/x"},
		{name: "a dot after two tildes is typed", typed: "~~.", want: "~."},
		{name: "a tilde before something else is typed with it", typed: "~/bin\r", want: "~/bin\r"},
		{name: "a newline after a tilde begins a line", typed: "~\r~.", want: "~\r", detach: true},
		{name: "a tilde alone waits for what follows", typed: "~", want: ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var e escape
			data, detach := e.filter([]byte(tt.typed))
			if string(data) != tt.want || detach != tt.detach {
				t.Errorf("filter(%q) = %q, %v; want %q, %v", tt.typed, data, detach, tt.want, tt.detach)
			}
		})
	}
}

// FuzzEscape shows that it does not matter how reads cut what is typed.
func FuzzEscape(f *testing.F) {
	f.Add([]byte("ls\r~~x\r~."), 3)
	f.Add([]byte("~."), 1)
	f.Fuzz(func(t *testing.T, typed []byte, cut int) {
		cut = min(max(cut, 0), len(typed))
		var whole, parts escape
		want, wantDetach := whole.filter(typed)
		got, detach := parts.filter(typed[:cut])
		if !detach {
			var rest []byte
			rest, detach = parts.filter(typed[cut:])
			got = append(got, rest...)
		}
		if string(got) != string(want) || detach != wantDetach {
			t.Errorf("%q cut at %d gives %q, %v; whole %q, %v", typed, cut, got, detach, want, wantDetach)
		}
	})
}
