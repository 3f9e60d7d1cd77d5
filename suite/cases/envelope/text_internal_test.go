package envelope

import "testing"

func TestTellsTakesEveryCommonRepair(t *testing.T) {
	t.Parallel()
	const cut = "cut-\xe2\x82-three" // one maximal subpart of two bytes
	for _, tt := range []struct {
		name, got, of string
		want          bool
	}{
		{"one mark a byte", "cut-\uFFFD\uFFFD-three", cut, true},
		{"one mark a maximal subpart", "cut-\uFFFD-three", cut, true},
		{"one mark a run", "beyond-\uFFFD", "beyond-\xf4\x90\x80\x80", true},
		{"a valid name", "fine-ü", "fine-ü", true},
		{"no mark", "cut--three", cut, false},
		{"more marks than bytes", "cut-\uFFFD\uFFFD\uFFFD-three", cut, false},
		{"a mark elsewhere", "cut--\uFFFDthree", cut, false},
		{"another mark", "cut-?-three", cut, false},
		{"a mark in a valid name", "fine-\uFFFD", "fine-ü", false},
		{"a cut name", "cut-\uFFFD", cut, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tells(tt.got, tt.of); got != tt.want {
				t.Errorf("%q for %q: %v, want %v", tt.got, tt.of, got, tt.want)
			}
		})
	}
}
