package main

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"agentproof/suite/runner"
	"agentproof/suite/verdict"
)

// printed keeps what was written to it. It is safe for concurrent use.
type printed struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *printed) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(data)
}

// take returns what was written since the last call.
func (p *printed) take() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.b.Reset()
	return p.b.String()
}

func TestALogGetsALineAtTimesAndFailuresAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b printed
		p := newProgressLine(&b)
		defer p.close()
		shown := func(want ...string) {
			t.Helper()
			synctest.Wait()
			if got := strings.Split(strings.TrimSuffix(b.take(), "\n"), "\n"); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		time.Sleep(reportEvery)
		shown("starting the agent  15 s")
		p.update(runner.Progress{Total: 8, Done: 1, Running: []string{"a", "b", "c", "d", "e", "f"}, Last: &verdict.Result{Status: verdict.Pass}})
		shown("")
		p.update(runner.Progress{Total: 8, Done: 2, Running: []string{"a", "b", "c", "d", "e"}, Last: &verdict.Result{
			ID: "ping.nonce/echoed", Status: verdict.Fail, Reason: "want\x1b nonce 1; got 2\nand more",
		}})
		shown("FAIL  ping.nonce/echoed  want\uFFFD nonce 1; got 2")
		time.Sleep(reportEvery)
		shown("2/8  1 failed  30 s  a  b  c  d  and 1 more")
	})
}
