package cases

import (
	_ "embed"
	"encoding/json"

	"agentproof/suite/engine"
	"agentproof/suite/verdict"
)

// strength is what the last recorded self-test showed; make strength writes it.
//
//go:embed strength.json
var strength []byte

// Record is what strength.json holds: how a self-test ended, and of which cases.
type Record struct {
	Digest   string `json:"digest"`
	Killed   int    `json:"killed"`
	Declared int    `json:"declared"`
}

// Recorded is the record of the last self-test.
func Recorded() (Record, error) {
	var r Record
	err := json.Unmarshal(strength, &r)
	return r, err
}

// Strength is how many of the declared faults these cases notice, nil if that
// was measured of other cases.
func Strength() *verdict.Strength {
	r, err := Recorded()
	if err != nil || r.Digest != verdict.NewSuiteInfo(engine.Infos(All())).Digest {
		return nil
	}
	return &verdict.Strength{Killed: r.Killed, Declared: r.Declared}
}
