package agent

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"runtime/debug"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nats-io/nats.go"

	"agentproof/agent/internal/workspace"
)

// DefaultMaxConcurrent is how many operations run at once by default.
const DefaultMaxConcurrent = 1024

// Config is everything that an agent is told by whoever starts it. The ids and
// at least one URL are required; every other zero value is usable.
type Config struct {
	// WorkspaceID and AgentID form the subjects agent.<ws>.<id>.…
	WorkspaceID string
	AgentID     string
	// URLs of the broker, tried in turn: nats, tls, ws or wss, mixed at will
	// (connect.urls). One without a scheme is nats.
	URLs []string
	// Token is the bearer, sent as CONNECT's auth_token (connect.token); empty
	// for a broker that asks for none.
	Token string
	// CAFile is a PEM file with CAs of broker certificates, trusted beside the
	// system's; empty means those alone.
	CAFile string
	// Epoch is the held epoch of the fence. It does not change while the agent
	// runs, whatever requests carry (fence.ratchet).
	Epoch uint32
	// Root is the workspace root; empty means the working directory.
	Root string
	// RelayURL and RelayToken lead to the stream relay; empty means none.
	RelayURL   string
	RelayToken string
	// RelayTLS is for a wss relay; nil is Go's default.
	RelayTLS *tls.Config
	// WholeMachine and ScreenControl are the consents of the machine's owner.
	WholeMachine  bool
	ScreenControl bool
	// UpdateChannel and ResumeToken are told in Hello as they are.
	UpdateChannel string
	ResumeToken   string

	// Version is told in Hello; empty means that of the running program.
	Version string
	// Environ is the agent's environment, which commands inherit without the
	// agent's credentials; nil means os.Environ().
	Environ []string
	// MaxOutput bounds, in bytes, what is kept of one command's output. Below
	// the broker's max payload, as 0 is, that is the bound: more could not be
	// replied anyway (exec.output-bounded).
	MaxOutput int64
	// MaxConcurrent bounds the operations that run at once; what comes beyond
	// is refused (envelope.bounded). 0 means DefaultMaxConcurrent.
	MaxConcurrent int
	// AdoptOrphans lets the agent adopt and reap what its commands orphaned,
	// so that nothing escapes a timeout (exec.timeout-kills-setsid). It
	// changes the whole process: set it only where the process is dedicated
	// to the agent. Linux only.
	AdoptOrphans bool
	// CredentialsFile is where the credentials came from, if from a file.
	CredentialsFile string

	// Terminals, when set, serves the pty operations in the place of the
	// agent's own terminals, which need a relay.
	Terminals Terminals
	// Desktop, when set, serves the desktop operations in the place of the
	// agent's own, which is the display that Environ names.
	Desktop Desktop

	// Middleware wraps the handler, the first outermost.
	Middleware []Middleware
	// Arrival, when set, is shown requests before anything else is.
	Arrival ArrivalFunc
	// Replies, when set, wraps what sends the responses of the handler: it may
	// send none, or several.
	Replies func(next ReplyFunc) ReplyFunc
	// Wire wraps raw messages.
	Wire Wire
	// NATSOptions are applied to every connection after the agent's own.
	NATSOptions []nats.Option
	// Logger receives what the agent does, never a secret; nil discards it.
	Logger *slog.Logger
}

// Validate tells in one sentence what is wrong with the configuration.
func (c *Config) Validate() error {
	if err := checkSubjectToken(c.WorkspaceID); err != nil {
		return fmt.Errorf("agent: the workspace id %w", err)
	}
	if err := checkSubjectToken(c.AgentID); err != nil {
		return fmt.Errorf("agent: the agent id %w", err)
	}
	if len(c.URLs) == 0 {
		return errors.New("agent: no broker URL is configured")
	}
	for _, raw := range c.URLs {
		if err := checkURL(raw); err != nil {
			return fmt.Errorf("agent: the list of broker URLs %w", err)
		}
	}
	if c.MaxOutput < 0 {
		return fmt.Errorf("agent: the output bound is negative: %d", c.MaxOutput)
	}
	if c.MaxConcurrent < 0 {
		return fmt.Errorf("agent: the bound on concurrent operations is negative: %d", c.MaxConcurrent)
	}
	if _, err := workspace.Open(c.Root); err != nil {
		return fmt.Errorf("agent: %w", err)
	}
	return nil
}

// withDefaults returns c with its zero values replaced.
func (c Config) withDefaults() Config {
	if c.Environ == nil {
		c.Environ = os.Environ()
	}
	if c.MaxConcurrent == 0 {
		c.MaxConcurrent = DefaultMaxConcurrent
	}
	if c.Version == "" {
		c.Version = programVersion()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// checkSubjectToken refuses what cannot be one token of a NATS subject.
func checkSubjectToken(id string) error {
	illegal := func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(".*>", r)
	}
	switch {
	case id == "":
		return errors.New("is empty")
	case !utf8.ValidString(id):
		return fmt.Errorf("is %q, which is not UTF-8", id)
	case strings.ContainsFunc(id, illegal):
		return fmt.Errorf("is %q, which holds white space, a control character, or one of . * >", id)
	}
	return nil
}

// checkURL never quotes the user part, which may be a secret.
func checkURL(raw string) error {
	u, err := parseURL(raw)
	if err != nil {
		return errors.New("holds a URL that cannot be parsed")
	}
	switch u.Scheme {
	case "nats", "tls", "ws", "wss":
	default:
		return fmt.Errorf("holds %s, whose scheme is none of nats, tls, ws, wss", redacted(raw))
	}
	if u.Hostname() == "" {
		return fmt.Errorf("holds %s, which names no host", redacted(raw))
	}
	return nil
}

func parseURL(raw string) (*url.URL, error) {
	if !strings.Contains(raw, "://") {
		raw = "nats://" + raw
	}
	return url.Parse(raw)
}

func programVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}
