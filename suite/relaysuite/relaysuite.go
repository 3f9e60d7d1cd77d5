// Package relaysuite holds the cases that certify a relay. They run on the
// runner that certifies agents, so that selection, verdicts and reports are the
// same; no agent takes part: each case plays the producer and the viewer.
package relaysuite

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"agentproof/docs/spec"
	"agentproof/relay"
	"agentproof/stream"
	"agentproof/suite/engine"
	"agentproof/suite/runner"
	"agentproof/suite/subject"
	"agentproof/suite/verdict"
)

// Relay is a relay under test.
type Relay struct {
	// Name is for the report.
	Name string
	// URL is what agents are told: ws://host:port/stream.
	URL string
	// The secrets that the relay verifies tokens with.
	ViewerSecret   stream.Secret
	ProducerSecret stream.Secret
	// Start runs one more relay of the same kind, for the cases that need
	// other secrets or the relay's log. Nil for a relay of somebody else's,
	// where those cases are untestable.
	Start func(Settings) (*Relay, func(), error)
}

// Settings are those of a relay that a case starts.
type Settings struct {
	ViewerSecret   stream.Secret
	ProducerSecret stream.Secret
	Log            io.Writer // nil discards it
}

// Bundled starts the reference relay in this process; stop ends it.
func Bundled() (r *Relay, stop func(), err error) {
	return startBundled(Settings{
		ViewerSecret: stream.Secret(rand.Text()), ProducerSecret: stream.Secret(rand.Text()),
	})
}

func startBundled(s Settings) (*Relay, func(), error) {
	if s.Log == nil {
		s.Log = io.Discard
	}
	srv, err := relay.Start(relay.Config{
		ViewerSecret: s.ViewerSecret, ProducerSecret: s.ProducerSecret,
		Logger: slog.New(slog.NewTextHandler(s.Log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		return nil, nil, fmt.Errorf("start the bundled relay: %w", err)
	}
	return &Relay{
		Name: "the bundled relay", URL: srv.URL(),
		ViewerSecret: s.ViewerSecret, ProducerSecret: s.ProducerSecret, Start: startBundled,
	}, srv.Kill, nil
}

// Options says how to run the cases; all fields are the runner's.
type Options struct {
	Spec         *spec.Spec
	Selection    verdict.Selection
	Revision     string
	Parallel     int
	TimeoutScale float64
	Progress     func(runner.Progress)
}

// Run runs the selected cases against r. The errors are runner.Run's.
func Run(ctx context.Context, r *Relay, opts Options) (*verdict.Report, error) {
	return runner.Run(ctx, runner.Options{
		Spec: opts.Spec, Cases: Cases(r), Subject: subject.Subject{Name: r.Name, NoAgent: true},
		Selection: opts.Selection, Revision: opts.Revision, Parallel: opts.Parallel,
		TimeoutScale: opts.TimeoutScale, Progress: opts.Progress,
	})
}

// Cases are all cases, bound to r. For a list of them r may be nil.
func Cases(r *Relay) []engine.Case {
	var all []engine.Case
	for _, s := range slices.Concat(dials, handshakes, routes, ends, secrets, tokens, replays, inputs, limits) {
		all = append(all, engine.Case{
			ID: s.clause + "/" + s.behaviour, Clause: cmp.Or(s.judges, s.clause), Explain: s.explain, Idle: s.idle, Exclusive: s.exclusive,
			Run: func(ctx context.Context, t *engine.T) { s.run(ctx, newBench(t, r)) },
		})
	}
	return all
}
