package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
)

// pingLatency is a ping through session, broker and agent against a bare
// request and reply of the same size.
func (b *bed) pingLatency(ctx context.Context) (figure, error) {
	payload, err := pingRequest()
	if err != nil {
		return figure{}, err
	}
	pings, raws, err := inTurns(10_000,
		func() error { return b.ping(ctx) },
		func() error { return b.rawPing(payload) })
	if err != nil {
		return figure{}, err
	}
	return figure{name: "ping p50", unit: "µs", got: quantile(pings, 0.5), floor: quantile(raws, 0.5), aim: 1.25}, nil
}

// pingThroughput is 64 callers at once, against the bare echo's.
func (b *bed) pingThroughput(ctx context.Context) (figure, error) {
	payload, err := pingRequest()
	if err != nil {
		return figure{}, err
	}
	const callers, each, rounds = 64, 50, 60
	crowd := func(call func() error) func() error {
		return func() error {
			errs := make([]error, callers)
			var wg sync.WaitGroup
			for i := range callers {
				wg.Go(func() {
					for range each {
						if errs[i] = call(); errs[i] != nil {
							return
						}
					}
				})
			}
			wg.Wait()
			return errors.Join(errs...)
		}
	}
	pings, raws, err := inTurns(rounds,
		crowd(func() error { return b.ping(ctx) }),
		crowd(func() error { return b.rawPing(payload) }))
	if err != nil {
		return figure{}, err
	}
	perSecond := func(d []time.Duration) float64 { return callers * each / (quantile(d, 0.5) / 1e6) / 1e3 }
	return figure{name: "ping throughput, 64 callers", unit: "k/s", got: perSecond(pings), floor: perSecond(raws), aim: 0.7, least: true}, nil
}

// execTrue is the program true through the agent, against os/exec and one
// round trip.
func (b *bed) execTrue(ctx context.Context) (figure, error) {
	program, err := exec.LookPath("true")
	if err != nil {
		return figure{}, err
	}
	payload, err := pingRequest()
	if err != nil {
		return figure{}, err
	}
	execs, floors, err := inTurns(400,
		func() error { return b.exec(ctx, program) },
		func() error {
			if err := b.rawPing(payload); err != nil {
				return err
			}
			cmd := exec.Command(program)
			_, err := cmd.Output()
			return err
		})
	if err != nil {
		return figure{}, err
	}
	return figure{name: "exec true p50", unit: "µs", got: quantile(execs, 0.5), floor: quantile(floors, 0.5), aim: 1.15}, nil
}

// readFile is a file of 768 KiB, against the same bytes from a bare responder.
func (b *bed) readFile(ctx context.Context) (figure, error) {
	if err := os.WriteFile(filepath.Join(b.root, "blob"), make([]byte, fileSize), 0o644); err != nil {
		return figure{}, err
	}
	reads, raws, err := inTurns(400,
		func() error {
			data, err := b.session.ReadFile(ctx, session.ReadFileParams{Path: "blob"})
			if err == nil && len(data) != fileSize {
				err = errors.New("a short read")
			}
			return err
		},
		func() error {
			_, err := b.raw.Request(blobSubject, nil, 10*time.Second)
			return err
		})
	if err != nil {
		return figure{}, err
	}
	rate := func(d []time.Duration) float64 { return fileSize / quantile(d, 0.5) } // bytes a µs are MB/s
	return figure{name: "fs_read 768 KiB", unit: "MB/s", got: rate(reads), floor: rate(raws), aim: 0.8, least: true}, nil
}

// pingUnderLoad is the slow end of pings while 256 commands run, against the
// same without them.
func (b *bed) pingUnderLoad(ctx context.Context) (figure, error) {
	const commands, pings = 256, 4000
	sample := func() (float64, error) {
		d := make([]time.Duration, 0, pings)
		for range pings {
			if err := timed(&d, func() error { return b.ping(ctx) }); err != nil {
				return 0, err
			}
		}
		slices.Sort(d)
		return quantile(d, 0.99), nil
	}
	idle, err := sample()
	if err != nil {
		return figure{}, err
	}
	var wg sync.WaitGroup
	running, cancel := context.WithCancel(ctx)
	defer func() { cancel(); wg.Wait() }()
	for range commands {
		wg.Go(func() { _, _ = b.session.Exec(running, session.ExecParams{Cmd: "echo >>started; exec sleep 60"}) })
	}
	if err := b.awaitLines(ctx, "started", commands); err != nil {
		return figure{}, err
	}
	busy, err := sample()
	return figure{name: "ping p99, 256 execs running", unit: "µs", got: busy, floor: idle, aim: 3}, err
}

// awaitLines waits until a file in the root has so many lines.
func (b *bed) awaitLines(ctx context.Context, name string, n int) error {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		data, err := os.ReadFile(filepath.Join(b.root, name))
		if err == nil && bytes.Count(data, []byte("\n")) >= n {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// exec runs one program through the session's transport, without a shell.
func (b *bed) exec(ctx context.Context, program string) error {
	resp, err := b.session.Do(ctx, &agentv1.ControlRequest{
		Op: &agentv1.ControlRequest_Exec{Exec: &agentv1.ExecRequest{Command: []string{program}}},
	})
	if err == nil && resp.GetExec().GetExitCode() != 0 {
		err = errors.New("the program failed")
	}
	return err
}
