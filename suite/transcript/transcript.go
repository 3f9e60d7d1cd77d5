// Package transcript keeps what went over the wire while a case ran, as
// newline-delimited JSON: a header, then one message a line. Secrets, and what
// differs from run to run, are placeholders; requests are kept as they were
// sent, so that they can be sent again.
package transcript

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Schema names the format. Its number grows when a reader of the old one would
// be misled.
const Schema = "agentproof/transcript/v1"

// Header is the first line.
type Header struct {
	Schema string `json:"schema"`
	Case   string `json:"case"`
	Clause string `json:"clause"`
	Status string `json:"status"`
	// Base is the agent's subject base, with placeholders where the run chose
	// it.
	Base     string `json:"base"`
	Revision string `json:"revision"`
}

// The kinds of messages.
const (
	Request = "request" // from the control plane
	Reply   = "reply"   // to the request of To
	Silence = "silence" // no reply to the request of To, and why
	Hello   = "hello"
	Event   = "event"
	Other   = "message" // what is none of those
	Stream  = "stream"  // frames of a terminal or desktop, as a viewer sees them
	Cut     = "cut"     // Count messages are left out here
	Finding = "finding" // what a monitor has to say of the messages above
	// Arranged is a program that ran beside the agent: Text is a JSON list of its
	// directory, relative to the agent's root, and its command line.
	Arranged = "arranged"
)

// The directions.
const (
	ToAgent   = "to-agent"
	FromAgent = "from-agent"
)

// Message is one line after the header.
type Message struct {
	// Micros is when it was sent or came, in µs since the case began, by a
	// clock that never jumps.
	Micros int64  `json:"us"`
	Kind   string `json:"kind"`
	Dir    string `json:"dir,omitempty"`
	// ID numbers the requests from 1; To is that of the request that is
	// answered.
	ID      int                 `json:"id,omitempty"`
	To      int                 `json:"to,omitempty"`
	Subject string              `json:"subject,omitempty"`
	Header  map[string][]string `json:"header,omitempty"`
	Size    int                 `json:"size"` // of the payload on the wire, in bytes
	// Message is the payload as protojson with long fields shortened, or a
	// string that says why it is none. Notes name the lists that were.
	Message json.RawMessage `json:"message,omitempty"`
	Notes   []string        `json:"notes,omitempty"`
	// Beside has the text in bytes fields, and the fields that the schema does
	// not know, by the path of the field.
	Beside map[string]string `json:"beside,omitempty"`
	// Raw is a request's payload, placeholders included, from which it can be
	// sent again; CannotReplay says why it is missing or not enough.
	Raw          []byte `json:"raw,omitempty"`
	Empty        bool   `json:"empty,omitempty"` // the payload has no bytes, so Raw is none
	CannotReplay string `json:"cannot_replay,omitempty"`
	// Text is why there is no reply, what a monitor found, or what a stream
	// carried. Count is the frames or messages that a line stands for.
	Text  string `json:"text,omitempty"`
	Count int    `json:"count,omitempty"`
}

// Replayable tells whether a line is a request that can be sent again.
func (m *Message) Replayable() bool {
	return m.Kind == Request && m.CannotReplay == "" && (len(m.Raw) > 0 || m.Empty)
}

// Transcript is a header and its messages.
type Transcript struct {
	Header
	Messages []Message
}

// Write writes the transcript.
func (t *Transcript) Write(w io.Writer) error {
	buf := bufio.NewWriter(w)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	header := t.Header
	header.Schema = Schema
	if err := enc.Encode(header); err != nil {
		return fmt.Errorf("write a transcript: %w", err)
	}
	for i := range t.Messages {
		if err := enc.Encode(&t.Messages[i]); err != nil {
			return fmt.Errorf("write a transcript: %w", err)
		}
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("write a transcript: %w", err)
	}
	return nil
}

// maxLine bounds a line that is read, in bytes. It is far above what is
// written.
const maxLine = 8 << 20

// ErrNotTranscript is wrapped by Read's errors over what is no transcript.
var ErrNotTranscript = errors.New("no transcript")

// Read reads a transcript. Fields that it does not know are ignored.
func Read(r io.Reader) (*Transcript, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	t := &Transcript{}
	ids := make(map[int]bool)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if n == 1 {
			if err := t.readHeader(line); err != nil {
				return nil, err
			}
			continue
		}
		if len(line) == 0 {
			continue
		}
		var m Message
		if err := json.Unmarshal(line, &m); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrNotTranscript, n, err)
		}
		if err := m.check(ids); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrNotTranscript, n, err)
		}
		t.Messages = append(t.Messages, m)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read a transcript: %w", err)
	}
	if t.Schema == "" {
		return nil, fmt.Errorf("%w: it is empty", ErrNotTranscript)
	}
	return t, nil
}

func (t *Transcript) readHeader(line []byte) error {
	if err := json.Unmarshal(line, &t.Header); err != nil {
		return fmt.Errorf("%w: its first line: %w", ErrNotTranscript, err)
	}
	switch {
	case t.Schema != Schema:
		return fmt.Errorf("%w: its first line names the schema %q, want %q", ErrNotTranscript, t.Schema, Schema)
	case t.Case == "":
		return fmt.Errorf("%w: its first line names no case", ErrNotTranscript)
	}
	return nil
}

// check finds what would mislead a reader who goes by the numbers of requests.
func (m *Message) check(ids map[int]bool) error {
	switch m.Kind {
	case "":
		return errors.New("it has no kind")
	case Request:
		if m.ID <= 0 || ids[m.ID] {
			return fmt.Errorf("the request's id %d is not its own", m.ID)
		}
		ids[m.ID] = true
	case Reply, Silence:
		if m.To <= 0 {
			return fmt.Errorf("a %s to no request", m.Kind)
		}
	}
	return nil
}
