// Package session is the control plane's view of one machine. A Session has
// the shape of any cloud sandbox's session (exec, files, editor, images,
// ports) and turns each call into one request of the agent protocol. It knows
// nothing of the transport: package natsrpc has the ControlRPC that speaks
// NATS.
//
// A machine that does not answer is offline, never gone: no error of this
// package licenses anybody to create a rival box in its place.
package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session/v4a"
)

const (
	// VirtualRoot is where the model sees the sandbox. The path exists on no
	// machine; see ToMachinePath.
	VirtualRoot = "/workspace"
	// DefaultTimeout bounds an operation whose session was given no timeout.
	DefaultTimeout = 30 * time.Second
	// RelayPath is where relays listen unless they say otherwise.
	RelayPath = "/stream"
	// DesktopPort is the exposed port that stands for the desktop.
	DesktopPort = 6080
	// TerminalPort is the exposed port that stands for a terminal.
	TerminalPort = 7681
	// BackendID names this kind of sandbox among others.
	BackendID = "selfhosted"
)

// ErrInvalidID is wrapped by the error of New for a workspace id, an agent id
// or a subject base that is not made of legal NATS tokens (session.rpc.legal-ids).
var ErrInvalidID = errors.New("not a legal subject token")

// Config describes one machine to a session. WorkspaceID and AgentID are
// required; every other zero value is ready to use.
type Config struct {
	WorkspaceID string
	AgentID     string
	// SubjectBase is the part of the request subject before ".rpc"; empty
	// means agent.<WorkspaceID>.<AgentID>.
	SubjectBase string
	// Epoch goes out with every request; 0 is never fenced.
	Epoch uint32
	// Timeout bounds every operation; 0 means DefaultTimeout.
	Timeout time.Duration
	// Environment is the run's declared environment. It is kept as state and
	// never sent.
	Environment map[string]string
	// WorkingDir is the directory that VirtualRoot stands for: absolute, or
	// relative to the agent's root, or empty for that root itself.
	WorkingDir string
	// Relay is where viewers meet the machine's streams. It is needed by
	// ResolveExposedPort alone.
	Relay Relay
	// Applier applies the editor's diffs; nil means V4A.
	Applier Applier
}

// A Session operates one machine. It is safe for concurrent use and holds no
// connection: building one needs neither broker nor agent.
type Session struct {
	rpc     ControlRPC
	cfg     Config
	subject string

	mu       sync.Mutex
	manifest Manifest // replaced as a whole, never changed in place
}

// New binds a session to the machine that cfg describes. The error wraps
// ErrInvalidID when an id cannot be part of a subject.
func New(rpc ControlRPC, cfg Config) (*Session, error) {
	if rpc == nil {
		return nil, errors.New("session: no ControlRPC")
	}
	if err := validToken(cfg.WorkspaceID); err != nil {
		return nil, fmt.Errorf("session: workspace id %q: %w", cfg.WorkspaceID, err)
	}
	if err := validToken(cfg.AgentID); err != nil {
		return nil, fmt.Errorf("session: agent id %q: %w", cfg.AgentID, err)
	}
	if cfg.SubjectBase == "" {
		cfg.SubjectBase = "agent." + cfg.WorkspaceID + "." + cfg.AgentID
	}
	for token := range strings.SplitSeq(cfg.SubjectBase, ".") {
		if err := validToken(token); err != nil {
			return nil, fmt.Errorf("session: subject base %q: %w", cfg.SubjectBase, err)
		}
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Applier == nil {
		cfg.Applier = v4aApplier{}
	}
	cfg.Environment = cloneMap(cfg.Environment)
	return &Session{
		rpc:     rpc,
		cfg:     cfg,
		subject: cfg.SubjectBase + ".rpc",
		manifest: Manifest{
			Root:        VirtualRoot,
			Entries:     map[string]any{},
			Environment: maps.Clone(cfg.Environment),
		},
	}, nil
}

// validToken keeps ids from widening or breaking the subject that they are
// put into.
func validToken(s string) error {
	if s == "" || !utf8.ValidString(s) || strings.ContainsAny(s, ".*>") ||
		strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return ErrInvalidID
	}
	return nil
}

// WorkspaceID is the workspace of the machine.
func (s *Session) WorkspaceID() string { return s.cfg.WorkspaceID }

// AgentID is the machine's agent.
func (s *Session) AgentID() string { return s.cfg.AgentID }

// Subject is where the session sends its requests.
func (s *Session) Subject() string { return s.subject }

// ControlRPC carries requests to machines. Implementations are safe for
// concurrent use.
//
// Request sends req at most once and returns the reply. The error is only
// ever ctx's: context.Canceled, at once, when ctx is cancelled. Everything
// else that goes wrong is a response with an error in it: AGENT_OFFLINE when
// the machine cannot be reached; TIMEOUT at the earlier of ctx's deadline and
// timeout, when the operation may still be running; PAYLOAD_TOO_LARGE when req
// does not fit the transport; PROTOCOL when the reply does not decode. A
// timeout of 0 or less leaves the bound to ctx.
type ControlRPC interface {
	Request(ctx context.Context, subject string, req *agentv1.ControlRequest, timeout time.Duration) (*agentv1.ControlResponse, error)
}

// Do sends the op of req, with an id of its own and the session's epoch, and
// returns a response whose result belongs to that op. It is meant for
// operations without a method here, such as git and metrics; paths in req go
// out as they are. Errors are those of the other methods: ctx's, a
// *ControlError, or a plain one for a result of another op.
func (s *Session) Do(ctx context.Context, req *agentv1.ControlRequest) (*agentv1.ControlResponse, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return nil, fmt.Errorf("make a request id: %w", err)
	}
	out := &agentv1.ControlRequest{RequestId: id.String(), Epoch: s.cfg.Epoch, Op: req.GetOp()}
	resp, err := s.rpc.Request(ctx, s.subject, out, s.cfg.Timeout)
	if err != nil {
		return nil, err
	}
	if resp.GetError() != nil {
		return nil, newControlError(resp.GetError())
	}
	op, result := opField(out), resultField(resp)
	switch {
	case result == nil:
		return nil, newControlError(&agentv1.AgentError{
			Code:    agentv1.ErrorCode_ERROR_CODE_PROTOCOL,
			Message: "agent returned an empty control response",
		})
	case op == nil || op.Number() != result.Number():
		return nil, fmt.Errorf("agent answered %s with a result of %s", fieldName(op), fieldName(result))
	}
	return resp, nil
}

// Applier turns the editor's diffs into content. Implementations are safe for
// concurrent use.
type Applier interface {
	// Create returns the content of a new file.
	Create(diff string) (string, error)
	// Update returns the new content of a file that holds content.
	Update(content, diff string) (string, error)
}

type v4aApplier struct{}

func (v4aApplier) Create(diff string) (string, error)          { return v4a.Create(diff) }
func (v4aApplier) Update(content, diff string) (string, error) { return v4a.Update(content, diff) }
