package stream

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Lifetimes that control planes give to tokens.
const (
	ViewerTokenLife   = 120 * time.Second
	ProducerTokenLife = 30 * 24 * time.Hour
)

const (
	viewerPrefix   = "ogs_"
	producerPrefix = "ogr_"
)

// Why a token is refused, in the order of the checks (relay.token.order). None
// of them ever holds a part of the token.
var (
	ErrNoSecret       = errors.New("no secret is configured for this family of tokens")
	ErrTokenFamily    = errors.New("not a token of this family")
	ErrTokenShape     = errors.New("token has no payload and signature")
	ErrTokenSignature = errors.New("token signature does not match")
	ErrTokenPayload   = errors.New("token payload is malformed")
	ErrTokenExpired   = errors.New("token has expired")
)

// Mode is what a viewer's token says it may do. Relays carry it and do not
// enforce it (relay.token.mode).
type Mode string

// The modes that exist.
const (
	ModeView    Mode = "view"
	ModeControl Mode = "control"
)

// ViewerClaims are the claims of an `ogs_` token.
type ViewerClaims struct {
	WorkspaceID string `json:"workspaceId"`
	SessionID   string `json:"sessionId"`
	ViewerID    string `json:"viewerId"`
	LeaseEpoch  uint64 `json:"leaseEpoch"`
	Mode        Mode   `json:"mode"`
	Port        uint32 `json:"port"`
	Exp         int64  `json:"exp"` // unix seconds; valid through that second
}

// Allow tells whether the token's scope covers ch: its workspace and port
// (relay.token.scope).
func (c ViewerClaims) Allow(ch *agentv1.StreamChannel) bool {
	return c.WorkspaceID == ch.GetWorkspaceId() && c.Port == ch.GetPort()
}

// ProducerClaims are the claims of an `ogr_` token.
type ProducerClaims struct {
	WorkspaceID string `json:"workspaceId"`
	AgentID     string `json:"agentId"`
	Exp         int64  `json:"exp"` // unix seconds; valid through that second
}

// Allow tells whether the token's scope covers ch: its workspace and agent
// (relay.token.scope).
func (c ProducerClaims) Allow(ch *agentv1.StreamChannel) bool {
	return c.WorkspaceID == ch.GetWorkspaceId() && c.AgentID == ch.GetAgentId()
}

// MintViewer signs a viewer's token. An empty secret is ErrNoSecret.
func MintViewer(secret Secret, c ViewerClaims) (Secret, error) {
	return mint(viewerPrefix, secret, c)
}

// MintProducer signs a producer's token. An empty secret is ErrNoSecret.
func MintProducer(secret Secret, c ProducerClaims) (Secret, error) {
	return mint(producerPrefix, secret, c)
}

func mint(prefix string, secret Secret, claims any) (Secret, error) {
	if secret == "" {
		return "", fmt.Errorf("mint a token: %w", ErrNoSecret)
	}
	body, err := encodeClaims(claims)
	if err != nil {
		return "", fmt.Errorf("mint a token: %w", err)
	}
	payload := base64.RawURLEncoding.EncodeToString(body)
	return Secret(prefix + payload + "." + sign(secret, payload)), nil
}

// sign is the unpadded base64url of the HMAC over the encoded payload.
func sign(secret Secret, payload string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(payload))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Verifier checks tokens as a relay does. It is safe for concurrent use.
type Verifier struct {
	// ViewerSecret signs viewers' tokens; without it every viewer is refused.
	ViewerSecret Secret
	// ProducerSecret signs producers' tokens; without it the viewers' secret
	// is used, and without both every producer is refused
	// (relay.token.secret).
	ProducerSecret Secret
	// Now tells the time; nil is time.Now.
	Now func() time.Time
}

// Viewer checks an `ogs_` token and returns its claims. The error wraps one of
// this package's ErrNoSecret and ErrToken… values.
func (v Verifier) Viewer(token string) (ViewerClaims, error) {
	payload, err := verify(viewerPrefix, v.ViewerSecret, token)
	if err != nil {
		return ViewerClaims{}, fmt.Errorf("verify a viewer's token: %w", err)
	}
	c, err := decodeViewerClaims(payload)
	if err == nil {
		err = v.fresh(c.Exp)
	}
	if err != nil {
		return ViewerClaims{}, fmt.Errorf("verify a viewer's token: %w", err)
	}
	return c, nil
}

// Producer checks an `ogr_` token and returns its claims. Errors are Viewer's.
func (v Verifier) Producer(token string) (ProducerClaims, error) {
	secret := v.ProducerSecret
	if secret == "" {
		secret = v.ViewerSecret
	}
	payload, err := verify(producerPrefix, secret, token)
	if err != nil {
		return ProducerClaims{}, fmt.Errorf("verify a producer's token: %w", err)
	}
	c, err := decodeProducerClaims(payload)
	if err == nil {
		err = v.fresh(c.Exp)
	}
	if err != nil {
		return ProducerClaims{}, fmt.Errorf("verify a producer's token: %w", err)
	}
	return c, nil
}

// verify does the part of the checks that must come before the payload is
// looked at, and returns the decoded payload.
func verify(prefix string, secret Secret, token string) ([]byte, error) {
	if secret == "" {
		return nil, ErrNoSecret
	}
	rest, ok := strings.CutPrefix(token, prefix)
	if !ok {
		return nil, ErrTokenFamily
	}
	dot := strings.LastIndexByte(rest, '.')
	if dot <= 0 {
		return nil, ErrTokenShape
	}
	payload, signature := rest[:dot], rest[dot+1:]
	if subtle.ConstantTimeCompare([]byte(sign(secret, payload)), []byte(signature)) != 1 {
		return nil, ErrTokenSignature
	}
	// The decoder skips line breaks, which are no base64url.
	if strings.ContainsAny(payload, "\r\n") {
		return nil, ErrTokenPayload
	}
	body, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return nil, ErrTokenPayload
	}
	return body, nil
}

func (v Verifier) fresh(exp int64) error {
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	if exp < now().Unix() {
		return ErrTokenExpired
	}
	return nil
}
