package steadyport_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"agentproof/internal/steadyport"
)

func TestAPickedPortIsFreeAndNotEphemeral(t *testing.T) {
	t.Parallel()
	port, err := steadyport.Pick()
	if err != nil {
		t.Fatal(err)
	}
	if port < 1024 || port >= 32768 {
		t.Errorf("port %d is privileged or ephemeral", port)
	}
}

func TestAHeldPortRefusesAndCanBeListenedAtAgain(t *testing.T) {
	t.Parallel()
	port, err := steadyport.Pick()
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port))
	release, err := steadyport.Hold(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if conn, err := net.Dial("tcp", addr.String()); err == nil {
		conn.Close()
		t.Error("a held port took a connection")
	}
	ln, err := net.Listen("tcp", addr.String())
	if err != nil {
		t.Fatalf("listen at a held port: %v", err)
	}
	ln.Close()
}

func TestEveryListenerGetsAPortOfItsOwn(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for range 100 {
		ln, err := steadyport.Listen()
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		if addr := ln.Addr().String(); seen[addr] {
			t.Errorf("two listeners at %s", addr)
		} else {
			seen[addr] = true
		}
	}
}

func TestAnAddressThatIsTakenForAMomentIsReclaimed(t *testing.T) {
	t.Parallel()
	ln, err := steadyport.Listen()
	if err != nil {
		t.Fatal(err)
	}
	release := time.AfterFunc(50*time.Millisecond, func() { ln.Close() })
	defer release.Stop()
	again, err := steadyport.Reclaim(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
