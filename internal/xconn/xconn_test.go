package xconn_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/damage"
	"github.com/jezek/xgb/xfixes"
	"github.com/jezek/xgb/xproto"
	"go.uber.org/goleak"

	"agentproof/fixtures/display"
	"agentproof/fixtures/display/displaytest"
	"agentproof/internal/xconn"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for something that takes milliseconds.
const patience = time.Minute

var small = display.Config{Width: 64, Height: 64}

func dial(tb testing.TB, o xconn.Options) *xconn.Conn {
	tb.Helper()
	c, err := xconn.Dial(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

func await(tb testing.TB, what string, done <-chan struct{}) {
	tb.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		tb.Fatalf("%s: not within %v", what, patience)
	}
}

func TestAConnectionNoticesItsServersDeath(t *testing.T) {
	t.Parallel()
	d := displaytest.Start(t, small)
	c := dial(t, xconn.OptionsFrom(d.Env()))
	d.Kill()
	await(t, "the connection's end", c.Done())
	if _, err := xproto.GetInputFocus(c.Conn).Reply(); !errors.Is(err, io.EOF) {
		t.Errorf("err = %v, want %v", err, io.EOF)
	}
	c.Close() // twice with the cleanup
}

func TestALimitEndsTheWaitForAServerThatHangs(t *testing.T) {
	t.Parallel()
	d := displaytest.Start(t, small)
	c := dial(t, xconn.OptionsFrom(d.Env()))
	inTime := c.Limit(patience)
	if _, err := xproto.GetInputFocus(c.Conn).Reply(); err != nil || !inTime() {
		t.Fatalf("a server that runs: %v", err)
	}
	if err := d.Freeze(); err != nil {
		t.Fatal(err)
	}
	inTime = c.Limit(50 * time.Millisecond)
	if _, err := xproto.GetInputFocus(c.Conn).Reply(); !errors.Is(err, io.EOF) || inTime() {
		t.Errorf("a frozen server: %v", err)
	}
}

func TestADialIsGivenUpWithItsContext(t *testing.T) {
	t.Parallel()
	d := displaytest.Start(t, small)
	if err := d.Freeze(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if c, err := xconn.Dial(ctx, xconn.OptionsFrom(d.Env())); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err = %v, want %v", err, context.DeadlineExceeded)
		if err == nil {
			c.Close()
		}
	}
}

func TestAScreenThatThereIsNotIsAnError(t *testing.T) {
	t.Parallel()
	d := displaytest.Start(t, small)
	o := xconn.OptionsFrom(d.Env())
	o.Display += ".3"
	if c, err := xconn.Dial(t.Context(), o); err == nil {
		c.Close()
		t.Error("it was connected to")
	}
}

// TestEventsThatNobodyWantsBlockNothing makes more of them than xgb queues:
// every client hears of every change of the keyboard's map.
func TestEventsThatNobodyWantsBlockNothing(t *testing.T) {
	t.Parallel()
	d := displaytest.Start(t, small)
	idle, busy := dial(t, xconn.OptionsFrom(d.Env())), dial(t, xconn.OptionsFrom(d.Env()))
	const more = 6000
	for i := range more {
		xproto.ChangeKeyboardMapping(busy.Conn, 1, 255, 1, []xproto.Keysym{xproto.Keysym('a' + i%26)})
	}
	for _, c := range []*xconn.Conn{busy, idle} {
		stop := c.Limit(patience)
		if _, err := xproto.GetInputFocus(c.Conn).Reply(); err != nil {
			t.Error(err)
		}
		stop()
	}
}

func TestTheHandlerMayAskTheServer(t *testing.T) {
	t.Parallel()
	d := displaytest.Start(t, small)
	var c atomic.Pointer[xconn.Conn]
	read := make(chan error, 16)
	o := xconn.OptionsFrom(d.Env())
	o.Event = func(e xgb.Event) {
		if _, ok := e.(xproto.MappingNotifyEvent); ok {
			_, err := c.Load().ReadKeymap()
			read <- err
		}
	}
	c.Store(dial(t, o))
	xproto.ChangeKeyboardMapping(c.Load().Conn, 1, 255, 1, []xproto.Keysym{'a'})
	select {
	case err := <-read:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("no event came")
	}
}

func TestExtensionsAreEachConnectionsOwn(t *testing.T) {
	t.Parallel()
	d := displaytest.Start(t, small)
	c := dial(t, xconn.OptionsFrom(d.Env()))
	if _, ok, err := c.Extension("NO-SUCH-THING"); ok || err != nil {
		t.Errorf("an extension that there is not: %v, %v", ok, err)
	}
	// An error of an extension comes back to who asked, decoded or not.
	for _, name := range []string{"XFIXES", "DAMAGE"} {
		if ext, ok, err := c.Extension(name); !ok || err != nil || ext.Major < 128 {
			t.Fatalf("%s: %+v, %v, %v", name, ext, ok, err)
		}
	}
	if _, err := xfixes.QueryVersion(c.Conn, 5, 0).Reply(); err != nil {
		t.Fatal(err)
	}
	if _, err := damage.QueryVersion(c.Conn, 1, 1).Reply(); err != nil {
		t.Fatal(err)
	}
	err := damage.SubtractChecked(c.Conn, 12345, 0, 0).Check()
	if _, ok := errors.AsType[xconn.RawError](err); !ok {
		t.Errorf("err = %v (%T), want one of the extension's", err, err)
	}
}

// TestConnectionsComeAndGoSideBySide is for the race detector: xgb keeps its
// decoders in maps of the whole process.
func TestConnectionsComeAndGoSideBySide(t *testing.T) {
	t.Parallel()
	d := displaytest.Start(t, small)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				c, err := xconn.Dial(t.Context(), xconn.OptionsFrom(d.Env()))
				if err != nil {
					t.Error(err)
					return
				}
				for _, name := range []string{"MIT-SHM", "XTEST", "DAMAGE", "RANDR"} {
					if _, _, err := c.Extension(name); err != nil {
						t.Error(err)
					}
				}
				xproto.ChangeKeyboardMapping(c.Conn, 1, 255, 1, []xproto.Keysym{'a'})
				if virtual, err := c.Virtual(); !virtual || err != nil {
					t.Errorf("virtual: %v, %v", virtual, err)
				}
				c.Close()
			}
		})
	}
	wg.Wait()
}
