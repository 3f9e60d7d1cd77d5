package main

import (
	"context"

	"github.com/spf13/cobra"

	"agentproof/internal/cli"
	"agentproof/suite/instance"
)

// vendorFlags lead to a relay that agents are certified with.
type vendorFlags struct {
	url      string
	viewer   cli.Secret
	producer cli.Secret
}

func (f *vendorFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.url, "relay", "", "terminals and desktops go through the relay at `URL` (default: one of the suite's own)")
	f.viewer.Register(cmd, "relay-viewer-secret", viewerSecretEnv, "the relay verifies viewers' tokens with")
	f.producer.Register(cmd, "relay-producer-secret", producerSecretEnv, "the relay verifies producers' tokens with")
}

// open returns the relay that the flags name, after it took both ends of a
// channel; nil when there is none.
func (f *vendorFlags) open(ctx context.Context) (*instance.VendorRelay, error) {
	if f.url == "" {
		return nil, nil
	}
	if _, err := relayURL(f.url); err != nil {
		return nil, cli.Usage("--relay: %w", err)
	}
	viewer, producer, err := secrets(&f.viewer, &f.producer, "--relay-viewer-secret-file")
	if err != nil {
		return nil, cli.Usage("--relay: %w", err)
	}
	v := &instance.VendorRelay{URL: f.url, ViewerSecret: viewer, ProducerSecret: producer}
	if err := v.Check(ctx); err != nil {
		return nil, &cli.ExitError{Code: exitHarness, Err: err}
	}
	return v, nil
}
