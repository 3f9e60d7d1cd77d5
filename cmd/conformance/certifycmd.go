package main

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"agentproof/internal/cli"
	"agentproof/suite/certificate"
	"agentproof/suite/engine"
)

// exitRefused is the exit code of what could not be certified or believed.
const exitRefused = 1

const certificateExitCodes = `Exit codes:
  0  done
  1  refused: one sentence says why
  2  wrong usage`

// refused is an error about what was given, not about how.
func refused(err error) error { return &cli.ExitError{Code: exitRefused, Err: err} }

// catalog is what reports and certificates are judged against.
func (a *app) catalog() certificate.Catalog {
	return certificate.Catalog{Spec: a.spec, Cases: engine.Infos(a.cases)}
}

func (a *app) keygenCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "keygen",
		Short: "Make a key pair to sign certificates with",
		Long: `Make an ed25519 key pair: PREFIX.key to sign with, which stays with you and is
for your eyes only, and PREFIX.pub to give to those who verify. Neither is ever
written over. Both are PEM (PKCS #8 and PKIX), as openssl makes and reads them.

` + certificateExitCodes,
		Example: `  conformance keygen
  conformance keygen --out ~/.config/agentproof/release`,
		Args: cli.Args(0, 0),
		RunE: func(*cobra.Command, []string) error {
			id, err := certificate.Keygen(out)
			if err != nil {
				return refused(err)
			}
			_, err = fmt.Fprintf(a.out, "key      %s.key (keep it)\npublic   %s.pub (give it away)\nid       %s\n", out, out, id)
			return err
		},
	}
	cmd.Flags().StringVar(&out, "out", "agentproof", "write `PREFIX`.key and PREFIX.pub")
	return cmd
}

// certifyFlags are the flags of `conformance certify`.
type certifyFlags struct {
	key, artifact, out string
}

func (a *app) certifyCommand() *cobra.Command {
	var f certifyFlags
	cmd := &cobra.Command{
		Use:   "certify DIR",
		Short: "Sign a certificate of a conformant run",
		Long: `Sign a certificate of the run whose report is in DIR, where --out had it written.
Only a whole run certifies: unfiltered, without a baseline, and conformant.

The certificate is an in-toto statement with a test-result predicate in a DSSE
envelope. It holds the digests of the artifact, of this suite, its cases and its
specification, of the report and of every transcript. It is self-attested: you
say that the artifact is what ran, and your key is who says it.

` + certificateExitCodes,
		Example: `  conformance run --out out/report -- ./my-agent run
  conformance certify out/report --key agentproof.key --subject-artifact ./my-agent
  conformance verify out/report/certificate.json out/report --pub agentproof.pub`,
		Args: cli.Args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.signCertificate(cmd, f, args[0]) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.key, "key", "", "sign with the private key in `FILE`")
	fl.StringVar(&f.artifact, "subject-artifact", "", "the agent that ran: its executable or archive `FILE`")
	fl.StringVar(&f.out, "out", "", "write the certificate to `FILE` (default DIR/certificate.json)")
	return cmd
}

func (a *app) signCertificate(cmd *cobra.Command, f certifyFlags, dir string) error {
	if f.key == "" || f.artifact == "" {
		return cli.Usage("a certificate needs --key and --subject-artifact")
	}
	key, err := a.privateKey(f.key)
	if err != nil {
		return refused(err)
	}
	artifact, err := certificate.ReadFile(f.artifact)
	if err != nil {
		return refused(fmt.Errorf("read the artifact: %w", err))
	}
	suite, err := certificate.ThisSuite(cli.Version())
	if err != nil {
		return &cli.ExitError{Code: exitHarness, Err: err}
	}
	evidence, err := certificate.ReadEvidence(dir)
	if err != nil {
		return refused(err)
	}
	c, err := certificate.New(evidence, a.catalog(), suite, artifact, time.Now())
	if err != nil {
		return refused(err)
	}
	data, err := certificate.Sign(cmd.Context(), c, key)
	if err != nil {
		return refused(err)
	}
	out := f.out
	if out == "" {
		out = filepath.Join(dir, "certificate.json")
	}
	if err := os.WriteFile(out, data, 0o644); err != nil {
		return refused(fmt.Errorf("write the certificate: %w", err))
	}
	a.describe(c, key.Public().(ed25519.PublicKey))
	fmt.Fprintf(a.out, "written   %s\n", out)
	return nil
}

// privateKey reads a key, and warns where others can read it too.
func (a *app) privateKey(path string) (ed25519.PrivateKey, error) {
	key, err := certificate.ReadPrivateKey(path)
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	if info, err := os.Stat(path); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		fmt.Fprintf(a.err, "conformance: other users can read %s: chmod 600 %s\n", path, path)
	}
	return key, nil
}
