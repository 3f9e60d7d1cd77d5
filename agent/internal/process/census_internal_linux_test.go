package process

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseStat(t *testing.T) {
	t.Parallel()
	const tail = " 34816 13 4194560 104 0 0 0 0 0 0 0 20 0 1 0 987654 2609152 213 18446744073709551615 1 1\n"
	tests := map[string]struct {
		stat string
		want proc
		bad  bool
	}{
		"a plain line":              {stat: "12 (sh) S 3 4 5" + tail, want: proc{pid: 12, ppid: 3, group: 4, session: 5, started: 987654}},
		"a name with a space":       {stat: "12 (a b) S 3 4 5" + tail, want: proc{pid: 12, ppid: 3, group: 4, session: 5, started: 987654}},
		"a name that looks like it": {stat: "12 (x) Z 9 9 (9) S 3 4 5" + tail, want: proc{pid: 12, ppid: 3, group: 4, session: 5, started: 987654}},
		"a zombie":                  {stat: "12 (sh) Z 3 4 5" + tail, want: proc{pid: 12, ppid: 3, group: 4, session: 5, started: 987654, zombie: true}},
		"an empty line":             {stat: "", bad: true},
		"no name":                   {stat: "12 S 3 4 5" + tail, bad: true},
		"too few fields":            {stat: "12 (sh) S 3 4 5", bad: true},
		"a parent in words":         {stat: "12 (sh) S x 4 5" + tail, bad: true},
		"a pid in words":            {stat: "x (sh) S 3 4 5" + tail, bad: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseStat([]byte(tc.stat))
			if tc.bad {
				if !errors.Is(err, errStat) {
					t.Errorf("parsed as %+v, error %v", got, err)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(proc{})); diff != "" || err != nil {
				t.Errorf("error %v, difference (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestFindMarks(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		environ string
		want    []string
	}{
		"none":                   {"A=1\x00B=2\x00", nil},
		"one":                    {"A=1\x00AGENTPROOF_COMMAND_ID=x.1\x00", []string{"x.1"}},
		"nested":                 {"AGENTPROOF_COMMAND_ID=x.1,y.2\x00", []string{"x.1", "y.2"}},
		"in a value only":        {"A=AGENTPROOF_COMMAND_ID=x.1\x00", nil},
		"an overwritten environ": {"\x00\x00\x00", nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := findMarks([]byte(tc.environ)); !slices.Equal(got, tc.want) {
				t.Errorf("marks %q, want %q", got, tc.want)
			}
		})
	}
}

func TestListingHoldsThisProcess(t *testing.T) {
	t.Parallel()
	procs, err := listProcesses()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(procs, func(p proc) bool { return p.pid == os.Getpid() })
	if i < 0 {
		t.Fatal("this process is not in it")
	}
	if got := procs[i]; got.ppid != os.Getppid() || got.zombie || got.started == 0 {
		t.Errorf("listed as %+v", got)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("12 (a) b) S 3 4 5 34816 13 4194560 104 0 0 0 0 0 0 0 20 0 1 0 987654 2609152"))
	f.Fuzz(func(t *testing.T, stat []byte) {
		if _, err := parseStat(stat); err != nil && !errors.Is(err, errStat) {
			t.Errorf("error %v is not errStat", err)
		}
	})
}
