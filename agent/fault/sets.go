package fault

import (
	"reflect"
	"slices"

	"github.com/nats-io/nats.go"

	"agentproof/agent"
)

// Sets names the parts of an agent that the fault sets and that another fault
// could set only in its place: fields of agent.Config, the handler of new
// connections, how the program ends, and what the fault Touches. Middleware and
// the wire take any number of faults. Two faults that set the same part are no
// mixture.
//
// The fault is tried on a configuration to find out, so take the mutant from
// the catalogue anew for a run.
func (m *Mutant) Sets() []string {
	parts := slices.Clone(m.Touches)
	if m.Config != nil {
		parts = append(parts, changed(m.Config)...)
	}
	if m.Exit != nil {
		parts = append(parts, "exit")
	}
	return parts
}

// changed lists what a Config function makes of a configuration with values in
// all fields that faults look at.
func changed(config func(*agent.Config)) []string {
	told := agent.Config{
		WorkspaceID: "ws", AgentID: "agent", Token: "token/?", Epoch: 7,
		URLs:     []string{"ws://127.0.0.1:1", "wss://127.0.0.1:1", "tls://127.0.0.1:1", "nats://127.0.0.1:1"},
		RelayURL: "ws://127.0.0.1:1/stream", RelayToken: "token",
	}
	cfg := told
	cfg.URLs = slices.Clone(told.URLs)
	config(&cfg)
	before, after := reflect.ValueOf(told), reflect.ValueOf(cfg)
	var parts []string
	for i := range before.NumField() {
		switch name := before.Type().Field(i).Name; name {
		case "Middleware", "Wire", "NATSOptions":
		default:
			if !reflect.DeepEqual(before.Field(i).Interface(), after.Field(i).Interface()) {
				parts = append(parts, name)
			}
		}
	}
	if handlesConnections(cfg.NATSOptions) {
		parts = append(parts, "ConnectHandler")
	}
	return parts
}

// handlesConnections reports whether one of the options sets the only handler
// that a connection has.
func handlesConnections(opts []nats.Option) bool {
	var o nats.Options
	for _, opt := range opts {
		_ = opt(&o) // one that refuses to connect sets no handler
	}
	return o.ConnectedCB != nil
}
