package certificate

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// The kinds of PEM block that hold keys.
const (
	privateBlock = "PRIVATE KEY" // PKCS #8
	publicBlock  = "PUBLIC KEY"  // PKIX
)

// KeyID names a key: the SHA-256, in hex, of its PKIX form, which is what
// "openssl pkey -pubin -in FILE -outform DER | sha256sum" prints.
func KeyID(pub ed25519.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		panic(fmt.Sprintf("certificate: encode an ed25519 key: %v", err)) // it is no key
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// Keygen makes a key pair and writes prefix.key, which its owner alone may
// read, and prefix.pub. It never writes over a file.
func Keygen(prefix string) (id string, err error) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", fmt.Errorf("encode the key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return "", fmt.Errorf("encode the key: %w", err)
	}
	if err := create(prefix+".key", 0o600, privateBlock, private); err != nil {
		return "", err
	}
	if err := create(prefix+".pub", 0o644, publicBlock, public); err != nil {
		_ = os.Remove(prefix + ".key") // made just now, and nobody has it yet
		return "", err
	}
	return KeyID(pub), nil
}

// create writes a new file, whole or not at all.
func create(path string, perm os.FileMode, block string, der []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already, and a key is never written over", path)
	}
	if err != nil {
		return err
	}
	err = pem.Encode(f, &pem.Block{Type: block, Bytes: der})
	if err := errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(path)
		return err
	}
	return nil
}

// ReadPrivateKey reads what Keygen or "openssl genpkey -algorithm ed25519"
// wrote.
func ReadPrivateKey(path string) (ed25519.PrivateKey, error) {
	der, err := readBlock(path, privateBlock)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s holds a %T, and certificates are signed with ed25519", path, key)
	}
	return private, nil
}

// ReadPublicKey reads the public half of such a key.
func ReadPublicKey(path string) (ed25519.PublicKey, error) {
	der, err := readBlock(path, publicBlock)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	pub, ok := key.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%s holds a %T, and certificates are signed with ed25519", path, key)
	}
	return pub, nil
}

// readBlock reads a file that holds one PEM block of a kind and nothing else.
func readBlock(path, kind string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(data)
	switch {
	case block == nil:
		return nil, fmt.Errorf("%s holds no key in PEM", path)
	case block.Type != kind:
		return nil, fmt.Errorf("%s holds a %q, and it must be a %q", path, block.Type, kind)
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, fmt.Errorf("%s holds more than one key", path)
	}
	return block.Bytes, nil
}

func public(key ed25519.PrivateKey) ed25519.PublicKey {
	return ed25519.PublicKey(key[ed25519.SeedSize:])
}
