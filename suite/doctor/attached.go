package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"agentproof/suite/subject"
)

// Attached examines the way to an agent that runs already, and to its relay if
// the URL of one is given, one say a step. It tells whether all is well.
func (d *Doctor) Attached(ctx context.Context, a subject.Attachment, relayURL string) bool {
	e := &exam{Doctor: d}
	e.attached(ctx, a)
	if relayURL != "" {
		e.relay(ctx, relayURL)
	}
	return !e.ill
}

func (e *exam) attached(ctx context.Context, a subject.Attachment) {
	u, err := url.Parse(a.URL)
	if err != nil || u.Hostname() == "" {
		e.fail("address", "it is no URL", "give a URL such as nats://user:password@127.0.0.1:4222")
		return
	}
	if !e.resolve(ctx, u) || !e.reach(ctx, u) {
		return
	}
	nc := e.connect(u)
	if nc == nil {
		return
	}
	defer nc.Close()
	e.maxPayload(nc.MaxPayload())
	base := a.SubjectBase
	if base == "" {
		base = "agent." + a.WorkspaceID + "." + a.AgentID
	}
	v := &visit{exam: e, nc: nc, base: base, agentID: a.AgentID, epoch: a.HeldEpoch}
	if !v.listen() {
		return
	}
	e.ok("permission", "to hear the agent, and replies")
	if v.ping(ctx) {
		v.heartbeat(ctx)
	}
}

// resolve finds the broker's addresses.
func (e *exam) resolve(ctx context.Context, u *url.URL) bool {
	host := u.Hostname()
	if net.ParseIP(host) != nil {
		return true
	}
	ctx, cancel := e.within(ctx, dialLimit)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		e.fail("name", fmt.Sprintf("the name %s has no address (%v)", host, cause(err)), "correct the host in the URL, or ask who runs the name server")
		return false
	}
	e.ok("name", host+" is "+strings.Join(addrs, ", "))
	return true
}

// address is the host and port of a broker's URL.
func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"ws": "80", "wss": "443"}[u.Scheme]
	}
	if port == "" {
		port = "4222"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// reach looks at what is at the broker's port before any client library does.
func (e *exam) reach(ctx context.Context, u *url.URL) bool {
	addr := address(u)
	conn, err := e.dial(ctx, addr)
	if err != nil {
		switch {
		case isTimeout(err):
			e.fail("port", addr+" does not answer", "a firewall may drop it, or the address is wrong: try from the machine that the broker runs on")
		default:
			e.fail("port", fmt.Sprintf("nobody listens on %s (%v)", addr, cause(err)), "start the broker, or correct the host and port in the URL")
		}
		return false
	}
	e.ok("port", addr+" is open")
	seen := e.greeting(ctx, conn, addr)
	plain := u.Scheme == "nats" || u.Scheme == "tls"
	switch {
	case seen.nats && plain, seen.http && u.Scheme == "ws", seen.tls && u.Scheme == "wss":
		return true
	case seen.nats:
		e.fail("broker", "this is a broker's plain port, and the URL is for a websocket", "write nats:// or tls:// in the URL, or give the websocket port")
	case seen.http && plain:
		e.fail("broker", "a web server answers there, perhaps the broker's websocket port", "write ws:// in the URL, or give the port for clients, usually 4222")
	case seen.tls && plain:
		e.fail("broker", "it wants TLS before a word is said, as a websocket port with TLS does", "write wss:// in the URL, or give the port for clients, usually 4222")
	case seen.tls:
		e.fail("broker", "it speaks TLS, and ws:// does not", "write wss:// in the URL")
	case seen.http:
		e.fail("broker", "it speaks no TLS, and wss:// does", "write ws:// in the URL")
	case seen.text != "":
		e.fail("broker", fmt.Sprintf("what answers there is no NATS server: it says %q", seen.text), "correct the host and port in the URL")
	default:
		e.fail("broker", "what listens there says nothing", "it is no NATS server, or one that hangs: correct the host and port in the URL, or look at its log")
	}
	return false
}

// connect logs in.
func (e *exam) connect(u *url.URL) *nats.Conn {
	nc, err := nats.Connect(u.String(), e.options()...)
	// A broker that refuses a client may be gone before it was heard why.
	for tries := 0; tries < 4 && errors.Is(err, syscall.EPIPE); tries++ {
		nc, err = nats.Connect(u.String(), e.options()...)
	}
	var badName x509.HostnameError
	var badChain x509.UnknownAuthorityError
	var badCert *tls.CertificateVerificationError
	switch {
	case err == nil:
	case errors.As(err, &badName):
		e.fail("tls", fmt.Sprintf("the broker's certificate is not for %s (%v)", u.Hostname(), err), "give the name that the certificate is for in the URL")
	case errors.As(err, &badChain):
		e.fail("tls", "nobody that this machine trusts vouches for the broker's certificate", "put its issuer's certificate into a PEM file, and the file into $SSL_CERT_FILE")
	case errors.As(err, &badCert):
		e.fail("tls", fmt.Sprintf("the broker's certificate is not valid (%v)", badCert.Err), "renew it, or set this machine's clock")
	case errors.Is(err, nats.ErrSecureConnWanted):
		e.fail("tls", "the broker speaks no TLS", "write nats:// in the URL")
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
		e.refused(u, err)
	case errors.Is(err, nats.ErrMaxConnectionsExceeded), errors.Is(err, nats.ErrMaxAccountConnectionsExceeded):
		e.fail("login", "the broker has all the clients that it may have", "close some, or raise its max_connections")
	case isTimeout(err), errors.Is(err, nats.ErrTimeout):
		e.fail("login", fmt.Sprintf("the broker did not answer the login within %v", e.scale(dialLimit)), "it is busy or hangs: look at its log, or wait longer with --timeout-scale")
	default:
		e.fail("login", fmt.Sprintf("the broker lets nobody in (%v)", err), "look at the broker's log")
	}
	if err != nil {
		return nil
	}
	if state, err := nc.TLSConnectionState(); err == nil {
		e.ok("tls", tls.VersionName(state.Version)+", certificate valid until "+state.PeerCertificates[0].NotAfter.UTC().Format(time.DateOnly))
	}
	e.ok("login", fmt.Sprintf("let in by %s, NATS %s", nc.ConnectedServerName(), nc.ConnectedServerVersion()))
	return nc
}

func (e *exam) options() []nats.Option {
	return []nats.Option{
		nats.Name("agentproof doctor"), nats.NoReconnect(), nats.IgnoreDiscoveredServers(), nats.Timeout(e.scale(dialLimit)),
		// What the broker refuses is asked for where it matters.
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}
}

func (e *exam) refused(u *url.URL, err error) {
	_, password := u.User.Password()
	switch {
	case u.User.Username() == "" && !password:
		e.fail("login", "the broker wants credentials, and the URL has none", "give the control plane's: nats://user:password@host:port")
	case !errors.Is(err, nats.ErrAuthorization):
		e.fail("login", fmt.Sprintf("the credentials are not valid any more (%v)", err), "get new ones from whoever runs the broker")
	case password:
		e.fail("login", fmt.Sprintf("the broker refuses the user %q or its password", u.User.Username()), "correct them in the URL: the host and port are right")
	default:
		e.fail("login", "the broker refuses the token", "correct it in the URL, or give user:password: the host and port are right")
	}
}

// defaultMaxPayload is what a NATS server allows where nobody configured it.
const defaultMaxPayload = 1 << 20

func (e *exam) maxPayload(n int64) {
	text := fmt.Sprintf("messages may have %.4g MiB", float64(n)/(1<<20))
	if n < defaultMaxPayload {
		e.fail("payload", text, "raise the broker's max_payload: files and output of ordinary size do not fit; 16 MiB is usual here")
		return
	}
	e.ok("payload", text)
}

// cause is the innermost error, which says it without repeating the address.
func cause(err error) error {
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return errors.New(e.Err)
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout() || errors.Is(err, context.DeadlineExceeded)
}
