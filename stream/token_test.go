package stream_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
)

const secret stream.Secret = "cross-stack-fixture-secret-do-not-use-in-prod"

const (
	farFuture = 4102444800

	workspaceID = "11111111-1111-4111-8111-111111111111"
	sessionID   = "22222222-2222-4222-8222-222222222222"
	viewerID    = "33333333-3333-4333-8333-333333333333"
	agentID     = "44444444-4444-4444-8444-444444444444"
)

func viewerClaims() stream.ViewerClaims {
	return stream.ViewerClaims{
		WorkspaceID: workspaceID, SessionID: sessionID, ViewerID: viewerID,
		LeaseEpoch: 7, Mode: stream.ModeView, Port: stream.TerminalPort, Exp: farFuture,
	}
}

func producerClaims() stream.ProducerClaims {
	return stream.ProducerClaims{WorkspaceID: workspaceID, AgentID: agentID, Exp: farFuture}
}

// signed makes a token around any payload, with a signature of its own making.
func signed(prefix, key, payload string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(payload))
	return prefix + payload + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func claims(body string) string { return base64.RawURLEncoding.EncodeToString([]byte(body)) }

func TestTokensHaveTheKnownSignatures(t *testing.T) {
	t.Parallel()
	viewer, err := stream.MintViewer(secret, viewerClaims())
	if err != nil {
		t.Fatal(err)
	}
	producer, err := stream.MintProducer(secret, producerClaims())
	if err != nil {
		t.Fatal(err)
	}
	for token, want := range map[stream.Secret]string{
		viewer: "ogs_" + claims(`{"workspaceId":"`+workspaceID+`","sessionId":"`+sessionID+`","viewerId":"`+viewerID+
			`","leaseEpoch":7,"mode":"view","port":7681,"exp":4102444800}`) + ".kckqm1ccbsgshZi1dH6S_O6rgSqvFvxV_gs5iBPjoRQ",
		producer: "ogr_" + claims(`{"workspaceId":"`+workspaceID+`","agentId":"`+agentID+
			`","exp":4102444800}`) + ".-1OF29Iixp6WgIkfsiIGH4xn_k7GBaXGBTo5zyMsZCw",
	} {
		if string(token) != want {
			t.Errorf("token\n%s\nwant\n%s", string(token), want)
		}
	}
	v := stream.Verifier{ViewerSecret: secret}
	if c, err := v.Viewer(string(viewer)); err != nil || c != viewerClaims() {
		t.Errorf("Viewer = %+v, %v", c, err)
	}
	if c, err := v.Producer(string(producer)); err != nil || c != producerClaims() {
		t.Errorf("Producer = %+v, %v", c, err)
	}
}

func TestAViewersTokenIsRefusedForItsFirstFlaw(t *testing.T) {
	t.Parallel()
	const full = `{"workspaceId":"w","sessionId":"s","viewerId":"v","leaseEpoch":7,"mode":"view","port":7681,"exp":4102444800}`
	good := signed("ogs_", string(secret), claims(full))
	with := func(old, new string) string {
		body := strings.Replace(full, old, new, 1)
		if body == full {
			t.Fatalf("%q is not in the claims", old)
		}
		return signed("ogs_", string(secret), claims(body))
	}
	tests := map[string]struct {
		token string
		want  error
	}{
		"a good one":                      {good, nil},
		"an empty one":                    {"", stream.ErrTokenFamily},
		"a producer's":                    {signed("ogr_", string(secret), claims(full)), stream.ErrTokenFamily},
		"a prefix in capitals":            {"OGS_" + good[4:], stream.ErrTokenFamily},
		"no dot":                          {"ogs_abc", stream.ErrTokenShape},
		"a dot in front":                  {signed("ogs_", string(secret), ""), stream.ErrTokenShape},
		"no signature":                    {good[:strings.LastIndexByte(good, '.')+1], stream.ErrTokenSignature},
		"another secret":                  {signed("ogs_", "other", claims(full)), stream.ErrTokenSignature},
		"an empty secret":                 {signed("ogs_", "", claims(full)), stream.ErrTokenSignature},
		"a padded signature":              {good + "=", stream.ErrTokenSignature},
		"a signature cut short":           {good[:len(good)-1], stream.ErrTokenSignature},
		"a byte changed":                  {strings.Replace(good, "ogs_e", "ogs_f", 1), stream.ErrTokenSignature},
		"a dot inside the payload":        {signed("ogs_", string(secret), "a."+claims(full)), stream.ErrTokenPayload},
		"a padded payload":                {signed("ogs_", string(secret), claims(full)+"="), stream.ErrTokenPayload},
		"a line break in the payload":     {signed("ogs_", string(secret), claims(full)[:8]+"\n"+claims(full)[8:]), stream.ErrTokenPayload},
		"no JSON":                         {signed("ogs_", string(secret), claims("hello")), stream.ErrTokenPayload},
		"an array":                        {signed("ogs_", string(secret), claims("["+full+"]")), stream.ErrTokenPayload},
		"two objects":                     {signed("ogs_", string(secret), claims(full+full)), stream.ErrTokenPayload},
		"an object cut short":             {signed("ogs_", string(secret), claims(full[:len(full)-1])), stream.ErrTokenPayload},
		"bytes that are not UTF-8":        {with(`"w"`, "\"\xff\""), stream.ErrTokenPayload},
		"an unknown key":                  {with(`{`, `{"more":{"exp":1},`), nil},
		"a repeated key":                  {with(`{`, `{"exp":4102444800,`), stream.ErrTokenPayload},
		"a repeated unknown key":          {with(`{`, `{"x":1,"x":1,`), stream.ErrTokenPayload},
		"a key repeated by escape":        {with(`{`, `{"\u0065xp":1,`), stream.ErrTokenPayload},
		"a key in other case":             {with(`"exp"`, `"Exp"`), stream.ErrTokenPayload},
		"no workspace":                    {with(`"workspaceId":"w",`, ``), stream.ErrTokenPayload},
		"a workspace that is a number":    {with(`"w"`, `1`), stream.ErrTokenPayload},
		"a workspace that is null":        {with(`"w"`, `null`), stream.ErrTokenPayload},
		"no session":                      {with(`"sessionId":"s",`, ``), stream.ErrTokenPayload},
		"no viewer":                       {with(`"viewerId":"v",`, ``), stream.ErrTokenPayload},
		"no epoch":                        {with(`"leaseEpoch":7,`, ``), stream.ErrTokenPayload},
		"a negative epoch":                {with(`"leaseEpoch":7`, `"leaseEpoch":-7`), stream.ErrTokenPayload},
		"an epoch with a fraction":        {with(`"leaseEpoch":7`, `"leaseEpoch":7.5`), stream.ErrTokenPayload},
		"no mode":                         {with(`"mode":"view",`, ``), stream.ErrTokenPayload},
		"an unknown mode":                 {with(`"view"`, `"admin"`), stream.ErrTokenPayload},
		"the mode control":                {with(`"view"`, `"control"`), nil},
		"no port":                         {with(`"port":7681,`, ``), stream.ErrTokenPayload},
		"a port as text":                  {with(`7681`, `"7681"`), stream.ErrTokenPayload},
		"a port above 32 bits":            {with(`7681`, `4294967296`), stream.ErrTokenPayload},
		"no expiry":                       {with(`,"exp":4102444800`, ``), stream.ErrTokenPayload},
		"an expiry as text":               {with(`4102444800`, `"4102444800"`), stream.ErrTokenPayload},
		"an expiry in the past":           {with(`4102444800`, `1000000000`), stream.ErrTokenExpired},
		"past, and malformed before":      {with(`"port":7681,"exp":4102444800`, `"port":"x","exp":1`), stream.ErrTokenPayload},
		"past, and signed by no one":      {signed("ogs_", "other", claims(strings.Replace(full, "4102444800", "1", 1))), stream.ErrTokenSignature},
		"malformed, and signed by no one": {signed("ogs_", "other", "!!!"), stream.ErrTokenSignature},
	}
	v := stream.Verifier{ViewerSecret: secret}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := v.Viewer(tc.token)
			if !errors.Is(err, tc.want) {
				t.Fatalf("err = %v, want %v", err, tc.want)
			}
			if tc.want != nil && c != (stream.ViewerClaims{}) {
				t.Errorf("claims of a refused token: %+v", c)
			}
		})
	}
}

func TestATokenIsValidThroughTheSecondOfItsExpiry(t *testing.T) {
	t.Parallel()
	token, err := stream.MintProducer(secret, stream.ProducerClaims{WorkspaceID: "w", AgentID: "a", Exp: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for now, want := range map[time.Time]error{
		time.Unix(999, 0):            nil,
		time.Unix(1000, 999_999_999): nil,
		time.Unix(1001, 0):           stream.ErrTokenExpired,
	} {
		v := stream.Verifier{ViewerSecret: secret, Now: func() time.Time { return now }}
		if _, err := v.Producer(string(token)); !errors.Is(err, want) {
			t.Errorf("at %d.%09d: %v, want %v", now.Unix(), now.Nanosecond(), err, want)
		}
	}
}

func TestProducersFallBackToTheViewersSecret(t *testing.T) {
	t.Parallel()
	mint := func(key stream.Secret) string {
		token, err := stream.MintProducer(key, producerClaims())
		if err != nil {
			t.Fatal(err)
		}
		return string(token)
	}
	tests := map[string]struct {
		verifier stream.Verifier
		token    string
		want     error
	}{
		"its own secret":                 {stream.Verifier{ViewerSecret: "a", ProducerSecret: "b"}, mint("b"), nil},
		"the viewers', when it has one":  {stream.Verifier{ViewerSecret: "a", ProducerSecret: "b"}, mint("a"), stream.ErrTokenSignature},
		"the viewers', when it has none": {stream.Verifier{ViewerSecret: "a"}, mint("a"), nil},
		"no secret at all":               {stream.Verifier{}, signed("ogr_", "", claims("{}")), stream.ErrNoSecret},
	}
	for name, tc := range tests {
		if _, err := tc.verifier.Producer(tc.token); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	v := stream.Verifier{ProducerSecret: "b"}
	if _, err := v.Viewer(signed("ogs_", "", claims("{}"))); !errors.Is(err, stream.ErrNoSecret) {
		t.Errorf("a viewer without a viewers' secret: %v, want %v", err, stream.ErrNoSecret)
	}
	if _, err := stream.MintViewer("", viewerClaims()); !errors.Is(err, stream.ErrNoSecret) {
		t.Errorf("minting without a secret: %v, want %v", err, stream.ErrNoSecret)
	}
}

func TestScopeIsWorkspaceAndPortOrWorkspaceAndAgent(t *testing.T) {
	t.Parallel()
	v := stream.ViewerClaims{WorkspaceID: "w", Port: 7681}
	p := stream.ProducerClaims{WorkspaceID: "w", AgentID: "a"}
	tests := []struct {
		ws, agent        string
		port             uint32
		viewer, producer bool
	}{
		{"w", "a", 7681, true, true},
		{"w", "b", 7681, true, false},
		{"w", "a", 6080, false, true},
		{"x", "a", 7681, false, false},
		{"", "", 0, false, false},
	}
	for _, tc := range tests {
		ch := &agentv1.StreamChannel{WorkspaceId: tc.ws, AgentId: tc.agent, Port: tc.port}
		if v.Allow(ch) != tc.viewer || p.Allow(ch) != tc.producer {
			t.Errorf("%v: viewer %v, producer %v; want %v, %v", ch, v.Allow(ch), p.Allow(ch), tc.viewer, tc.producer)
		}
	}
}

func TestASecretNeverPrints(t *testing.T) {
	t.Parallel()
	const key = "hunter2hunter2"
	v := stream.Verifier{ViewerSecret: key}
	asJSON, err := json.Marshal(v.ViewerSecret)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	logger.Info("start", "secret", v.ViewerSecret, "verifier", v)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "secret", v.ViewerSecret)
	texts := []string{string(asJSON), log.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		texts = append(texts, fmt.Sprintf(verb, v), fmt.Sprintf(verb, v.ViewerSecret), fmt.Sprintf(verb, &v))
	}
	for _, text := range texts {
		if strings.Contains(text, key) || strings.Contains(text, fmt.Sprintf("%x", key)) {
			t.Errorf("the secret shows in %q", text)
		}
	}
	if got := fmt.Sprint(stream.Secret("")); got != "" {
		t.Errorf("an empty secret prints as %q", got)
	}
}

func FuzzVerify(f *testing.F) {
	for _, s := range []string{
		string(must(stream.MintViewer(secret, viewerClaims()))),
		string(must(stream.MintProducer(secret, producerClaims()))),
		"ogs_.", "ogr_a.b.c", "ogs_e30.", "",
	} {
		f.Add(s, `{"workspaceId":"w","agentId":"a","exp":4102444800}`)
	}
	f.Add("ogs_x", `{"workspaceId":"w","sessionId":"s","viewerId":"v","leaseEpoch":7,"mode":"view","port":7681,"exp":4102444800}`)
	v := stream.Verifier{ViewerSecret: "the fuzzer does not know this one"}
	own := stream.Verifier{ViewerSecret: secret}
	f.Fuzz(func(t *testing.T, token, body string) {
		if c, err := v.Viewer(token); err == nil {
			t.Fatalf("a forged token gives %+v", c)
		}
		if c, err := v.Producer(token); err == nil {
			t.Fatalf("a forged token gives %+v", c)
		}
		// Signed payloads reach the parser; what it accepts must survive
		// being minted again.
		if c, err := own.Viewer(signed("ogs_", string(secret), claims(body))); err == nil {
			again, err := own.Viewer(string(must(stream.MintViewer(secret, c))))
			if err != nil || again != c {
				t.Fatalf("%+v came back as %+v, %v", c, again, err)
			}
		}
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
