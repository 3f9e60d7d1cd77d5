package report

import (
	"encoding/json"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	recorded "agentproof/suite/transcript"
	"agentproof/suite/verdict"
)

const (
	// shownBytes is how much of a bytes or string field is shown, and
	// shownItems how much of a list.
	shownBytes = 120
	shownItems = 20
)

// Exchange is one request and its reply as protojson, compact, with long
// fields shortened: what was cut ends in "… (n bytes)". Bytes that do not
// decode are a string that says so.
type Exchange struct {
	Subject  string          `json:"subject"`
	Request  json.RawMessage `json:"request"`
	Response json.RawMessage `json:"response,omitempty"`
	// Error is why there is no response.
	Error   string  `json:"error,omitempty"`
	Seconds float64 `json:"seconds"`
	// Notes name the lists that were shortened.
	Notes []string `json:"notes,omitempty"`
}

// NewExchange decodes what went over the wire.
func NewExchange(x verdict.Exchange) Exchange {
	limits := recorded.Limits{Bytes: shownBytes, Items: shownItems}
	out := Exchange{Subject: x.Subject, Seconds: seconds(x.Took)}
	out.Request, out.Notes = recorded.Render(x.Request, &agentv1.ControlRequest{}, limits)
	if x.Err != nil {
		out.Error = x.Err.Error()
		return out
	}
	response, notes := recorded.Render(x.Response, &agentv1.ControlResponse{}, limits)
	out.Response, out.Notes = response, append(out.Notes, notes...)
	return out
}
