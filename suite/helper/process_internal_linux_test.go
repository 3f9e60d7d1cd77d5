package helper

import (
	"testing"
)

func TestParseStatFindsTheFieldsBehindAnyProgramName(t *testing.T) {
	t.Parallel()
	const tail = " 7 8 9 34816 8 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4242 0 0"
	tests := map[string]struct {
		stat string
		want Process
	}{
		"a plain name":     {"12 (sh) S" + tail, Process{PID: 12, Alive: true, PPID: 7, PGID: 8, SID: 9, Start: 4242}},
		"parentheses":      {"12 (a) Z (b) R" + tail, Process{PID: 12, Alive: true, PPID: 7, PGID: 8, SID: 9, Start: 4242}},
		"a zombie":         {"12 (sh) Z" + tail, Process{PID: 12, Zombie: true, PPID: 7, PGID: 8, SID: 9, Start: 4242}},
		"one that is gone": {"12 (sh) X" + tail, Process{PID: 12, PPID: 7, PGID: 8, SID: 9, Start: 4242}},
		"a line's end":     {"12 (new\nline) D" + tail + "\n", Process{PID: 12, Alive: true, PPID: 7, PGID: 8, SID: 9, Start: 4242}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := parseStat([]byte(tc.stat)); err != nil || got != tc.want {
				t.Errorf("%+v, %v, want %+v", got, err, tc.want)
			}
		})
	}
	for name, stat := range map[string]string{
		"nothing": "", "no name": "12 sh S" + tail, "a name that never ends": "12 (sh S" + tail,
		"parentheses the wrong way": "12 )sh( S" + tail, "too few fields": "12 (sh) S 7 8 9", "letters": "12 (sh) S x" + tail,
	} {
		t.Run(name+" is an error", func(t *testing.T) {
			t.Parallel()
			if got, err := parseStat([]byte(stat)); err == nil {
				t.Errorf("read as %+v", got)
			}
		})
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("12 (sh) S 7 8 9 34816 8 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4242 0 0"))
	f.Add([]byte("1 ()) ("))
	f.Fuzz(func(t *testing.T, stat []byte) {
		p, err := parseStat(stat)
		if err != nil && p != (Process{}) {
			t.Errorf("%+v comes with %v", p, err)
		}
		if p.Alive && p.Zombie {
			t.Errorf("%+v is both", p)
		}
	})
}
