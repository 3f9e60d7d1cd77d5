package path

import (
	"os"

	"agentproof/agent/fault"
)

func expansions() []fault.Mutant {
	return []fault.Mutant{
		fault.New("expands variables in a cwd", "path.no-expansion/variables-in-a-cwd", "the error", commands(os.ExpandEnv)),
		fault.New("expands variables in paths", "path.no-expansion/variables-in-file-paths", "the error", files(os.ExpandEnv),
			"path.no-expansion/variables-in-a-cwd"),
		fault.New("expands globs", "path.no-expansion/globs", "a result", all(globbed),
			"path.no-expansion/variables-in-a-cwd", "path.no-expansion/variables-in-file-paths"),
		fault.New("drops variables from a cwd", "path.no-expansion/variables-in-a-cwd", "one elsewhere",
			commands(without("$HOME"))),
		fault.New("sees what a glob matches", "path.no-expansion/globs", "one that exists", stats(globbed),
			"path.no-expansion/variables-in-file-paths"),
		fault.New("removes what a glob matches, and refuses", "path.no-expansion/globs", "the file that the globs would match",
			fault.Late(removes(globbed))),
		fault.New("runs in a home for ~", "path.no-expansion/tilde", "a result", commands(homed)),
		fault.New("takes ~ for a home", "path.no-expansion/tilde", "one that exists", all(homed)),
	}
}
