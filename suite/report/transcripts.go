package report

import (
	recorded "agentproof/suite/transcript"
	"agentproof/suite/verdict"
)

// Transcripts keeps transcripts in a report's directory, for
// runner.Options.Transcript: those of all cases, or of the ones that somebody
// will ask about. Those of an earlier run are removed.
func Transcripts(dir string, all bool) (func(verdict.Result, func() *recorded.Transcript) (string, error), error) {
	if err := recorded.Clear(dir); err != nil {
		return nil, err
	}
	return func(res verdict.Result, tell func() *recorded.Transcript) (string, error) {
		switch res.Status {
		case verdict.Pass, verdict.NotClaimed, verdict.Untestable:
			if !all {
				return "", nil
			}
		}
		return tell().Save(dir)
	}, nil
}
