package path

import (
	"path"
	"path/filepath"
	"strings"
)

// The edits are what agents do to paths.

func jailed(p string) string {
	if filepath.IsAbs(p) || !strings.Contains(p, "..") {
		return p
	}
	return path.Clean("/" + p)[1:]
}

func shortened(p string) string {
	if p == "" {
		return p
	}
	return path.Clean(p)
}

func belowRoot(p string) string { return strings.TrimPrefix(p, "/") }

func virtual(p string) string {
	if rest, ok := strings.CutPrefix(p, "/workspace/"); ok {
		return rest
	}
	return p
}

func globbed(p string) string {
	if dir, base := path.Split(p); strings.ContainsAny(base, "*?[{") {
		return dir + map[bool]string{true: "sub", false: "file"}[strings.HasPrefix(base, "s")]
	}
	return p
}

func homed(p string) string {
	if rest, ok := strings.CutPrefix(p, "~"); ok {
		return "/" + rest
	}
	return p
}

func unslashed(p string) string { return strings.TrimSuffix(p, "/") }

func cutAt(sep string) func(string) string {
	return func(p string) string {
		p, _, _ = strings.Cut(p, sep)
		return p
	}
}

func elsewhere(dir string) func(string) string {
	return func(p string) string {
		if filepath.IsAbs(p) {
			return p
		}
		return path.Join(dir, p)
	}
}

func without(part string) func(string) string {
	return func(p string) string { return strings.ReplaceAll(p, part, "") }
}
