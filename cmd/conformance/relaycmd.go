package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"agentproof/internal/cli"
	"agentproof/stream"
	"agentproof/suite/relaysuite"
	"agentproof/suite/runner"
	"agentproof/suite/verdict"
)

const (
	viewerSecretEnv   = "AGENTPROOF_RELAY_VIEWER_SECRET"
	producerSecretEnv = "AGENTPROOF_RELAY_PRODUCER_SECRET"
)

// relayFlags are the flags of `conformance relay`.
type relayFlags struct {
	runFlags
	viewer   cli.Secret
	producer cli.Secret
}

func (a *app) relayCommand() *cobra.Command {
	var f relayFlags
	cmd := &cobra.Command{
		Use:   "relay [URL]",
		Short: "Run the cases for relays against a relay",
		Long: `Run the cases for relays: against the bundled one, or against the one at URL,
such as ws://127.0.0.1:8443/stream.

The cases play producers and viewers, in workspaces of random names, and make
their tokens with the relay's secrets. Without a producers' secret they use the
viewers', as the relay does.

` + patternHelp + `

` + exitCodes,
		Example: `  conformance relay
  ` + viewerSecretEnv + `=SECRET conformance relay ws://127.0.0.1:8443/stream
  conformance relay --case relay.token`,
		Args: cli.Args(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.certifyRelay(cmd, &f, args) },
	}
	f.runFlags.register(cmd, a.relays)
	f.viewer.Register(cmd, "viewer-secret", viewerSecretEnv, "the relay verifies viewers' tokens with")
	f.producer.Register(cmd, "producer-secret", producerSecretEnv, "the relay verifies producers' tokens with")
	return cmd
}

func (a *app) certifyRelay(cmd *cobra.Command, f *relayFlags, args []string) error {
	if err := f.validate(nil); err != nil {
		return cli.Usage("%w", err)
	}
	if err := f.choose(a.relays); err != nil {
		return cli.Usage("%w", err)
	}
	known, err := f.known()
	if err != nil {
		return cli.Usage("--baseline: %w", err)
	}
	if f.out != "" {
		if err := os.MkdirAll(f.out, 0o755); err != nil {
			return cli.Usage("--out: %w", err)
		}
	}
	r, stop, err := f.relay(args)
	if err != nil {
		return err
	}
	defer stop()
	rep, err := a.watched(cmd.Context(), func(ctx context.Context, progress func(runner.Progress)) (*verdict.Report, error) {
		return relaysuite.Run(ctx, r, relaysuite.Options{
			Spec: a.spec, Selection: f.selection, Revision: f.revision,
			Parallel: f.parallel, TimeoutScale: f.scale, Progress: progress,
		})
	})
	switch {
	case err == nil, errors.Is(err, runner.ErrInterrupted):
		rep.Target = target(cmd, args)
		return a.publish(rep, f.runFlags, known)
	case cmd.Context().Err() != nil:
		return &cli.ExitError{Code: exitHarness, Err: err}
	case errors.Is(err, runner.ErrNothingSelected):
		return cli.Usage("%w: see 'conformance list --relay'", err)
	default:
		return cli.Usage("%w", err)
	}
}

// relay is the one at the URL, or the bundled one; stop ends the latter.
func (f *relayFlags) relay(args []string) (r *relaysuite.Relay, stop func(), err error) {
	if len(args) == 0 {
		if r, stop, err = relaysuite.Bundled(); err != nil {
			return nil, nil, &cli.ExitError{Code: exitHarness, Err: err}
		}
		return r, stop, nil
	}
	u, err := relayURL(args[0])
	if err != nil {
		return nil, nil, cli.Usage("the relay's URL: %w", err)
	}
	viewer, producer, err := secrets(&f.viewer, &f.producer, "--viewer-secret-file")
	if err != nil {
		return nil, nil, cli.Usage("%w", err)
	}
	return &relaysuite.Relay{
		Name: fmt.Sprintf("the relay at %s", u.Redacted()), URL: args[0], ViewerSecret: viewer, ProducerSecret: producer,
	}, func() {}, nil
}

func relayURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || !slices.Contains([]string{"ws", "wss"}, u.Scheme) || u.Fragment != "" {
		return nil, errors.New("it is one such as ws://127.0.0.1:8443/stream")
	}
	return u, nil
}

// secrets reads a relay's secrets, of which the producers' is optional.
func secrets(viewers, producers *cli.Secret, flag string) (viewer, producer stream.Secret, err error) {
	v, err1 := viewers.Read()
	p, err2 := producers.Read()
	switch err := errors.Join(err1, err2); {
	case err != nil:
		return "", "", err
	case v == "":
		return "", "", fmt.Errorf("the relay's secret is missing: give %s or $%s", flag, viewerSecretEnv)
	case p == "":
		p = v
	}
	return stream.Secret(v), stream.Secret(p), nil
}
