package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"agentproof/agent"
	"agentproof/agent/fault/script"
	"agentproof/internal/cli"
)

// runScript says by which script `fakeagent run` misbehaves.
type runScript struct {
	file string
	seed uint64

	loaded *script.Script // nil without one
}

func (f *runScript) flags(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.file, "script", "", "misbehave as `FILE` says, see 'fakeagent script --help'")
	fl.Uint64Var(&f.seed, "seed", 0, "decide with `NUMBER` what the script leaves to chance")
	if err := cmd.MarkFlagFilename("script", scriptExtensions()...); err != nil {
		panic(err) // the flag does not exist: a bug that every start would show
	}
}

// scriptExtensions are what shell completion looks for.
func scriptExtensions() []string { return []string{"yaml", "yml"} }

// load finds mistakes before anything is started.
func (f *runScript) load(cmd *cobra.Command) (err error) {
	set := cmd.Flags().Changed
	if !set("script") {
		if set("seed") {
			return errors.New("--seed is for --script")
		}
		return nil
	}
	if f.loaded, err = script.Load(f.file); err != nil {
		return err
	}
	if set("seed") {
		if f.seed == 0 {
			return errors.New("--seed 0: it must be above 0")
		}
		f.loaded.Seed = f.seed
	}
	return nil
}

// run serves the machine, with the script if there is one.
func (f *runScript) run(ctx context.Context, cfg agent.Config) error {
	if f.loaded != nil {
		cfg.Logger.Warn("this agent misbehaves on purpose", "script", f.file, "rules", len(f.loaded.Rules()))
		return f.loaded.Run(ctx, cfg)
	}
	a, err := agent.New(cfg)
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

func scriptCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "script",
		Short: "Look at the scripts of run --script",
		Long: `A script makes the agent of 'fakeagent run --script FILE' misbehave: reply late or
not at all, refuse, lose its connection, drain, go away. It is a YAML document
of rules, the first of which that acts on a call is the only one:

  seed: 42                    # with chances; picked and logged where it is left out
  rules:
  - on: exec                  # an op, a list of them, or a pattern such as "fs_*"
    when:                     # what the op has of argv, cwd, path and event
      argv: [npm, "**"]
      cwd: "packages/**"
    after: 2                  # lets that many matching calls pass
    times: 1                  # acts that often, by default always
    probability: 0.5          # acts by chance
    do:                       # in this order:
      delay: 1s..3s           # or {request: 1s, reply: 2s}
      disconnect: 5s          # or {in: 2s, for: 5s}; or drain, or
                              # offline: {in: 1s, drain: 3s, for: 5s, reason: UPDATE}
      drop: reply             # or request; or oversize, or
                              # error: {code: OS, message: no, detail: {errno: "5"}};
                              # with all but drop also duplicate: true

docs/scripted-faults.md has every word of the language, and a cookbook.`,
		Args: cli.Args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(scriptCheckCommand())
	return cmd
}

func scriptCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE...",
		Short: "Say what scripts do, or what is wrong with them",
		Long: `Say what each rule of the scripts does, or what is wrong with it, and where. The
exit code is 1 if anything is wrong.`,
		Example: `  fakeagent script check flaky.yaml
  fakeagent script check faults/*.yaml`,
		Args: cli.Args(1, -1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return scriptExtensions(), cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, files []string) error {
			wrong := false
			for _, name := range files {
				s, err := script.Load(name)
				if err != nil {
					fmt.Fprintln(cmd.ErrOrStderr(), err)
					wrong = true
					continue
				}
				for _, rule := range s.Rules() {
					fmt.Fprintln(cmd.OutOrStdout(), rule)
				}
			}
			if wrong {
				return &cli.ExitError{Code: 1}
			}
			return nil
		},
	}
}
