package relaysuite

import (
	"bytes"
	"context"
	"crypto/rand"
	"strings"
	"sync"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
)

var secrets = []testCase{
	{clause: "relay.token.secret", behaviour: "no-viewer-secret", run: noViewerSecret,
		explain: "A relay that was set up halfway must let nobody look."},
	{clause: "relay.token.secret", behaviour: "no-producer-secret", run: noProducerSecret,
		explain: "Small set-ups have one secret for both families."},
	{clause: "relay.token.secret", behaviour: "no-secrets", run: noSecrets,
		explain: "Anybody can make an HMAC with an empty key."},
	{clause: "relay.token.silence", behaviour: "acks-and-metrics", run: silentAnswers,
		explain: "Answers and metrics end up in tickets and dashboards."},
	{clause: "relay.token.silence", behaviour: "log", run: silentLog,
		explain: "Logs are read by more people than may use a machine."},
}

func secret() stream.Secret { return stream.Secret(rand.Text()) }

func noViewerSecret(ctx context.Context, b *bench) {
	b = b.other(Settings{ProducerSecret: secret()})
	b.given().accepted(ctx, "a producer", b.open(stream.RoleAgent, b.channel("c")))
	b.refused(ctx, "a viewer whose token is signed with an empty key", b.open(stream.RoleClient, b.channel("c")))
	b.relay.ViewerSecret = b.relay.ProducerSecret
	b.refused(ctx, "a viewer whose token is signed with the producers' secret", b.open(stream.RoleClient, b.channel("c")))
}

func noProducerSecret(ctx context.Context, b *bench) {
	b = b.other(Settings{ViewerSecret: secret()})
	b.accepted(ctx, "a producer whose token is signed with the viewers' secret", b.open(stream.RoleAgent, b.channel("c")))
	open := b.open(stream.RoleAgent, b.channel("c"))
	open.Token = sign(producerPrefix, "", producerClaims(b.workspace, b.agent, soon()))
	b.refused(ctx, "a producer whose token is signed with an empty key", open)
}

func noSecrets(ctx context.Context, b *bench) {
	b = b.other(Settings{})
	b.refused(ctx, "a viewer whose token is signed with an empty key", b.open(stream.RoleClient, b.channel("c")))
	b.refused(ctx, "a producer whose token is signed with an empty key", b.open(stream.RoleAgent, b.channel("c")))
}

// badTokens opens with tokens that fail at different checks, and returns them
// with what was answered.
func (b *bench) badTokens(ctx context.Context) (tokens []string, answers string) {
	tokens = []string{
		b.viewerToken(1),
		b.viewerToken(1) + "x",
		"nonsense-" + rand.Text(),
		b.signViewer("{" + rand.Text()),
		b.signViewer(viewerClaims(b.workspace, 1, port, 1)),
		b.viewerTokenFor(1, port+1),
		b.producerToken(),
	}
	for _, token := range tokens {
		open := b.open(stream.RoleClient, b.channel("c"))
		open.Token = token
		_, ack := b.tries(ctx, open)
		answers += ack.GetError().String() + "\n"
	}
	return tokens, answers
}

// holds tells whether text has a telling part of one of the tokens.
func holds(text string, tokens []string) bool {
	for _, token := range tokens {
		part := token[strings.LastIndexByte(token, '.')+1:]
		if strings.Contains(text, token) || strings.Contains(text, part[:min(len(part), 20)]) {
			return true
		}
	}
	return false
}

func silentAnswers(ctx context.Context, b *bench) {
	tokens, answers := b.badTokens(ctx)
	b.Check(!holds(answers, tokens), "no part of a token in an ack", "one in an ack")
	_, metrics := b.get(ctx, b.httpURL("/metrics"))
	b.Check(!holds(metrics, tokens), "no part of a token in the metrics", "one in the metrics")
}

// lockedBuffer is written by the relay's goroutines.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func silentLog(ctx context.Context, b *bench) {
	log := new(lockedBuffer)
	b = b.other(Settings{ViewerSecret: secret(), ProducerSecret: secret(), Log: log})
	p, v := b.producer(ctx, "c"), b.viewer(ctx, "c", 0)
	p.frame(ctx, 0, "output")
	tokens, _ := b.badTokens(ctx)
	inURL := b.open(stream.RoleClient, b.channel("c"))
	b.given().attempt(ctx, stream.RouteOf(inURL.GetChannel()).Query()+"&token="+inURL.GetToken(), inURL, nil)
	tokens = append(tokens, inURL.GetToken(), string(b.relay.ViewerSecret), string(b.relay.ProducerSecret))
	// When the viewer has read the close, the relay has logged what came before.
	p.send(ctx, &agentv1.StreamClose{Reason: exited})
	for m, err := v.next(ctx); err == nil; m, err = v.next(ctx) {
		if _, closed := m.(*agentv1.StreamClose); closed {
			break
		}
	}
	if log.String() == "" {
		b.Untestable("the relay logs nothing")
	}
	b.Check(!holds(log.String(), tokens), "no part of a token or secret in the log", "one in the log")
}
