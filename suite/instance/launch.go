package instance

// Launch says how an instance is started. The zero value is how a run starts
// those of its pool.
type Launch struct {
	// Epoch is the epoch that the agent holds; 0 means SharedEpoch and a
	// negative number an agent that was told none.
	Epoch int
	// NoScreenControl starts the agent without screen-control consent.
	NoScreenControl bool
	// NoRelay starts the agent without a relay.
	NoRelay bool
	// RelayQuery is added to the relay URL that the agent is told, as
	// "?key=value".
	RelayQuery string
	// RelayPath is put before the path of that URL, as "/name". A proxy there
	// leads to the relay and notes what the agent says (Relay.Opens).
	RelayPath string
	// BadRelayToken gives the agent a relay token that the relay refuses, and
	// SilentRelay a relay that takes connections and never answers.
	BadRelayToken bool
	SilentRelay   bool
	// Display gives the agent a virtual display of its own; without one it has
	// none, on which a case with NoDisplay depends.
	Display   bool
	NoDisplay bool
	// MaxPayload is the broker's limit in bytes; 0 is the usual 16 MiB.
	MaxPayload int32
	// Transport is "nats" (or empty), "ws", "tls" or "wss".
	Transport string
	// DeadURLFirst puts a URL where nothing listens before the broker's.
	DeadURLFirst bool
	// Env changes the agent's environment: KEY=VALUE sets a variable, in whose
	// value {root} stands for the agent's root, and a bare KEY removes one.
	Env []string
	// Token is the agent's bearer; empty means a random one.
	Token string
	// BrokerDown starts the agent while the broker is away, Unadmitted while
	// its token is unknown, and Unawaited for a case that judges whether the
	// agent becomes ready. None of them waits for it: the case mends the broker
	// (Instance.Restore, Instance.Admit) and calls Instance.AwaitReady.
	BrokerDown bool
	Unadmitted bool
	Unawaited  bool
}

// SharedEpoch is the epoch that the instances of a run's pool hold. It is
// above 1, so that there are stale epochs to try.
const SharedEpoch = 7

// Ready tells whether a launch waits until the agent is ready.
func (l *Launch) Ready() bool { return !l.BrokerDown && !l.Unadmitted && !l.Unawaited }
