package doctor

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// relay asks a relay for a page, which it has to refuse (relay.dial.upgrade).
func (e *exam) relay(ctx context.Context, raw string) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.Scheme != "ws" && u.Scheme != "wss" {
		e.fail("relay", "it is no URL of a relay", "give one such as ws://127.0.0.1:8443/stream")
		return
	}
	u.Scheme = strings.Replace(u.Scheme, "ws", "http", 1)
	ctx, cancel := e.within(ctx, answerLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		e.fail("relay", err.Error(), "give a URL such as ws://127.0.0.1:8443/stream")
		return
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		e.fail("relay", fmt.Sprintf("%s cannot be reached (%v)", u.Host, cause(err)), "start the relay, or correct its URL")
		return
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusUpgradeRequired:
		e.ok("relay", u.Host+" answers as a relay does")
	default:
		e.fail("relay", fmt.Sprintf("%s answers a page request with %s, and a relay with 400 or 426", u.Host, resp.Status),
			"correct the path, which is usually /stream")
	}
}
