package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"agentproof/suite/cases"
	"agentproof/suite/engine"
	"agentproof/suite/verdict"
)

// strength compares what reports tell of the suite's strength with the outcome
// of a whole self-test, or records that.
func strength(root string, outcomes []outcome, record bool) error {
	now := cases.Record{Digest: verdict.NewSuiteInfo(engine.Infos(cases.All())).Digest, Declared: len(outcomes)}
	for _, o := range outcomes {
		if o.Verdict == "killed" {
			now.Killed++
		}
	}
	if record {
		data, err := json.MarshalIndent(now, "", "  ")
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(root, "suite", "cases", "strength.json"), append(data, '\n'), 0o644)
	}
	then, err := cases.Recorded()
	if err != nil {
		return fmt.Errorf("read suite/cases/strength.json: %w", err)
	}
	if then != now {
		return errors.New("suite/cases/strength.json is not what the self-test shows: run make strength and commit")
	}
	return nil
}
