package holdport_test

import (
	"net"
	"net/netip"
	"testing"

	"agentproof/internal/holdport"
)

func TestAHeldPortRefusesAndCanBeListenedAtAgain(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.MustParseAddrPort(ln.Addr().String())
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	release, err := holdport.Hold(addr)
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", addr.String()); err == nil {
		conn.Close()
		t.Error("a held port took a connection")
	}
	again, err := net.Listen("tcp", addr.String())
	if err != nil {
		t.Fatalf("listen at a held port: %v", err)
	}
	release()
	defer again.Close()
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatalf("dial after the release: %v", err)
	}
	conn.Close()
}
