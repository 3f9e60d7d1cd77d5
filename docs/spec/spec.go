// Package spec is the protocol specification, for people as the markdown files
// beside it and for programs as the clauses that those files hold. The
// conformance suite takes every clause's text and level from here, so that the
// document that a vendor reads and the judgement that it gets cannot differ.
package spec

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// Revision is the baseline revision of the protocol, the one in force where a
// run names none.
const Revision = "r0.2"

// revisionLater is the one later revision whose levels the documents mark.
const revisionLater = "r0.5"

// Revisions returns the revisions that the documents know, oldest first.
func Revisions() []string { return []string{Revision, revisionLater} }

//go:embed agent.md stream.md session.md
var markdown embed.FS

// documents are the files that hold clauses, in reading order.
var documents = [...]string{"agent.md", "stream.md", "session.md"}

// Digest names the exact text of the documents that hold clauses. It is the
// SHA-256, in hex, of what "sha256sum agent.md stream.md session.md" prints.
func Digest() (string, error) {
	list := sha256.New()
	for _, file := range documents {
		source, err := markdown.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("reading the specification: %w", err)
		}
		fmt.Fprintf(list, "%x  %s\n", sha256.Sum256(source), file)
	}
	return hex.EncodeToString(list.Sum(nil)), nil
}

// Level is the weight of a clause. The zero Level is none: the clause is not in
// force.
type Level uint8

const (
	// Must marks a clause that no conformant subject breaks.
	Must Level = iota + 1
	// Should marks a clause whose breach is a warning.
	Should
	// May marks a clause whose outcome is recorded and never judged.
	May
)

// String returns the level as the documents write it, "none" for the zero Level.
func (l Level) String() string {
	switch l {
	case Must:
		return "MUST"
	case Should:
		return "SHOULD"
	case May:
		return "MAY"
	default:
		return "none"
	}
}

// MarshalText encodes the level in lower case ("must"), as reports carry it.
// The zero Level has no encoding.
func (l Level) MarshalText() ([]byte, error) {
	switch l {
	case Must:
		return []byte("must"), nil
	case Should:
		return []byte("should"), nil
	case May:
		return []byte("may"), nil
	default:
		return nil, fmt.Errorf("encoding level %d: no such level", uint8(l))
	}
}

// UnmarshalText decodes what MarshalText encodes.
func (l *Level) UnmarshalText(text []byte) error {
	for _, known := range []Level{Must, Should, May} {
		if name, _ := known.MarshalText(); string(name) == string(text) {
			*l = known
			return nil
		}
	}
	return fmt.Errorf("decoding level %q: want must, should or may", text)
}

// Clause is one testable promise of the specification.
type Clause struct {
	ID        string   // semantic and stable, such as "exec.timeout"
	Aliases   []string // earlier ids of the same clause; nil for most
	Level     Level    // at revision Since
	Since     string   // the revision that introduced the clause
	MustSince string   // the revision that raises Level to Must; "" for none
	Unsafe    bool     // its cases can destroy data, act on a person's screen or wedge the subject
	Subject   string   // who keeps it: "agent", "relay" or "session"
	Section   string   // the heading it stands under
	Text      string   // the sentence, inline markdown on one line
	File      string   // the document, such as "agent.md"
	Line      int      // the line of its bullet in File, from 1
}

// LevelAt returns the level in force at a revision: Level, or Must from
// MustSince on. It is the zero Level for a revision older than Since and for one
// that Revisions does not hold.
func (c Clause) LevelAt(revision string) Level {
	known := Revisions()
	at := slices.Index(known, revision)
	switch {
	case at < 0, at < slices.Index(known, c.Since):
		return 0
	case c.MustSince != "" && at >= slices.Index(known, c.MustSince):
		return Must
	default:
		return c.Level
	}
}

// Spec is a set of clauses. It does not change once loaded and is safe for
// concurrent use.
type Spec struct {
	clauses []Clause
	byID    map[string]int // ids and aliases, into clauses
}

// Load parses the embedded documents. It fails only where a document breaks the
// clause grammar, with one *SyntaxError joined for each break.
func Load() (*Spec, error) {
	var (
		clauses  []Clause
		problems []error
	)
	for _, file := range documents {
		source, err := markdown.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading the specification: %w", err)
		}
		found, err := parse(file, string(source))
		clauses = append(clauses, found...)
		problems = append(problems, err)
	}
	spec, err := index(clauses)
	if err := errors.Join(append(problems, err)...); err != nil {
		return nil, fmt.Errorf("parsing the specification: %w", err)
	}
	return spec, nil
}

// index builds a Spec and refuses ids and aliases that are taken twice.
func index(clauses []Clause) (*Spec, error) {
	spec := &Spec{clauses: clauses, byID: make(map[string]int, len(clauses))}
	var problems []error
	for i, clause := range clauses {
		for _, id := range append([]string{clause.ID}, clause.Aliases...) {
			if first, taken := spec.byID[id]; taken {
				problems = append(problems, &SyntaxError{clause.File, clause.Line,
					fmt.Sprintf("id %q is already taken at %s:%d", id, clauses[first].File, clauses[first].Line)})
				continue
			}
			spec.byID[id] = i
		}
	}
	return spec, errors.Join(problems...)
}

// Clause returns the clause with an id, or with an earlier id of it: the result's
// ID is always the present one. It reports false for an id that no clause has.
func (s *Spec) Clause(id string) (Clause, bool) {
	i, ok := s.byID[id]
	if !ok {
		return Clause{}, false
	}
	return s.clauses[i], true
}

// Clauses returns all clauses in document order: the agent's, the stream plane's,
// the session's. The slice is the caller's.
func (s *Spec) Clauses() []Clause { return slices.Clone(s.clauses) }
