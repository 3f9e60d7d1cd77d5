package subject

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// No verdict may depend on what the user who runs the suite has set for programs
// that the agent starts, so an agent sees none of it: it has a home of its own,
// which is empty, and an environment without the settings that follow.

// isUserSetting tells the variables that change what git, shells and other programs
// do. Where git is installed is no setting.
func isUserSetting(name string) bool {
	switch name {
	case "GIT_EXEC_PATH":
		return false
	case "ENV", "SHELLOPTS", "POSIXLY_CORRECT", "CDPATH", "GLOBIGNORE", "EXECIGNORE", "FIGNORE", "TMOUT",
		"PS1", "PS2", "PS3", "PS4", "PROMPT_COMMAND", "ZDOTDIR", "INPUTRC", "IFS", "FCEDIT", // shells
		"LANG", "LANGUAGE", "LOCPATH", "NLSPATH", "TZ", // locale
		"EDITOR", "VISUAL", "PAGER", "MANPAGER", "BROWSER", "LS_COLORS", "TAR_OPTIONS", "TERMINFO", "TERMINFO_DIRS", "TERMCAP",
		"EMAIL", "MAIL", "MAILCHECK", "MAILPATH":
		return true
	}
	return slices.ContainsFunc([]string{"GIT_", "BASH_", "BASHOPTS", "LC_", "XDG_", "HIST", "LESS", "GREP_", "SSH_ASKPASS", "GPG_", "PINENTRY_"},
		func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// withoutUser returns environ as it is for a user without settings, whose home is
// home; an empty one leaves HOME as it is.
func withoutUser(environ []string, home string) []string {
	out := slices.DeleteFunc(slices.Clone(environ), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return isUserSetting(name)
	})
	changes := []string{"LANG=C.UTF-8", "TZ=UTC", "GIT_CONFIG_NOSYSTEM=1"}
	if runtime.GOOS != "windows" {
		changes = append(changes, "SHELL=/bin/sh")
		if path, ok := lookup(environ, "PATH"); ok {
			changes = append(changes, "PATH="+systemFirst(path))
		}
		if home != "" {
			changes = append(append(changes, toolchains(environ)...), "HOME="+home)
		}
	}
	return layer(out, changes)
}

func lookup(environ []string, name string) (value string, ok bool) {
	for _, kv := range environ {
		if n, v, _ := strings.Cut(kv, "="); n == name {
			value, ok = v, true
		}
	}
	return value, ok
}

// systemFirst puts the directories of a PATH in which a user keeps other programs
// under the names of the system's own behind those of the system. The others stay
// where they are: an agent's interpreter is often in one.
func systemFirst(path string) string {
	system := []string{"/usr/bin", "/bin"}
	var front, behind []string
	for _, dir := range filepath.SplitList(path) {
		if !slices.Contains(system, dir) && shadows(dir) {
			behind = append(behind, dir)
		} else {
			front = append(front, dir)
		}
	}
	if len(behind) > 0 {
		for _, dir := range system {
			if !slices.Contains(front, dir) {
				front = append(front, dir)
			}
		}
	}
	return strings.Join(append(front, behind...), string(filepath.ListSeparator))
}

// shadows reports whether a directory has a program that cases or the session run
// by its name, or would find first.
func shadows(dir string) bool {
	return slices.ContainsFunc(strings.Fields(`awk base64 basename bash cat chmod cp cut date dirname echo env expr false find grep
		head id kill ln ls mkdir mkfifo mv nohup od printenv printf ps pwd rm rmdir sed seq sh sleep sort stat stty tail tee test touch tput tr
		true tty uname wc which xargs yes`), func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	})
}

// toolchains tells the tools that agents are started with where they are, which
// they would look for in the home that the agent does not have.
func toolchains(environ []string) (vars []string) {
	home, _ := lookup(environ, "HOME")
	for _, t := range []struct{ variable, dir string }{
		{"CARGO_HOME", ".cargo"}, {"RUSTUP_HOME", ".rustup"},
		{"GOPATH", "go"}, {"GOCACHE", ".cache/go-build"},
		{"NVM_DIR", ".nvm"}, {"npm_config_cache", ".npm"}, {"BUN_INSTALL", ".bun"}, {"DENO_DIR", ".cache/deno"},
		{"PYENV_ROOT", ".pyenv"}, {"PYTHONUSERBASE", ".local"}, {"UV_CACHE_DIR", ".cache/uv"},
		{"RBENV_ROOT", ".rbenv"}, {"ASDF_DATA_DIR", ".asdf"}, {"MISE_DATA_DIR", ".local/share/mise"},
	} {
		dir := filepath.Join(home, filepath.FromSlash(t.dir))
		_, told := lookup(environ, t.variable)
		if info, err := os.Stat(dir); home != "" && !told && err == nil && info.IsDir() {
			vars = append(vars, t.variable+"="+dir)
		}
	}
	return vars
}
