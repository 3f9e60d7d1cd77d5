package certificate_test

import (
	"crypto/ed25519"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"agentproof/suite/certificate"
)

func TestAKeyPairIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	prefix := filepath.Join(t.TempDir(), "mine")
	id, err := certificate.Keygen(prefix)
	if err != nil {
		t.Fatal(err)
	}
	key, err := certificate.ReadPrivateKey(prefix + ".key")
	if err != nil {
		t.Fatal(err)
	}
	pub, err := certificate.ReadPublicKey(prefix + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	if !pub.Equal(key.Public().(ed25519.PublicKey)) || certificate.KeyID(pub) != id {
		t.Error("the halves are of two keys")
	}
	if info, err := os.Stat(prefix + ".key"); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the private key has the mode %v (%v)", info.Mode(), err)
	}
}

func TestKeygenWritesOverNothing(t *testing.T) {
	t.Parallel()
	for _, taken := range []string{".key", ".pub"} {
		t.Run(taken, func(t *testing.T) {
			t.Parallel()
			prefix := filepath.Join(t.TempDir(), "mine")
			put(t, prefix+taken, "precious")
			if _, err := certificate.Keygen(prefix); err == nil {
				t.Error("it did not mind")
			}
			if got := get(t, prefix+taken); got != "precious" {
				t.Errorf("the file is now %q", got)
			}
			if entries, err := os.ReadDir(filepath.Dir(prefix)); err != nil || len(entries) != 1 {
				t.Errorf("there are now %v (%v)", entries, err)
			}
		})
	}
}

func TestOpenSSLReadsTheKeysAndMakesOnes(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	dir := t.TempDir()
	run := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), openssl, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("openssl %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	if _, err := certificate.Keygen(dir + "/ours"); err != nil {
		t.Fatal(err)
	}
	if got := run("pkey", "-in", dir+"/ours.key", "-pubout"); got != get(t, dir+"/ours.pub") {
		t.Errorf("openssl derives\n%s", got)
	}
	run("genpkey", "-algorithm", "ed25519", "-out", dir+"/theirs.key")
	run("pkey", "-in", dir+"/theirs.key", "-pubout", "-out", dir+"/theirs.pub")
	key, err := certificate.ReadPrivateKey(dir + "/theirs.key")
	if err != nil {
		t.Fatal(err)
	}
	if pub, err := certificate.ReadPublicKey(dir + "/theirs.pub"); err != nil || !pub.Equal(key.Public()) {
		t.Errorf("the halves are of two keys (%v)", err)
	}
	run("genpkey", "-algorithm", "RSA", "-out", dir+"/rsa.key")
	if _, err := certificate.ReadPrivateKey(dir + "/rsa.key"); err == nil || !strings.Contains(err.Error(), "certificates are signed with ed25519") {
		t.Errorf("an RSA key: %v", err)
	}
}

func TestWhatIsNoKeyIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := certificate.Keygen(dir + "/k"); err != nil {
		t.Fatal(err)
	}
	pub, key := get(t, dir+"/k.pub"), get(t, dir+"/k.key")
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", " holds no key in PEM"},
		{"the other half", key, ` holds a "PRIVATE KEY", and it must be a "PUBLIC KEY"`},
		{"two keys", pub + pub, " holds more than one key"},
		{"bytes that are none", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "asn1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "x.pub")
			put(t, path, tt.text)
			if _, err := certificate.ReadPublicKey(path); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := certificate.ReadPrivateKey(dir + "/k.pub"); err == nil || !strings.Contains(err.Error(), `it must be a "PRIVATE KEY"`) {
		t.Errorf("a public key as a private one: %v", err)
	}
}
