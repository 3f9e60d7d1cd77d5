package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"

	"agentproof/internal/cli"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
)

// gitOp is the op for a git subcommand that has one of its own, RAW otherwise.
func gitOp(subcommand string) agentv1.GitOp {
	if n, ok := agentv1.GitOp_value["GIT_OP_"+strings.ToUpper(subcommand)]; ok && n > 0 {
		return agentv1.GitOp(n)
	}
	return agentv1.GitOp_GIT_OP_RAW
}

func (f *callFlags) gitCommand() *cobra.Command {
	var cwd string
	var structured bool
	cmd := &cobra.Command{
		Use:     "git ARGS...",
		Short:   "Run git on the machine",
		Example: "  fakeagent call git status\n  fakeagent call git --cwd repo --json status",
		Args:    cli.Args(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.with(cmd, func(ctx context.Context, s *session.Session) error {
				req := &agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_RAW, Cwd: session.ToMachinePath(cwd, f.workdir), Args: args}
				if op := gitOp(args[0]); op != agentv1.GitOp_GIT_OP_RAW {
					req.Op, req.Args = op, args[1:]
				}
				resp, err := s.Do(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_Git{Git: req}})
				if err != nil {
					return fmt.Errorf("git: %w", err)
				}
				r := resp.GetGit()
				if structured && r.GetStatus() != nil {
					return printJSON(cmd, protojson.Format(r.GetStatus()))
				}
				return pass(cmd, r.GetStdout(), r.GetStderr(), int(r.GetExitCode()))
			})
		},
	}
	cmd.Flags().StringVar(&cwd, "cwd", "", "run in this `DIR`")
	cmd.Flags().BoolVar(&structured, "json", false, "status: print the agent's structured answer")
	cmd.Flags().SetInterspersed(false)
	return cmd
}

// printableJSON escapes what JSON leaves as it is and a terminal acts on.
func printableJSON(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r >= 0x7f && r <= 0x9f {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func printJSON(cmd *cobra.Command, text string) error {
	_, err := fmt.Fprintln(cmd.OutOrStdout(), printableJSON(text))
	return err
}

func (f *callFlags) pingCommand() *cobra.Command {
	var nonce uint64
	cmd := &cobra.Command{
		Use:   "ping",
		Short: "Ask whether the agent answers",
		Args:  cli.Args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.with(cmd, func(ctx context.Context, s *session.Session) error {
				start := time.Now()
				resp, err := s.Do(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_Ping{Ping: &agentv1.PingRequest{Nonce: nonce}}})
				if err != nil {
					return fmt.Errorf("ping: %w", err)
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "nonce %d, agent clock %d ms, %v\n",
					resp.GetPing().GetNonce(), resp.GetPing().GetAgentMonotonicMs(), time.Since(start).Round(time.Microsecond))
				return err
			})
		},
	}
	cmd.Flags().Uint64Var(&nonce, "nonce", 1, "the `NUMBER` to be echoed")
	return cmd
}

func (f *callFlags) metricsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "metrics",
		Short: "Print a metrics sample",
		Args:  cli.Args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.with(cmd, func(ctx context.Context, s *session.Session) error {
				resp, err := s.Do(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_Metrics{Metrics: &agentv1.MetricsRequest{}}})
				if err != nil {
					return fmt.Errorf("metrics: %w", err)
				}
				return printJSON(cmd, protojson.Format(resp.GetMetrics()))
			})
		},
	}
}
