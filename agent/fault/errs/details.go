package errs

import (
	"strings"

	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// details are agents whose errors have the right code and nothing to go by.
func details() []fault.Mutant {
	var mutants []fault.Mutant
	add := func(name, id, says string, edit func(detail map[string]string)) {
		clause, _, _ := strings.Cut(id, "/")
		mutants = append(mutants, fault.New(name, id, says,
			errors(always, func(_ *agentv1.ControlRequest, e *agentv1.AgentError) {
				if len(e.GetDetail()) > 0 { // an edit of nothing would panic
					edit(e.Detail)
				}
			}), clause+"/*"))
	}
	for id, of := range map[string]string{
		"error.detail/file-operations":           "files",
		"error.detail/program-that-cannot-start": "programs",
		"error.detail/git-working-directory":     "git's directory",
	} {
		add("tells no errno of "+of, id, "a decimal errno", func(d map[string]string) { delete(d, "errno") })
		add("tells the errno's name of "+of, id, "a decimal errno", func(d map[string]string) { d["errno"] = "ENOTDIR" })
		add("tells no context of "+of, id, "the path in", func(d map[string]string) { delete(d, "context") })
		add("tells the path alone of "+of, id, "what was tried", func(d map[string]string) {
			d["context"] = d["context"][strings.LastIndex(d["context"], " ")+1:]
		})
	}
	for id, of := range map[string]string{
		"error.errno-value/path-through-a-file":       "a path through a file",
		"error.errno-value/links-in-a-circle":         "a circle of links",
		"error.errno-value/name-too-long":             "a long name",
		"error.errno-value/wrong-kind-of-file":        "the wrong kind of file",
		"error.errno-value/program-that-cannot-start": "a program",
		"error.errno-value/missing":                   "what is missing",
	} {
		add("tells EIO of "+of, id, `"5"`, func(d map[string]string) { d["errno"] = "5" })
		add("tells a negative errno of "+of, id, `"-`, func(d map[string]string) { d["errno"] = "-" + d["errno"] })
	}
	return mutants
}
