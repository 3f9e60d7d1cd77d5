package path

import (
	"strings"

	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func parents() []fault.Mutant {
	words := fault.Before(func(req *agentv1.ControlRequest) {
		words := req.GetExec().GetCommand()
		for i := range words {
			words[i] = strings.ReplaceAll(words[i], "/workspace", "/tmp")
		}
	})
	return []fault.Mutant{
		fault.New("is a jail for commands", "path.parent/exec-cwd-above-the-root", "elsewhere", commands(jailed), "path.parent/*"),
		fault.New("is a jail for files", "path.parent/file-operations-above-the-root", "NOT_FOUND", files(jailed), "path.parent/*"),
		fault.New("shortens a cwd as text", "path.parent/exec-cwd-through-a-link", "elsewhere", commands(shortened),
			"path.parent/of-a-file", "path.parent/of-something-missing"),
		fault.New("shortens paths as text", "path.parent/file-operations-through-a-link", "NOT_FOUND", files(shortened),
			"path.parent/of-a-file", "path.parent/of-something-missing"),
		fault.New("shortens git's cwd as text", "path.parent/git-cwd-through-a-link", "nothing there", git(shortened)),
		fault.New("shortens what is missing away", "path.parent/of-something-missing", "a result", all(shortened), "path.parent/*"),
		fault.New("takes a file for a directory with a parent", "path.parent/of-a-file", "a result", all(shortened), "path.parent/*"),
		fault.New("sees a file behind a missing directory", "path.parent/of-something-missing", "one that exists",
			stats(shortened), "path.parent/*"),
		fault.New("writes behind a missing directory, and refuses", "path.parent/of-something-missing", "the file beside it",
			fault.Late(writes(without("missing/../")))),
		fault.New("writes to a file for a path behind it, and refuses", "path.parent/of-a-file", "the file itself",
			fault.Late(writes(without("file/../")))),
		fault.New("sees files below /workspace", "path.no-virtual-root/paths", "the root's file", stats(virtual)),
		fault.New("maps /workspace", "path.no-virtual-root/paths", "a result", all(virtual)),
		fault.New("maps /workspace in words", "path.no-virtual-root/command-line", "the words", words),
	}
}
