package main

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"agentproof/internal/cli"
	"agentproof/internal/fold"
	"agentproof/suite/certificate"
	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

// verifyFlags are the flags of `conformance verify`.
type verifyFlags struct {
	pub, artifact string
	json          bool
}

func (a *app) verifyCommand() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify CERT [DIR]",
		Short: "Check a certificate, and the run that it is about",
		Long: `Check a certificate offline: its signature by the public key that you trust, its
totals, and the verdict, which is made again from the cases. With DIR also every
byte of the report, run.json and the transcripts, and with --subject-artifact
the artifact. What was not compared is said.

A certificate is self-attested. That it is valid means that the holder of the
key made it and nobody touched it since; how old a certificate you accept, and
from whom, is for you to judge.

` + certificateExitCodes,
		Example: `  conformance verify certificate.json --pub agentproof.pub
  conformance verify out/report/certificate.json out/report --pub agentproof.pub --subject-artifact ./my-agent
  conformance verify certificate.json --pub agentproof.pub --json | jq .valid`,
		Args: cli.Args(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error { return a.verify(cmd.Context(), f, args) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.pub, "pub", "", "the public key in `FILE` that you trust")
	fl.StringVar(&f.artifact, "subject-artifact", "", "compare the artifact in `FILE` too")
	fl.BoolVar(&f.json, "json", false, "print one object that says whether it is valid, or the reason why not")
	return cmd
}

// verified is what `verify --json` prints.
type verified struct {
	Valid       bool       `json:"valid"`
	Reason      string     `json:"reason,omitempty"`
	Certificate *certified `json:"certificate,omitempty"`
	Checked     []string   `json:"checked,omitempty"`
	Unchecked   []string   `json:"unchecked,omitempty"`
}

// certified is a certificate in short.
type certified struct {
	SelfAttested bool                   `json:"self_attested"`
	Key          string                 `json:"key"`
	Agent        report.Subject         `json:"agent"`
	Artifact     string                 `json:"artifact"`
	ArtifactSum  string                 `json:"artifact_sha256"`
	Revision     string                 `json:"revision"`
	Profiles     []report.Profile       `json:"profiles"`
	Totals       map[verdict.Status]int `json:"totals"`
	Suite        string                 `json:"suite"`
	Ran          time.Time              `json:"ran"`
	Certified    time.Time              `json:"certified"`
}

func (a *app) verify(ctx context.Context, f verifyFlags, args []string) error {
	if f.pub == "" {
		return cli.Usage("a certificate is verified by a key that you trust: give --pub")
	}
	pub, err := certificate.ReadPublicKey(f.pub)
	if err != nil {
		return refused(fmt.Errorf("read the key: %w", err))
	}
	c, v, err := a.check(ctx, f, pub, args)
	switch {
	case err != nil && f.json:
		if err := a.printJSON(verified{Reason: err.Error()}); err != nil {
			return err
		}
		return &cli.ExitError{Code: exitRefused}
	case err != nil:
		return refused(fmt.Errorf("refused: %w", err))
	case f.json:
		return a.printJSON(verified{Valid: true, Certificate: inShort(c, pub), Checked: v.Checked, Unchecked: v.Unchecked})
	}
	fmt.Fprintf(a.out, "%s valid\n\n", a.green("✓"))
	a.describe(c, pub)
	fmt.Fprint(a.out, fold.Text(min(cli.Width(a.out), 100), "compared  ", strings.Join(v.Checked, ", ")))
	for _, what := range v.Unchecked {
		fmt.Fprint(a.out, fold.Text(min(cli.Width(a.out), 100), "not       ", what))
	}
	return nil
}

// check opens a certificate and compares what was given with it.
func (a *app) check(ctx context.Context, f verifyFlags, pub ed25519.PublicKey, args []string) (*certificate.Certificate, *certificate.Verification, error) {
	data, err := os.ReadFile(args[0])
	if err != nil {
		return nil, nil, err
	}
	c, err := certificate.Open(ctx, data, pub)
	if err != nil {
		return nil, nil, err
	}
	var evidence *certificate.Evidence
	if len(args) > 1 {
		if evidence, err = certificate.ReadEvidence(args[1]); err != nil {
			return nil, nil, err
		}
	}
	var artifact *certificate.File
	if f.artifact != "" {
		file, err := certificate.ReadFile(f.artifact)
		if err != nil {
			return nil, nil, err
		}
		artifact = &file
	}
	v, err := c.Verify(a.catalog(), evidence, artifact)
	return c, v, err
}

func inShort(c *certificate.Certificate, pub ed25519.PublicKey) *certified {
	return &certified{
		SelfAttested: true, Key: certificate.KeyID(pub), Agent: c.Agent,
		Artifact: c.Artifact.Name, ArtifactSum: c.Artifact.SHA256,
		Revision: c.Revision, Profiles: c.Profiles, Totals: c.Totals(),
		Suite: c.Suite.Version, Ran: c.Ran, Certified: c.Certified,
	}
}

// describe says what a certificate states.
func (a *app) describe(c *certificate.Certificate, pub ed25519.PublicKey) {
	totals := c.Totals()
	counts := fmt.Sprintf("%d of %d passed", totals[verdict.Pass], c.Cases.Count)
	for _, s := range verdict.Statuses()[1:] {
		if totals[s] > 0 {
			counts += fmt.Sprintf(", %d %s", totals[s], s)
		}
	}
	agent := fmt.Sprintf("%s (%s %s/%s)", c.Agent.Name, c.Agent.Version, c.Agent.OS, c.Agent.Arch)
	fmt.Fprintf(a.out, "agent     %s\n", printable(agent))
	fmt.Fprintf(a.out, "artifact  %s sha256:%s\n", printable(c.Artifact.Name), c.Artifact.SHA256)
	fmt.Fprintf(a.out, "profiles  %s at %s\n", strings.Join(c.Conformant(), ", "), c.Revision)
	fmt.Fprintf(a.out, "cases     %s\n", counts)
	fmt.Fprintf(a.out, "suite     %s, run %s\n", c.Suite.Version, c.Ran.Format(time.RFC3339))
	fmt.Fprintf(a.out, "signed    %s, self-attested by the key %s\n", c.Certified.Format(time.RFC3339), certificate.KeyID(pub))
}

// printable is text of somebody else for a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, text)
}

func (a *app) green(text string) string {
	if !cli.Colors(a.out) {
		return text
	}
	return "\x1b[32m" + text + "\x1b[0m"
}

func (a *app) badgeCommand() *cobra.Command {
	var f verifyFlags
	var out string
	cmd := &cobra.Command{
		Use:   "badge CERT|DIR",
		Short: "Draw a badge of a certificate or a run",
		Long: `Draw a badge (SVG) of a certificate, which is verified first, or of the run whose
report is in DIR. Only a whole and conformant run is green.

` + certificateExitCodes,
		Example: `  conformance badge certificate.json --pub agentproof.pub --out badge.svg
  conformance badge out/report --out badge.svg`,
		Args: cli.Args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			badge, err := a.badge(cmd.Context(), f, args[0])
			if err != nil {
				return err
			}
			if out == "" {
				_, err := a.out.Write(badge.SVG())
				return err
			}
			if err := os.WriteFile(out, badge.SVG(), 0o644); err != nil {
				return refused(fmt.Errorf("write the badge: %w", err))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&f.pub, "pub", "", "of a certificate: the public key in `FILE` that you trust")
	cmd.Flags().StringVar(&out, "out", "", "write the badge to `FILE` (default stdout)")
	return cmd
}

func (a *app) badge(ctx context.Context, f verifyFlags, of string) (certificate.Badge, error) {
	info, err := os.Stat(of)
	switch {
	case err != nil:
		return certificate.Badge{}, refused(err)
	case info.IsDir():
		e, err := certificate.ReadEvidence(of)
		if err != nil {
			return certificate.Badge{}, refused(err)
		}
		return e.Badge(), nil
	case f.pub == "":
		return certificate.Badge{}, cli.Usage("the badge of a certificate needs --pub: nobody has to believe one that was not verified")
	}
	pub, err := certificate.ReadPublicKey(f.pub)
	if err != nil {
		return certificate.Badge{}, refused(fmt.Errorf("read the key: %w", err))
	}
	c, _, err := a.check(ctx, f, pub, []string{of})
	if err != nil {
		return certificate.Badge{}, refused(fmt.Errorf("refused: %w", err))
	}
	return c.Badge(), nil
}
