package report

import (
	"encoding/json"
	"os"

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
	// InRequest and InResponse have the text in bytes fields, and the fields
	// that the schema does not know, by the path of the field.
	InRequest  map[string]string `json:"in_request,omitempty"`
	InResponse map[string]string `json:"in_response,omitempty"`
}

// NewExchange decodes what went over the wire. The values of this process's
// secret variables, which commands inherit and print, are left out.
func NewExchange(x verdict.Exchange) Exchange {
	limits := recorded.Limits{Bytes: shownBytes, Items: shownItems, Mask: &recorded.Mask{}}
	limits.Mask.AddSecrets(os.Environ())
	request := recorded.Render(x.Request, &agentv1.ControlRequest{}, limits)
	out := Exchange{Subject: x.Subject, Seconds: seconds(x.Took), Request: request.JSON, Notes: request.Notes, InRequest: request.Beside}
	if x.Err != nil {
		out.Error = x.Err.Error()
		return out
	}
	response := recorded.Render(x.Response, &agentv1.ControlResponse{}, limits)
	out.Response, out.InResponse, out.Notes = response.JSON, response.Beside, append(out.Notes, response.Notes...)
	return out
}
