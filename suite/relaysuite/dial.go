package relaysuite

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/coder/websocket"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
)

var dials = []testCase{
	{clause: "relay.dial.upgrade", behaviour: "plain-get-is-refused", run: plainGet,
		explain: "Somebody who opens the URL in a browser should learn that it is no page, and probes should not count as streams."},
	{clause: "relay.dial.upgrade", behaviour: "no-subprotocol-needed", run: noSubprotocol,
		explain: "Deployed agents and web viewers offer none; a relay that demands one serves nobody."},
	{clause: "relay.dial.query", behaviour: "missing", run: badQuery(
		"agent=a&port=7681", "ws=w&port=7681", "ws=w&agent=a", ""),
		explain: "A query without a route can belong to no channel; refusing it before the upgrade costs least."},
	{clause: "relay.dial.query", behaviour: "repeated", run: badQuery(
		"ws=w&ws=w&agent=a&port=7681", "ws=w&agent=a&agent=b&port=7681", "ws=w&agent=a&port=7681&port=7681", "ws=w&agent=a&port=7681&channel=a&channel=b"),
		explain: "Two readers that take the first and the last of two values see different streams in one URL."},
	{clause: "relay.dial.query", behaviour: "port-that-does-not-fit", run: badQuery(
		"ws=w&agent=a&port=x", "ws=w&agent=a&port=-1", "ws=w&agent=a&port=4294967296", "ws=w&agent=a&port="),
		explain: "A port that wraps around would lead into somebody else's channel."},
	{clause: "relay.dial.query", behaviour: "others-are-ignored", run: otherParameters,
		explain: "Later clients add parameters, and must not break at this relay."},
	{clause: "relay.dial.query", behaviour: "is-form-decoded", run: formDecoded,
		explain: "Ids with blanks and percent signs must be the same in the query and in the open."},
	{clause: "relay.dial.token-in-band", behaviour: "token-in-url-is-ignored", run: tokenInURL,
		explain: "URLs end up in logs and histories; a token that worked there would be stolen from there."},
	{clause: "relay.dial.token-in-band", behaviour: "token-in-header-is-ignored", run: tokenInHeader,
		explain: "Proxies log headers too, and the token has one place: the open."},
	{clause: "relay.healthz", behaviour: "says-ok", run: healthz,
		explain: "Load balancers look there before they send anybody."},
	{clause: "relay.metrics", behaviour: "has-every-name", run: metricNames,
		explain: "Dashboards and alarms are built on these names."},
}

// get is a GET without an upgrade.
func (b *bench) get(ctx context.Context, url string) (status int, body string) {
	ctx, cancel := b.wait(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		b.Harness(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatalf("an HTTP answer", "none")
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatalf("a whole HTTP answer", "an end in its middle")
	}
	return resp.StatusCode, string(data)
}

func plainGet(ctx context.Context, b *bench) {
	url := strings.Replace(b.streamURL(stream.RouteOf(b.channel("c")).Query()), "ws", "http", 1)
	status, _ := b.get(ctx, url)
	b.Check(status == http.StatusBadRequest || status == http.StatusUpgradeRequired, "HTTP status 400 or 426", "%d", status)
}

func noSubprotocol(ctx context.Context, b *bench) {
	s := b.accepted(ctx, "a producer without a subprotocol", b.open(stream.RoleAgent, b.channel("c")))
	b.Check(s.ws.Subprotocol() == "", "no subprotocol chosen", "%q", s.ws.Subprotocol())
}

func badQuery(queries ...string) func(context.Context, *bench) {
	return func(ctx context.Context, b *bench) {
		for _, q := range queries {
			_, status := b.upgrade(ctx, q, nil)
			b.Check(status == http.StatusBadRequest, "HTTP status 400 for the query "+q, "%d", status)
		}
	}
}

func otherParameters(ctx context.Context, b *bench) {
	open := b.open(stream.RoleAgent, b.channel("c"))
	_, ack := b.attempt(ctx, "v=9&"+stream.RouteOf(open.GetChannel()).Query()+"&x=1&x=2", open, nil)
	b.Check(ack.GetAccepted(), "an open beside other parameters accepted", "%s", answer(ack))
}

func formDecoded(ctx context.Context, b *bench) {
	for _, escaped := range []string{"a+b%2Bc%25%C3%A9", "%61%20b%2bc%25%c3%a9"} {
		open := b.open(stream.RoleAgent, b.channel("a b+c%é"))
		_, ack := b.attempt(ctx, "ws="+b.workspace+"&agent="+b.agent+"&port=7681&channel="+escaped, open, nil)
		b.Check(ack.GetAccepted(), "the channel "+escaped+" equal to the open's", "%s", answer(ack))
	}
}

func tokenInURL(ctx context.Context, b *bench) {
	for _, role := range []agentv1.StreamRole{stream.RoleAgent, stream.RoleClient} {
		open := b.open(role, b.channel("c"))
		query := stream.RouteOf(open.GetChannel()).Query() + "&token=" + open.GetToken() + "&access_token=" + open.GetToken()
		open.Token = ""
		_, ack := b.attempt(ctx, query, open, nil)
		b.Check(!ack.GetAccepted(), "an open whose token is in the URL refused", "%s", answer(ack))
	}
}

func tokenInHeader(ctx context.Context, b *bench) {
	for _, role := range []agentv1.StreamRole{stream.RoleAgent, stream.RoleClient} {
		open := b.open(role, b.channel("c"))
		header := http.Header{"Authorization": {"Bearer " + open.GetToken()}, "Cookie": {"token=" + open.GetToken()}}
		open.Token = ""
		_, ack := b.attempt(ctx, stream.RouteOf(open.GetChannel()).Query(), open, &websocket.DialOptions{HTTPHeader: header})
		b.Check(!ack.GetAccepted(), "an open whose token is in a header refused", "%s", answer(ack))
	}
}

func healthz(ctx context.Context, b *bench) {
	status, body := b.get(ctx, b.httpURL("/healthz"))
	b.Check(status == http.StatusOK && strings.TrimSpace(body) == "ok", `HTTP status 200 and "ok"`, "%d and %.20q", status, body)
}

func metricNames(ctx context.Context, b *bench) {
	status, body := b.get(ctx, b.httpURL("/metrics"))
	b.Check(status == http.StatusOK, "HTTP status 200", "%d", status)
	for _, name := range []string{
		"bytes_agent_to_viewer_total", "bytes_viewer_to_agent_total", "frames_spliced_total", "opens_accepted_total",
		"opens_rejected_total", "reconnects_total", "rate_limit_drops_total", "buffer_drops_total",
		"buffer_high_water", "live_channels",
	} {
		b.Check(strings.Contains(body, "\nopengeni_relay_"+name), "the metric opengeni_relay_"+name, "none of that name")
	}
}
