package agent

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/nats-io/nats.go"
)

// trust returns the connection option that accepts broker certificates of the
// CAs in the PEM file as well as those of the system's. Unlike nats.RootCAs it
// does not demand TLS, so that a file beside credentials may lie there for any
// URL.
func trust(file string) (nats.Option, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the CA file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a machine without any
	}
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("the CA file %s holds no certificate in PEM", file)
	}
	cfg := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return func(o *nats.Options) error {
		o.TLSConfig = cfg.Clone()
		return nil
	}, nil
}
