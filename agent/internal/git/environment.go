package git

import (
	"slices"
	"strings"
)

// unattended keeps git from waiting for a person (git.never-prompts). A command
// has neither a terminal nor input, so what is left are programs that open a
// window or wait on their own.
//
// ssh asks nobody with these settings and without a terminal. Its BatchMode
// would have to come by GIT_SSH_COMMAND, which overrules the core.sshCommand
// that a repository may need to reach its remote at all.
var unattended = [...]string{
	"GIT_TERMINAL_PROMPT=0",
	// Set but empty: git then looks at neither core.askPass nor SSH_ASKPASS.
	"GIT_ASKPASS=",
	"SSH_ASKPASS=",
	"SSH_ASKPASS_REQUIRE=never",
	"GCM_INTERACTIVE=never",
	// git takes ":" for an editor that changes nothing and starts none: a
	// commit without a message fails, a rebase goes on as proposed.
	"GIT_EDITOR=:",
	"GIT_SEQUENCE_EDITOR=:",
	"GIT_MERGE_AUTOEDIT=no",
	"GIT_PAGER=cat",
}

// foreign are variables that bind git to one repository. An agent that was
// started from a git hook or alias inherits them, and they would overrule the
// working directory (git.cwd).
var foreign = [...]string{
	"GIT_ALTERNATE_OBJECT_DIRECTORIES",
	"GIT_COMMON_DIR",
	"GIT_DIR",
	"GIT_GRAFT_FILE",
	"GIT_IMPLICIT_WORK_TREE",
	"GIT_INDEX_FILE",
	"GIT_INTERNAL_SUPER_PREFIX",
	"GIT_OBJECT_DIRECTORY",
	"GIT_PREFIX",
	"GIT_SHALLOW_FILE",
	"GIT_WORK_TREE",
}

// environment returns base as git gets it.
func environment(base []string) []string {
	env := make([]string, 0, len(base)+len(unattended))
	for _, kv := range base {
		name, _, _ := strings.Cut(kv, "=")
		if !slices.Contains(foreign[:], name) && !overrules(name) {
			env = append(env, kv)
		}
	}
	return append(env, unattended[:]...)
}

func overrules(name string) bool {
	return slices.ContainsFunc(unattended[:], func(kv string) bool {
		own, _, _ := strings.Cut(kv, "=")
		return own == name
	})
}
