//go:build unix

package pty_test

import (
	"context"
	"testing"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func TestAProgramThatOpensItsTerminalAgainIsHeard(t *testing.T) {
	t.Parallel()
	b := open(t)
	resp := b.sh(`exec 0<&- 1>&- 2>&-; sleep 0.3; echo opened-again >/dev/tty; sleep 1000`)
	b.until(b.view(resp), "opened-again")
}

func TestAFloodFromTheBackgroundDoesNotHoldTheEndBack(t *testing.T) {
	t.Parallel()
	b := open(t)
	resp := b.sh(`trap '' HUP; cat /dev/zero & sleep 0.2; exit 5`)
	v := b.view(resp)
	b.rest(v)
	eventually(t, "the terminal forgotten", func() bool { return b.Active() == 0 })
	if code, err := b.close(resp.GetPtyId()); err != nil || code != 5 {
		t.Errorf("close: %d, %v, want 5", code, err)
	}
}

func TestAWriteThatWasGivenUpDoesNotSpoilTheNext(t *testing.T) {
	t.Parallel()
	b := open(t)
	resp := b.sh(`stty raw -echo; echo ready; cat >/dev/null`)
	b.until(b.view(resp), "ready")
	write := func(ctx context.Context) error {
		_, err := b.Write(ctx, &agentv1.PtyWriteRequest{PtyId: resp.GetPtyId(), Data: make([]byte, 64)})
		return err
	}
	for range 300 {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		_ = write(ctx) // in time or not
		if err := write(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAWriterDoesNotWaitForAChildThatHasEnded(t *testing.T) {
	t.Parallel()
	b := open(t)
	resp := b.sh(`stty raw -echo; (trap '' HUP; sleep 20) & echo ready; sleep 0.5; exit 6`)
	b.until(b.view(resp), "ready")
	start := time.Now()
	_, err := b.Write(t.Context(), &agentv1.PtyWriteRequest{PtyId: resp.GetPtyId(), Data: make([]byte, 1<<20)})
	wantCode(t, err, agentv1.ErrorCode_ERROR_CODE_NOT_FOUND)
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("the writer waited %v, for what the child had started", took)
	}
}

func TestTypingWithoutEndCanBeClosed(t *testing.T) {
	t.Parallel()
	b := open(t)
	resp := b.sh(`stty raw -echo; echo ready; sleep 1000`)
	v := b.view(resp)
	b.until(v, "ready")
	if err := v.Write(t.Context(), make([]byte, 256<<10)); err != nil { // which fills the terminal
		t.Fatal(err)
	}
	wrote := make(chan error, 1)
	go func() {
		_, err := b.Write(t.Context(), &agentv1.PtyWriteRequest{PtyId: resp.GetPtyId(), Data: make([]byte, 1<<20)})
		wrote <- err
	}()
	if code, err := b.close(resp.GetPtyId()); err != nil || code != -1 {
		t.Errorf("close: %d, %v, want -1", code, err)
	}
	wantCode(t, <-wrote, agentv1.ErrorCode_ERROR_CODE_NOT_FOUND)
}

// The output of a child that has ended may wait for a relay that is away: who
// closes such a terminal wants no more of it. A little more than the queue of 1
// MiB is written.
func TestCloseOfAnEndedTerminalDropsWhatNobodyTook(t *testing.T) {
	t.Parallel()
	b := open(t)
	resp := b.sh(`s=0123456789abcdef; while [ ${#s} -lt 65536 ]; do s=$s$s; done
stty -echo; echo ready; read -r x; i=0; while [ $i -lt 16 ]; do i=$((i+1)); printf %s "$s"; done; printf %2048s .; exit 4`)
	b.until(b.view(resp), "ready")
	b.relay.Kill()
	id := resp.GetPtyId()
	if _, err := b.Write(t.Context(), &agentv1.PtyWriteRequest{PtyId: id, Data: []byte("go\n")}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the child ended", func() bool {
		_, err := b.Resize(t.Context(), &agentv1.PtyResizeRequest{PtyId: id})
		return err != nil
	})
	if code, err := b.close(id); err != nil || code != 4 {
		t.Errorf("close: %d, %v, want 4", code, err)
	}
	// The bench's own end waits for the terminal.
}
