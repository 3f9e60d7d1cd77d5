package stream

import (
	"strconv"
	"strings"
)

// ResendHeader is an extension outside the contract; who does not know it
// ignores it. A producer names itself with it when it dials, and a relay that
// answers with the same header promises to drop the frames that it had from
// that producer before. Only then does a producer send frames again that it had
// sent already, so that a relay killed in the middle of output loses none.
const ResendHeader = "Agentproof-Resend"

// FormatResend is the header's value for a producer: its name, which is the
// same on each of its connections and nobody else's, and how many connections
// it had before.
func FormatResend(instance string, before int) string {
	return instance + "/" + strconv.Itoa(before)
}

// ParseResend reads what FormatResend wrote. returning tells that the producer
// was connected before; an empty instance is one that does not resend.
func ParseResend(value string) (instance string, returning bool) {
	instance, before, _ := strings.Cut(value, "/")
	n, err := strconv.Atoi(before)
	return instance, err == nil && n > 0
}
