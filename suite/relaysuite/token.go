package relaysuite

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
)

var tokens = []testCase{
	{clause: "relay.token.order", behaviour: "prefix", run: tokenPrefix,
		explain: "The prefix is how leaked tokens are found, and what keeps the families apart."},
	{clause: "relay.token.order", behaviour: "shape", run: tokenShape,
		explain: "Half a token is none."},
	{clause: "relay.token.order", behaviour: "signature", run: tokenSignature,
		explain: "The signature is the only thing that a stranger cannot write."},
	{clause: "relay.token.order", behaviour: "payload-encoding", run: tokenEncoding,
		explain: "A payload that two readers decode differently says two things under one signature."},
	{clause: "relay.token.padding", behaviour: "recorded", run: tokenPadding,
		explain: "The signature covers the padding, so that nobody gains by it; a strict reader and a lenient one are both right."},
	{clause: "relay.token.order", behaviour: "claims-missing-or-mistyped", run: tokenClaims,
		explain: "A claim that reads as zero where it is missing opens port 0 or the epoch's floor to everybody."},
	{clause: "relay.token.order", behaviour: "claim-repeated", run: tokenRepeated,
		explain: "Two readers that take the first and the last of two claims see different tokens."},
	{clause: "relay.token.order", behaviour: "unknown-claim-is-ignored", run: tokenUnknown,
		explain: "Later control planes add claims."},
	{clause: "relay.token.order", behaviour: "expired", run: tokenExpired,
		explain: "Viewers' tokens are meant to be useless after two minutes."},
	{clause: "relay.token.scope", behaviour: "viewer", run: viewerScope,
		explain: "A token for one terminal must not open what else runs in the workspace's machines, nor other workspaces."},
	{clause: "relay.token.scope", behaviour: "producer", run: producerScope,
		explain: "A stolen machine must not be able to play another one."},
	{clause: "relay.token.scope", behaviour: "families", run: tokenFamilies,
		explain: "A viewer that could register as a producer could show anything to other viewers."},
	{clause: "relay.token.epoch", behaviour: "floor", run: epochFloor,
		explain: "After a takeover the old owner's tokens, still fresh, must not open the terminal again."},
	{clause: "relay.token.epoch", behaviour: "of-each-channel", run: epochPerChannel,
		explain: "A takeover of one machine must not lock the viewers of others out."},
	{clause: "relay.token.mode", behaviour: "recorded", run: tokenMode,
		explain: "Control planes mint view tokens for terminals too, so typing with one must be possible."},
}

const (
	viewerPrefix   = "ogs_"
	producerPrefix = "ogr_"
)

func encode(payload string) string { return base64.RawURLEncoding.EncodeToString([]byte(payload)) }

func mac(secret stream.Secret, message string) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(message))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// sign makes a token of anything.
func sign(prefix string, secret stream.Secret, payload string) string {
	p := encode(payload)
	return prefix + p + "." + mac(secret, p)
}

func soon() int64 { return time.Now().Add(time.Hour).Unix() }

func viewerClaims(workspace string, epoch uint64, port uint32, exp int64) string {
	return fmt.Sprintf(`{"workspaceId":%q,"sessionId":"s","viewerId":"v","leaseEpoch":%d,"mode":"view","port":%d,"exp":%d}`,
		workspace, epoch, port, exp)
}

func producerClaims(workspace, agent string, exp int64) string {
	return fmt.Sprintf(`{"workspaceId":%q,"agentId":%q,"exp":%d}`, workspace, agent, exp)
}

func (b *bench) viewerToken(epoch uint64) string { return b.viewerTokenFor(epoch, port) }

func (b *bench) viewerTokenFor(epoch uint64, port uint32) string {
	return b.signViewer(viewerClaims(b.workspace, epoch, port, soon()))
}

func (b *bench) producerToken() string {
	return b.signProducer(producerClaims(b.workspace, b.agent, soon()))
}

func (b *bench) signViewer(claims string) string {
	return sign(viewerPrefix, b.relay.ViewerSecret, claims)
}

func (b *bench) signProducer(claims string) string {
	secret := b.relay.ProducerSecret
	if secret == "" {
		secret = b.relay.ViewerSecret
	}
	return sign(producerPrefix, secret, claims)
}

// refusedTokens tries tokens of one role, after a good one that shows that
// nothing else is wrong.
func (b *bench) refusedTokens(ctx context.Context, role agentv1.StreamRole, tokens map[string]string) {
	b.given().accepted(ctx, "a good token", b.open(role, b.channel("c")))
	for what, token := range tokens {
		open := b.open(role, b.channel("c"))
		open.Token = token
		b.refused(ctx, "a token "+what, open)
	}
}

func tokenPrefix(ctx context.Context, b *bench) {
	good, claims := b.viewerToken(1), viewerClaims(b.workspace, 1, port, soon())
	b.refusedTokens(ctx, stream.RoleClient, map[string]string{
		"without a prefix":         good[len(viewerPrefix):],
		"with another prefix":      sign("ogx_", b.relay.ViewerSecret, claims),
		"with a prefix in capital": sign("OGS_", b.relay.ViewerSecret, claims),
		"that is empty":            "",
		"after a blank":            " " + good,
	})
}

func tokenShape(ctx context.Context, b *bench) {
	p := encode(viewerClaims(b.workspace, 1, port, soon()))
	b.refusedTokens(ctx, stream.RoleClient, map[string]string{
		"of a prefix alone":          viewerPrefix,
		"without a signature":        viewerPrefix + p,
		"with an empty signature":    viewerPrefix + p + ".",
		"without a payload":          viewerPrefix + "." + mac(b.relay.ViewerSecret, ""),
		"with a part in the middle":  viewerPrefix + p + ".x." + mac(b.relay.ViewerSecret, p),
		"with a part after its end":  viewerPrefix + p + "." + mac(b.relay.ViewerSecret, p) + ".x",
		"whose payload holds a dot":  viewerPrefix + p + ".x." + mac(b.relay.ViewerSecret, p+".x"),
		"that begins with a dot too": viewerPrefix + "." + p + "." + mac(b.relay.ViewerSecret, p),
	})
}

func tokenSignature(ctx context.Context, b *bench) {
	claims := viewerClaims(b.workspace, 1, port, soon())
	p := encode(claims)
	b.refusedTokens(ctx, stream.RoleClient, map[string]string{
		"of another secret":          sign(viewerPrefix, stream.Secret(rand.Text()), claims),
		"signed over its plain JSON": viewerPrefix + p + "." + mac(b.relay.ViewerSecret, claims),
		"signed with its prefix":     viewerPrefix + p + "." + mac(b.relay.ViewerSecret, viewerPrefix+p),
		"with the claims of another": viewerPrefix + p + "." + mac(b.relay.ViewerSecret, encode(viewerClaims(b.workspace, 0, port, soon()))),
		"with a longer signature":    b.viewerToken(1) + "A",
		"with a shorter signature":   b.viewerToken(1)[:len(b.viewerToken(1))-2],
	})
	b.refusedTokens(ctx, stream.RoleAgent, map[string]string{
		"of a producer with another secret": sign(producerPrefix, stream.Secret(rand.Text()), producerClaims(b.workspace, b.agent, soon())),
	})
}

func tokenEncoding(ctx context.Context, b *bench) {
	claims := viewerClaims(b.workspace, 1, port, soon())
	b.refusedTokens(ctx, stream.RoleClient, map[string]string{
		"whose payload is JSON":   b.signedAs(claims),
		"that is no JSON":         b.signViewer("hello"),
		"that is an array":        b.signViewer("[" + claims + "]"),
		"with data after its end": b.signViewer(claims + "{}"),
		"that is cut short":       b.signViewer(claims[:len(claims)/2]),
	})
}

// signedAs is a viewer's token whose payload is encoded already.
func (b *bench) signedAs(payload string) string {
	return viewerPrefix + payload + "." + mac(b.relay.ViewerSecret, payload)
}

func tokenPadding(ctx context.Context, b *bench) {
	claims := viewerClaims(b.workspace, 1, port, soon())
	for len(claims)%3 == 0 { // so that there is padding
		claims += " "
	}
	open := b.open(stream.RoleClient, b.channel("c"))
	open.Token = b.signedAs(base64.URLEncoding.EncodeToString([]byte(claims)))
	if _, ack := b.given().tries(ctx, open); ack.GetAccepted() {
		b.Record("a padded payload is accepted")
	} else {
		b.Record("a padded payload is refused")
	}
}

func tokenClaims(ctx context.Context, b *bench) {
	const claims = `{%s"sessionId":"s","viewerId":"v","mode":"view"}`
	with := func(head string) string { return b.signViewer(fmt.Sprintf(claims, head)) }
	ws, exp := fmt.Sprintf(`"workspaceId":%q,`, b.workspace), fmt.Sprintf(`"exp":%d,`, soon())
	b.refusedTokens(ctx, stream.RoleClient, map[string]string{
		"without a workspace":      with(`"leaseEpoch":1,"port":7681,` + exp),
		"without an epoch":         with(ws + `"port":7681,` + exp),
		"without a port":           with(ws + `"leaseEpoch":1,` + exp),
		"without an expiry":        with(ws + `"leaseEpoch":1,"port":7681,`),
		"with a port that is text": with(ws + `"leaseEpoch":1,"port":"7681",` + exp),
		"with a negative epoch":    with(ws + `"leaseEpoch":-1,"port":7681,` + exp),
		"with an expiry as text":   with(ws + fmt.Sprintf(`"leaseEpoch":1,"port":7681,"exp":"%d",`, soon())),
		"with a null port":         with(ws + `"leaseEpoch":1,"port":null,` + exp),
	})
	b.refusedTokens(ctx, stream.RoleAgent, map[string]string{
		"of a producer without an agent":  b.signProducer(fmt.Sprintf(`{%s"exp":%d}`, ws, soon())),
		"of a producer without an expiry": b.signProducer(fmt.Sprintf(`{%s"agentId":%q}`, ws, b.agent)),
	})
}

func tokenRepeated(ctx context.Context, b *bench) {
	claims := viewerClaims(b.workspace, 1, port, soon())
	b.refusedTokens(ctx, stream.RoleClient, map[string]string{
		"with a workspace repeated": b.signViewer(fmt.Sprintf(`{"workspaceId":%q,`, b.workspace) + claims[1:]),
		"with an expiry repeated":   b.signViewer(`{"exp":1,` + claims[1:]),
	})
}

func tokenUnknown(ctx context.Context, b *bench) {
	open := b.open(stream.RoleClient, b.channel("c"))
	open.Token = b.signViewer(`{"future":{"a":[1,null]},` + viewerClaims(b.workspace, 1, port, soon())[1:])
	b.accepted(ctx, "a token with an unknown claim", open)
}

func tokenExpired(ctx context.Context, b *bench) {
	hourAgo := time.Now().Add(-time.Hour).Unix()
	b.refusedTokens(ctx, stream.RoleClient, map[string]string{
		"that expired an hour ago": b.signViewer(viewerClaims(b.workspace, 1, port, hourAgo)),
		"that expired in 1970":     b.signViewer(viewerClaims(b.workspace, 1, port, 0)),
	})
	b.refusedTokens(ctx, stream.RoleAgent, map[string]string{
		"of a producer that expired an hour ago": b.signProducer(producerClaims(b.workspace, b.agent, hourAgo)),
	})
}

func viewerScope(ctx context.Context, b *bench) {
	b.refusedTokens(ctx, stream.RoleClient, map[string]string{
		"of another workspace": b.signViewer(viewerClaims(b.workspace+"x", 1, port, soon())),
		"of no workspace":      b.signViewer(viewerClaims("", 1, port, soon())),
		"of another port":      b.viewerTokenFor(1, port+1),
	})
}

func producerScope(ctx context.Context, b *bench) {
	b.refusedTokens(ctx, stream.RoleAgent, map[string]string{
		"of another workspace": b.signProducer(producerClaims(b.workspace+"x", b.agent, soon())),
		"of another agent":     b.signProducer(producerClaims(b.workspace, b.agent+"x", soon())),
	})
}

func tokenFamilies(ctx context.Context, b *bench) {
	both := fmt.Sprintf(`{"agentId":%q,`, b.agent) + viewerClaims(b.workspace, 1, port, soon())[1:]
	b.refusedTokens(ctx, stream.RoleAgent, map[string]string{
		"of a viewer":                             b.viewerToken(1),
		"of a viewer with a producer's claims":    b.signViewer(both),
		"of a viewer with a producer's signature": sign(viewerPrefix, b.relay.ProducerSecret, both),
	})
	b.refusedTokens(ctx, stream.RoleClient, map[string]string{
		"of a producer":                        b.producerToken(),
		"of a producer with a viewer's claims": b.signProducer(both),
	})
}

// viewerOf is an open with a lease epoch.
func (b *bench) viewerOf(id string, epoch uint64) *agentv1.StreamOpen {
	open := b.open(stream.RoleClient, b.channel(id))
	open.Token = b.viewerToken(epoch)
	return open
}

func epochFloor(ctx context.Context, b *bench) {
	b.producer(ctx, "c")
	b.accepted(ctx, "the first viewer, of epoch 5,", b.viewerOf("c", 5))
	b.refused(ctx, "a viewer of epoch 4 after one of 5", b.viewerOf("c", 4))
	b.accepted(ctx, "a viewer of the same epoch", b.viewerOf("c", 5)).leave()
	b.accepted(ctx, "a viewer of epoch 6", b.viewerOf("c", 6)).leave()
	b.refused(ctx, "a viewer of epoch 5 after one of 6 left", b.viewerOf("c", 5))
}

func epochPerChannel(ctx context.Context, b *bench) {
	b.producer(ctx, "c")
	b.producer(ctx, "d")
	b.accepted(ctx, "a viewer of epoch 5", b.viewerOf("c", 5))
	b.accepted(ctx, "another channel's viewer, of epoch 1,", b.viewerOf("d", 1))
}

func tokenMode(ctx context.Context, b *bench) {
	p, v := b.producer(ctx, "c"), b.viewer(ctx, "c", 0)
	v.frame(ctx, 0, "typed")
	v.send(ctx, &agentv1.DesktopInput{ChannelId: "c"})
	v.frame(ctx, 1, "typed again")
	p.wantData(ctx, "typed")
	m, err := p.next(ctx)
	switch m := m.(type) {
	case *agentv1.DesktopInput:
		b.Record("a viewer with the mode view may type and send desktop input")
	case *agentv1.StreamFrame:
		b.Check(string(m.GetData()) == "typed again", "the rest of what was typed", "%s", came(m, err))
		b.Record("a viewer with the mode view may type; its desktop input is dropped")
	default:
		b.Errorf("what a viewer with the mode view types", "%s", came(m, err))
	}
}
