package metrics

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// groups are the directories of the control groups that this process is in, for
// each controller from its own group up to the outermost one that is visible.
// A limit anywhere on the way holds. Without control groups all are empty.
type groups struct {
	memoryDirs, cpuDirs, accountDirs []string
}

// findGroups looks the groups up once: a process is not moved as a rule, and
// one that is gets the machine's numbers when its old group is gone.
func findGroups() groups {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return groups{}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return groups{}
	}
	return parseGroups(string(own), string(mounts))
}

// unified stands for the one hierarchy of version 2 in place of a controller's
// name.
const unified = ""

// parseGroups reads /proc/self/cgroup and /proc/self/mountinfo. On a machine
// that has both versions a controller belongs to version 1 if it is mounted
// there.
func parseGroups(own, mountinfo string) groups {
	paths := parseOwn(own)
	dirs := make(map[string][]string)
	for line := range strings.Lines(mountinfo) {
		root, point, controllers, ok := parseMount(line)
		if !ok {
			continue
		}
		for _, controller := range controllers {
			if path, ok := paths[controller]; ok && dirs[controller] == nil {
				dirs[controller] = upwards(point, below(path, root))
			}
		}
	}
	pick := func(controller string) []string {
		if own := dirs[controller]; own != nil {
			return own
		}
		return dirs[unified]
	}
	return groups{memoryDirs: pick("memory"), cpuDirs: pick("cpu"), accountDirs: pick("cpuacct")}
}

// parseOwn maps controllers to group paths, from lines such as
// "4:cpu,cpuacct:/group" and, for version 2, "0::/group".
func parseOwn(own string) map[string]string {
	paths := make(map[string]string)
	for line := range strings.Lines(own) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) != 3 {
			continue
		}
		for controller := range strings.SplitSeq(fields[1], ",") {
			paths[controller] = fields[2]
		}
	}
	return paths
}

// parseMount reads a line of mountinfo: which group is mounted where, and for
// which controllers.
func parseMount(line string) (root, point string, controllers []string, ok bool) {
	mount, fs, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
	if !ok {
		return "", "", nil, false
	}
	where, what := strings.Fields(mount), strings.Fields(fs)
	if len(where) < 5 || len(what) < 3 {
		return "", "", nil, false
	}
	switch what[0] {
	case "cgroup2":
		controllers = []string{unified}
	case "cgroup":
		controllers = strings.Split(what[2], ",")
	default:
		return "", "", nil, false
	}
	return unescape.Replace(where[3]), unescape.Replace(where[4]), controllers, true
}

// unescape undoes the escapes of mountinfo.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// below returns the part of a group's path that lies below the mounted group.
// In a container that sees its own group as the whole mount, the path is the
// host's and means nothing here.
func below(path, root string) string {
	rel, ok := strings.CutPrefix(path, strings.TrimSuffix(root, "/"))
	if !ok || rel != "" && rel[0] != '/' || strings.Contains(path, "..") {
		return ""
	}
	return rel
}

// upwards lists the directories from point+rel up to point.
func upwards(point, rel string) []string {
	var dirs []string
	for dir := filepath.Join(point, rel); ; dir = filepath.Dir(dir) {
		dirs = append(dirs, dir)
		if len(dir) <= len(point) {
			return dirs
		}
	}
}

// memory returns the tightest limit and what is used of it, in bytes. The page
// cache that can be dropped at once does not count as used.
func (g groups) memory() (used, limit uint64, ok bool) {
	limit = math.MaxUint64
	for _, dir := range g.memoryDirs {
		for _, v := range [...]struct{ limit, usage, cache string }{
			{"memory.max", "memory.current", "inactive_file"},
			{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"},
		} {
			bound, found := readCount(dir, v.limit)
			if !found || bound >= limit {
				continue
			}
			usage, found := readCount(dir, v.usage)
			if !found {
				continue
			}
			cache, _ := readStat(dir, "memory.stat", v.cache)
			used, limit, ok = usage-min(cache, usage), bound, true
		}
	}
	return used, limit, ok
}

// processor returns the tightest limit, in processors, and the processor time
// that the group which has it has used, in seconds.
func (g groups) processor() (used, limit float64, ok bool) {
	for level, dir := range g.cpuDirs {
		quota, found := readQuota(dir)
		if !found || ok && quota >= limit {
			continue
		}
		spent, found := readStat(dir, "cpu.stat", "usage_usec")
		seconds := float64(spent) / 1e6
		if !found && level < len(g.accountDirs) {
			spent, found = readCount(g.accountDirs[level], "cpuacct.usage")
			seconds = float64(spent) / 1e9
		}
		if found {
			used, limit, ok = seconds, quota, true
		}
	}
	return used, limit, ok
}

// readQuota returns how many processors a group may use, where that is limited.
func readQuota(dir string) (processors float64, ok bool) {
	if text, err := os.ReadFile(filepath.Join(dir, "cpu.max")); err == nil { // "200000 100000"
		quota, period, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
		return ratio(quota, period)
	}
	quota, err := os.ReadFile(filepath.Join(dir, "cpu.cfs_quota_us"))
	if err != nil {
		return 0, false
	}
	period, err := os.ReadFile(filepath.Join(dir, "cpu.cfs_period_us"))
	if err != nil {
		return 0, false
	}
	return ratio(strings.TrimSpace(string(quota)), strings.TrimSpace(string(period)))
}

// ratio divides two positive numbers; "max" and -1 stand for no limit.
func ratio(quota, period string) (float64, bool) {
	q, err := strconv.ParseUint(quota, 10, 64)
	if err != nil || q == 0 {
		return 0, false
	}
	p, err := strconv.ParseUint(period, 10, 64)
	if err != nil || p == 0 {
		return 0, false
	}
	return float64(q) / float64(p), true
}

// readCount reads a file that holds one number; "max" is none.
func readCount(dir, name string) (uint64, bool) {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}

// readStat reads the number behind a key in a file of "key number" lines.
func readStat(dir, name, key string) (uint64, bool) {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, key+" "); ok {
			n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
