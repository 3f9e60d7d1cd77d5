package stream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// encodeClaims gives the JSON that other stacks sign: keys in the order of the
// struct, no spaces, nothing escaped for HTML.
func encodeClaims(claims any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(claims); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}

func decodeViewerClaims(payload []byte) (ViewerClaims, error) {
	o, err := parseObject(payload)
	if err != nil {
		return ViewerClaims{}, err
	}
	c := ViewerClaims{
		WorkspaceID: o.text("workspaceId"),
		SessionID:   o.text("sessionId"),
		ViewerID:    o.text("viewerId"),
		LeaseEpoch:  o.unsigned("leaseEpoch", 64),
		Mode:        Mode(o.text("mode")),
		Port:        uint32(o.unsigned("port", 32)),
		Exp:         o.signed("exp"),
	}
	if o.err == nil && c.Mode != ModeView && c.Mode != ModeControl {
		o.fail("mode")
	}
	return c, o.err
}

func decodeProducerClaims(payload []byte) (ProducerClaims, error) {
	o, err := parseObject(payload)
	if err != nil {
		return ProducerClaims{}, err
	}
	c := ProducerClaims{
		WorkspaceID: o.text("workspaceId"),
		AgentID:     o.text("agentId"),
		Exp:         o.signed("exp"),
	}
	return c, o.err
}

// object is a JSON object whose members are read one by one; err is the first
// failure, which names a key and never a value.
type object struct {
	members map[string]json.RawMessage
	err     error
}

// parseObject reads exactly one object. It is written on the token level
// because encoding/json folds the case of keys and keeps the last of repeated
// ones, and both would let two readers see different claims in one token.
func parseObject(payload []byte) (*object, error) {
	if !utf8.Valid(payload) {
		return nil, fmt.Errorf("%w: not UTF-8", ErrTokenPayload)
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("%w: not a JSON object", ErrTokenPayload)
	}
	o := &object{members: make(map[string]json.RawMessage)}
	for d.More() {
		t, err := d.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return nil, fmt.Errorf("%w: not a JSON object", ErrTokenPayload)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("%w: not a JSON object", ErrTokenPayload)
		}
		if _, twice := o.members[key]; twice {
			return nil, fmt.Errorf("%w: a key is repeated", ErrTokenPayload)
		}
		o.members[key] = value
	}
	if t, err := d.Token(); err != nil || t != json.Delim('}') {
		return nil, fmt.Errorf("%w: not a JSON object", ErrTokenPayload)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: data after the JSON object", ErrTokenPayload)
	}
	return o, nil
}

func (o *object) fail(key string) {
	if o.err == nil {
		o.err = fmt.Errorf("%w: claim %s is missing or of the wrong type", ErrTokenPayload, key)
	}
}

func (o *object) text(key string) string {
	raw := o.members[key]
	var s string
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		o.fail(key)
	}
	return s
}

func (o *object) unsigned(key string, bits int) uint64 {
	n, err := strconv.ParseUint(string(o.members[key]), 10, bits)
	if err != nil {
		o.fail(key)
	}
	return n
}

func (o *object) signed(key string) int64 {
	n, err := strconv.ParseInt(string(o.members[key]), 10, 64)
	if err != nil {
		o.fail(key)
	}
	return n
}
