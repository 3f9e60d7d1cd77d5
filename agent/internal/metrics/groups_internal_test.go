//go:build linux

package metrics

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseGroups(t *testing.T) {
	t.Parallel()
	type lists struct{ Memory, CPU, Account []string }
	v2 := []string{"/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup"}
	tests := map[string]struct {
		own, mountinfo string
		want           lists
	}{
		"version 2 on the host": {
			"0::/a/b\n",
			"30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
			lists{v2, v2, v2},
		},
		"version 2 in a namespace of its own": {
			"0::/\n",
			"30 23 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
			lists{v2[2:], v2[2:], v2[2:]},
		},
		"version 2 with the host's path": {
			"0::/docker/abc\n",
			"30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
			lists{v2[2:], v2[2:], v2[2:]},
		},
		"version 2 outside of the namespace": {
			"0::/../../a\n",
			"30 23 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
			lists{v2[2:], v2[2:], v2[2:]},
		},
		"version 1 beside an idle version 2": {
			"5:cpu,cpuacct:/c\n4:memory:/m\n1:name=systemd:/s\n0::/u\n",
			"31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n" +
				"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n" +
				"35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" +
				"41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
			lists{
				[]string{"/sys/fs/cgroup/memory/m", "/sys/fs/cgroup/memory"},
				[]string{"/sys/fs/cgroup/cpu,cpuacct/c", "/sys/fs/cgroup/cpu,cpuacct"},
				[]string{"/sys/fs/cgroup/cpu,cpuacct/c", "/sys/fs/cgroup/cpu,cpuacct"},
			},
		},
		"a mount point with a space": {
			"0::/a\n", `30 23 0:26 / /my\040groups rw - cgroup2 cgroup rw`,
			lists{[]string{"/my groups/a", "/my groups"}, []string{"/my groups/a", "/my groups"}, []string{"/my groups/a", "/my groups"}},
		},
		"none": {"", "", lists{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := parseGroups(tc.own, tc.mountinfo)
			if diff := cmp.Diff(tc.want, lists{g.memoryDirs, g.cpuDirs, g.accountDirs}); diff != "" {
				t.Errorf("directories differ (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzParseGroups(f *testing.F) {
	f.Add("0::/a/b\n", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
	f.Add("4:cpu,cpuacct:/c\n", "32 31 0:29 /c /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n")
	f.Fuzz(func(t *testing.T, own, mountinfo string) {
		g := parseGroups(own, mountinfo)
		for _, dir := range slices.Concat(g.memoryDirs, g.cpuDirs, g.accountDirs) {
			if slices.Contains(strings.Split(dir, "/"), "..") && !strings.Contains(mountinfo, "..") {
				t.Errorf("a group's path leads to %q", dir)
			}
		}
	})
}

func TestParseLoad(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][4]float64{
		"0.20 1.18 10.12 3/80 11206\n": {0.20, 1.18, 10.12, 3},
		"0.20 x 10.12 3/80 11206\n":    {0.20, 0, 10.12, 3},
		"0.20 1.18\n":                  {},
		"":                             {},
	} {
		l1, l5, l15, queue := parseLoad(text)
		if got := [4]float64{l1, l5, l15, queue}; got != want {
			t.Errorf("parseLoad(%q) = %v, want %v", text, got, want)
		}
	}
}

// tree makes a tree of control files: limits cannot be had without the right to
// make control groups.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestTheTightestMemoryLimitHolds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		files       map[string]string
		used, limit uint64
		ok          bool
	}{
		"no limit": {
			map[string]string{"memory.max": "max\n", "a/memory.max": "max\n", "a/memory.current": "5\n"}, 0, 0, false,
		},
		"its own": {
			map[string]string{"a/memory.max": "1000\n", "a/memory.current": "600\n", "a/memory.stat": "anon 100\ninactive_file 200\n"}, 400, 1000, true,
		},
		"its parent's, which is tighter": {
			map[string]string{
				"a/memory.max": "1000\n", "a/memory.current": "600\n",
				"memory.max": "500\n", "memory.current": "450\n",
			}, 450, 500, true,
		},
		"more cache than use": {
			map[string]string{"a/memory.max": "1000\n", "a/memory.current": "100\n", "a/memory.stat": "inactive_file 200\n"}, 0, 1000, true,
		},
		"version 1": {
			map[string]string{
				"a/memory.limit_in_bytes": "1000\n", "a/memory.usage_in_bytes": "600\n", "a/memory.stat": "inactive_file 9\ntotal_inactive_file 200\n",
				"memory.limit_in_bytes": "9223372036854771712\n", "memory.usage_in_bytes": "700\n",
			}, 400, 1000, true,
		},
		"a limit without a use": {map[string]string{"a/memory.max": "1000\n"}, 0, 0, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tree(t, tc.files)
			used, limit, ok := groups{memoryDirs: []string{filepath.Join(dir, "a"), dir}}.memory()
			if ok != tc.ok || ok && (used != tc.used || limit != tc.limit) {
				t.Errorf("memory = %d of %d, %v; want %d of %d, %v", used, limit, ok, tc.used, tc.limit, tc.ok)
			}
		})
	}
}

func TestTheTightestProcessorLimitHolds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		files       map[string]string
		used, limit float64
		ok          bool
	}{
		"no limit": {
			map[string]string{"a/cpu.max": "max 100000\n", "a/cpu.stat": "usage_usec 5\n"}, 0, 0, false,
		},
		"its own": {
			map[string]string{"a/cpu.max": "150000 100000\n", "a/cpu.stat": "usage_usec 2500000\nuser_usec 1\n"}, 2.5, 1.5, true,
		},
		"its parent's, which is tighter": {
			map[string]string{
				"a/cpu.max": "150000 100000\n", "a/cpu.stat": "usage_usec 1000000\n",
				"cpu.max": "50000 100000\n", "cpu.stat": "usage_usec 3000000\n",
			}, 3, 0.5, true,
		},
		"version 1": {
			map[string]string{"a/cpu.cfs_quota_us": "200000\n", "a/cpu.cfs_period_us": "100000\n", "a/cpu.stat": "nr_periods 0\n", "a/cpuacct.usage": "4000000000\n"}, 4, 2, true,
		},
		"version 1 without a limit": {
			map[string]string{"a/cpu.cfs_quota_us": "-1\n", "a/cpu.cfs_period_us": "100000\n", "a/cpuacct.usage": "4000000000\n"}, 0, 0, false,
		},
		"nonsense": {map[string]string{"a/cpu.max": "0 0\n", "a/cpu.stat": "usage_usec 5\n"}, 0, 0, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tree(t, tc.files)
			dirs := []string{filepath.Join(dir, "a"), dir}
			used, limit, ok := groups{cpuDirs: dirs, accountDirs: dirs}.processor()
			if ok != tc.ok || used != tc.used || limit != tc.limit {
				t.Errorf("processor = %v s of %v, %v; want %v of %v, %v", used, limit, ok, tc.used, tc.limit, tc.ok)
			}
		})
	}
}

// In a limited group the percentage is of the limit, and the memory too.
func TestTheLimitsAreTheMachine(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{
		"cpu.max": "50000 100000\n", "cpu.stat": "usage_usec 1000000\n",
		"memory.max": "1048576\n", "memory.current": "1024\n",
	})
	h := &host{cores: 2, groups: groups{cpuDirs: []string{dir}, memoryDirs: []string{dir}}}
	start := time.Now()
	if s := h.sample(t.Context(), start); s.cpuPercent != 0 || s.memTotal != 1048576 || s.memUsed != 1024 {
		t.Errorf("first sample = %+v", s)
	}
	// A quarter of a second of processor time in one second is half of the
	// half processor at hand.
	if err := os.WriteFile(filepath.Join(dir, "cpu.stat"), []byte("usage_usec 1250000\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if s := h.sample(t.Context(), start.Add(time.Second)); s.cpuPercent != 50 {
		t.Errorf("cpu = %v percent, want 50", s.cpuPercent)
	}
}
