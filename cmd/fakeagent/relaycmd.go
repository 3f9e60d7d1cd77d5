package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/spf13/cobra"

	"agentproof/internal/cli"
	"agentproof/internal/fold"
	"agentproof/relay"
	"agentproof/stream"
)

const (
	viewerSecretEnv   = "AGENTPROOF_RELAY_VIEWER_SECRET"
	producerSecretEnv = "AGENTPROOF_RELAY_PRODUCER_SECRET"
)

// relayFlags are the flags of `fakeagent relay`.
type relayFlags struct {
	listen   string
	viewer   cli.Secret
	producer cli.Secret
	json     bool
	verbose  bool
}

func relayCommand() *cobra.Command {
	var f relayFlags
	cmd := &cobra.Command{
		Use:   "relay",
		Short: "Serve a relay alone",
		Long: `Serve a relay: agents and viewers dial in, and it passes the bytes of terminals
and desktops between them.

Tokens are verified with two secrets. Without a producers' secret the viewers'
verifies both families of tokens.

SIGTERM or SIGINT delivers what is on its way, lets agents and viewers go so
that they come back to the next relay, and exits with 0.`,
		Example: `  ` + viewerSecretEnv + `=SECRET fakeagent relay --listen 127.0.0.1:8443
  fakeagent relay --listen :8443 --viewer-secret-file viewers --producer-secret-file producers`,
		Args: cli.Args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.listen, "listen", relay.DefaultListen, "accept connections at `ADDR`; port 0 is a free one")
	f.viewer.Register(cmd, "viewer-secret", viewerSecretEnv, "verifies viewers' tokens")
	f.producer.Register(cmd, "producer-secret", producerSecretEnv, "verifies producers' tokens")
	fl.BoolVar(&f.json, "json", false, "log and announce in JSON")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "log more")
	return cmd
}

func (f *relayFlags) run(cmd *cobra.Command) error {
	viewer, err1 := f.viewer.Read()
	producer, err2 := f.producer.Read()
	if err := errors.Join(err1, err2); err != nil {
		return cli.Usage("%w", err)
	}
	if viewer == "" {
		return cli.Usage("no viewer could come in: give --viewer-secret-file or $%s", viewerSecretEnv)
	}
	log := newLogger(cmd.ErrOrStderr(), f.json, f.verbose)
	r, err := relay.New(relay.Config{
		ViewerSecret: stream.Secret(viewer), ProducerSecret: stream.Secret(producer), Logger: log,
	})
	if err != nil {
		return &cli.ExitError{Code: 1, Err: err}
	}
	defer r.Close()
	ln, err := new(net.ListenConfig).Listen(cmd.Context(), "tcp", f.listen)
	if err != nil {
		return &cli.ExitError{Code: 1, Err: fmt.Errorf("start the relay: %w", err)}
	}
	f.announce(cmd.OutOrStdout(), ln.Addr())
	if err := r.Serve(cmd.Context(), ln); err != nil {
		return &cli.ExitError{Code: 1, Err: err}
	}
	return nil
}

// announce says where the relay is, once it accepts connections.
func (f *relayFlags) announce(w io.Writer, addr net.Addr) {
	url := "ws://" + addr.String() + stream.Path
	if f.json {
		_ = json.NewEncoder(w).Encode(struct {
			RelayURL string `json:"relay_url"`
			Ready    bool   `json:"ready"`
		}{url, true})
		return
	}
	fmt.Fprintf(w, "relay    %s\nready\n", url)
}

func newLogger(w io.Writer, asJSON, verbose bool) *slog.Logger {
	opts := &slog.HandlerOptions{Level: slog.LevelInfo}
	if verbose {
		opts.Level = slog.LevelDebug
	}
	if asJSON {
		// Unlike the text handler's quotes, JSON leaves C1 controls as they are.
		opts.ReplaceAttr = func(_ []string, at slog.Attr) slog.Attr {
			if at.Value.Kind() == slog.KindString {
				at.Value = slog.StringValue(fold.Printable(at.Value.String()))
			}
			return at
		}
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
