// Package bundled hands the reference agent to the conformance suite, which
// knows no agent by itself.
package bundled

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"agentproof/agent"
	"agentproof/agent/fault"
	"agentproof/internal/cli"
	"agentproof/suite/subject"
)

// Command is the hidden first argument under which a program that calls Main
// is the reference agent.
const Command = "__agentproof-agent"

// Main serves the reference agent in a process of its own, told everything by
// its environment, until ctx ends. It returns the exit code.
func Main(ctx context.Context, errw io.Writer) int {
	cfg, err := agent.ConfigFromEnviron(os.Environ())
	if err == nil {
		cfg.AdoptOrphans = true
		cfg.Version = cli.Version()
		cfg.Logger = slog.New(slog.NewTextHandler(errw, nil))
		err = serve(ctx, cfg)
	}
	if err != nil {
		fmt.Fprintf(errw, "agent: %v\n", err)
		return 1
	}
	return 0
}

// InProcess serves the reference agent inside this process until ctx ends.
func InProcess(ctx context.Context, env subject.Environment) error {
	return serve(ctx, Config(env))
}

// Mutated is the reference agent with one fault, inside this process.
func Mutated(m fault.Mutant) subject.Subject {
	return subject.InProcess("the mutant "+m.ID(), func(ctx context.Context, env subject.Environment) error {
		cfg := Config(env)
		ctx, end, err := m.Into(ctx, &cfg)
		if err != nil {
			return err
		}
		return end(serve(ctx, cfg))
	})
}

// Mixed is the reference agent with the faults that faults returns, anew for
// each instance, as a program has them that is started again.
func Mixed(name string, faults func() []fault.Mutant) subject.Subject {
	return subject.InProcess(name, func(ctx context.Context, env subject.Environment) error {
		cfg := Config(env)
		ctx, end, err := fault.Together(ctx, &cfg, faults()...)
		if err != nil {
			return err
		}
		return end(serve(ctx, cfg))
	})
}

// Config is what an agent inside this process is told of its environment.
func Config(env subject.Environment) agent.Config {
	return agent.Config{
		WorkspaceID:   env.WorkspaceID,
		AgentID:       env.AgentID,
		URLs:          env.URLs,
		Token:         env.Token,
		CAFile:        env.CAFile,
		Epoch:         env.Epoch,
		Root:          env.Root,
		RelayURL:      env.RelayURL,
		RelayToken:    env.RelayToken,
		WholeMachine:  true,
		ScreenControl: env.ScreenControl,
		UpdateChannel: "stable",
		Version:       cli.Version(),
		// A spawned agent would find the same in its environment.
		Environ: env.Around(slices.Concat(os.Environ(), []string{
			"AGENTPROOF_NATS_TOKEN=" + env.Token,
			"AGENTPROOF_RELAY_TOKEN=" + env.RelayToken,
			"OPENGENI_CONFIG_DIR=" + env.ConfigDir,
		})),
		Logger: slog.New(slog.NewTextHandler(cmp.Or(env.Output, io.Discard), nil)),
	}
}

func serve(ctx context.Context, cfg agent.Config) error {
	a, err := agent.New(cfg)
	if err != nil {
		return err
	}
	return a.Run(ctx)
}
