package transcript

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Difference is a place where two replies say different things. What one of
// them lacks is empty there.
type Difference struct {
	Path string `json:"path"` // as in exec.exitCode
	Want string `json:"want"`
	Got  string `json:"got"`
}

func (d Difference) String() string {
	return fmt.Sprintf("%s: %s, now %s", d.Path, orNothing(d.Want), orNothing(d.Got))
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// Diff compares two replies, rendered as a transcript has them, and leaves out
// what differs between any two runs: times, process ids, samples, pictures, the
// hashes of commits, and the wording of errors.
func Diff(want, got json.RawMessage) []Difference {
	var d []Difference
	compare("", parse(want), parse(got), &d)
	return d
}

func parse(text json.RawMessage) any {
	var v any
	if json.Unmarshal(text, &v) != nil {
		return string(text)
	}
	return v
}

// volatile are the fields of replies, and of what helpers report in them, that
// differ between any two runs.
func volatile(path, name string) bool {
	switch name {
	case "exitCode":
		return path == "ptyClose" // the one of the command, if it has ended by then
	case "durationMs", "agentMonotonicMs", "modifiedMs", "metrics", "png", "message",
		"pid", "ppid", "pgid", "sid", "start", "command", "env", "mtime_ns", "inode", "device":
		return true
	default:
		return false
	}
}

func compare(path string, want, got any, out *[]Difference) {
	w, wok := want.(map[string]any)
	g, gok := got.(map[string]any)
	if wok && gok {
		keys := maps.Clone(w)
		maps.Copy(keys, g)
		before := len(*out)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			// The size of a content that differs in nothing but times is one of
			// its times' lengths.
			if !volatile(path, key) && (key != "totalSize" || w["content"] == nil || len(*out) > before) {
				compare(join(path, key), w[key], g[key], out)
			}
		}
		return
	}
	wl, wok := want.([]any)
	gl, gok := got.([]any)
	if wok && gok && len(wl) == len(gl) {
		for i := range wl {
			compare(path+"["+strconv.Itoa(i)+"]", wl[i], gl[i], out)
		}
		return
	}
	ws, wok := want.(string)
	gs, gok := got.(string)
	if wok && gok && ws != gs && bytesField(path) {
		compareBytes(path, ws, gs, out)
		return
	}
	if a, b := show(want), show(got); a != b {
		*out = append(*out, Difference{path, a, b})
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// bytesField tells whether a field of a reply is base64.
func bytesField(path string) bool {
	return strings.HasSuffix(path, ".stdout") || strings.HasSuffix(path, ".stderr") || strings.HasSuffix(path, ".content")
}

// hash is a commit's, whole or abbreviated.
var hash = regexp.MustCompile(`\b[0-9a-f]{7,40}\b`)

// compareBytes compares the output of commands: as JSON where it is, and as
// text otherwise.
func compareBytes(path, want, got string, out *[]Difference) {
	w, err1 := base64.StdEncoding.DecodeString(want)
	g, err2 := base64.StdEncoding.DecodeString(got)
	if err1 != nil || err2 != nil { // one that was shortened
		*out = append(*out, Difference{path, clip(want), clip(got)})
		return
	}
	var wv, gv map[string]any
	if json.Unmarshal(w, &wv) == nil && json.Unmarshal(g, &gv) == nil {
		compare(path, wv, gv, out)
		return
	}
	if strings.HasPrefix(path, "git.") {
		w, g = hash.ReplaceAll(w, []byte("{hash}")), hash.ReplaceAll(g, []byte("{hash}"))
	}
	if string(w) != string(g) {
		*out = append(*out, Difference{path, clip(strconv.Quote(string(w))), clip(strconv.Quote(string(g)))})
	}
}

func show(v any) string {
	if v == nil {
		return ""
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return clip(string(text))
}

// clip shortens a value for a line of text. Both ends are kept: sizes and
// digests are at the end.
func clip(s string) string {
	const room = 60
	r := []rune(s)
	if len(r) <= 2*room {
		return s
	}
	return string(r[:room]) + "…" + string(r[len(r)-room:])
}
