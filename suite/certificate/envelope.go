package certificate

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// Sign encodes the certificate in a signed envelope.
func Sign(ctx context.Context, c *Certificate, key ed25519.PrivateKey) ([]byte, error) {
	payload, err := c.marshal()
	if err != nil {
		return nil, err
	}
	// What would not be read is not written.
	if _, err := unmarshal(payload); err != nil {
		return nil, fmt.Errorf("sign the certificate: %w", err)
	}
	signer, err := dsse.NewEnvelopeSigner(holder{key})
	if err != nil {
		return nil, fmt.Errorf("sign the certificate: %w", err)
	}
	env, err := signer.SignPayload(ctx, payloadType, payload)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate: %w", err)
	}
	data, err := json.MarshalIndent(env, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("sign the certificate: %w", err)
	}
	return append(data, '\n'), nil
}

// Open returns the certificate in an envelope that the holder of a key signed.
// Its errors say in one sentence what is wrong; but for blanks between JSON
// tokens, nothing in an envelope can change without one.
func Open(ctx context.Context, data []byte, pub ed25519.PublicKey) (*Certificate, error) {
	env, err := readEnvelope(data)
	if err != nil {
		return nil, err
	}
	// The key's id is a hint and no proof: the signature below is.
	if id := env.Signatures[0].KeyID; id != KeyID(pub) {
		return nil, fmt.Errorf("the certificate is signed by the key %s, and the given key is %s", short(id), short(KeyID(pub)))
	}
	verifier, err := dsse.NewEnvelopeVerifier(trusted{pub})
	if err != nil {
		return nil, err
	}
	_, payload, err := verifier.VerifyAndDecode(ctx, env)
	if err != nil {
		return nil, errors.New("the signature does not fit: the certificate was changed after it was signed")
	}
	return unmarshal(payload)
}

// readEnvelope reads an envelope that Sign could have made.
func readEnvelope(data []byte) (*dsse.Envelope, error) {
	env := new(dsse.Envelope)
	if err := decodeStrict(data, env); err != nil {
		return nil, fmt.Errorf("the certificate is not a signed envelope: %w", err)
	}
	switch {
	case env.PayloadType != payloadType:
		return nil, fmt.Errorf("the certificate's payload is a %q, not a %s", env.PayloadType, payloadType)
	case len(env.Signatures) != 1:
		// Whoever removes one of several leaves no trace.
		return nil, fmt.Errorf("the certificate has %d signatures, and it must have one", len(env.Signatures))
	}
	// Base64 has more than one text for some bytes.
	for name, text := range map[string]string{"payload": env.Payload, "signature": env.Signatures[0].Sig} {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil || base64.StdEncoding.EncodeToString(raw) != text {
			return nil, fmt.Errorf("the certificate's %s is not in base64", name)
		}
	}
	// The same holds for JSON, whose strings have escapes.
	var got bytes.Buffer
	want, err := json.Marshal(env)
	if err == nil {
		err = json.Compact(&got, data)
	}
	if err != nil || !bytes.Equal(got.Bytes(), want) {
		return nil, errors.New("the certificate is not in the form that this suite writes")
	}
	return env, nil
}

// holder signs with a key, and trusted verifies with its public half.
type (
	holder  struct{ key ed25519.PrivateKey }
	trusted struct{ key ed25519.PublicKey }
)

func (h holder) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(h.key, data), nil
}

func (h holder) KeyID() (string, error) { return KeyID(public(h.key)), nil }

func (t trusted) Verify(_ context.Context, data, sig []byte) error {
	if !ed25519.Verify(t.key, data, sig) {
		return errors.New("the signature does not fit")
	}
	return nil
}

func (t trusted) KeyID() (string, error)   { return KeyID(t.key), nil }
func (t trusted) Public() crypto.PublicKey { return t.key }
