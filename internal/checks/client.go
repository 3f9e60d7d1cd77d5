package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"agentproof/internal/clientfault"
)

// clientProgram tries mutants of the session client.
const clientProgram = "./internal/clientfault/try"

func isClient(id string) bool { return strings.HasPrefix(id, "client.") }

// tryClients tries every mutant of the session client and returns the outcomes,
// an error if one does not die as it should. Only the cases of one area go
// through that client.
func tryClients(ctx context.Context, out io.Writer, root, area string) ([]outcome, error) {
	if area != "" && area != "sessions" {
		return nil, nil
	}
	dir, err := os.MkdirTemp("", "agentproof-client-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := compile(ctx, root, dir, nil, clientProgram); err != nil {
		return nil, err
	}
	var ids []string
	for _, f := range clientfault.All() {
		ids = append(ids, f.ID())
	}
	start := time.Now()
	outcomes, err := runClients(ctx, dir, ids)
	if err != nil {
		return nil, err
	}
	killed := 0
	for _, o := range outcomes {
		if o.Verdict == "killed" {
			killed++
			continue
		}
		fmt.Fprintf(out, "%s  %s\n  fault  %s\n  case   %s\n  why    %s\n\n", strings.ToUpper(o.Verdict), o.ID, o.Does, o.Case, o.Detail)
	}
	fmt.Fprintf(out, "%d of %d mutants of the session client killed in %v\n", killed, len(ids), time.Since(start).Round(100*time.Millisecond))
	if killed != len(ids) {
		return nil, fmt.Errorf("%d mutants of the session client do not die as they should", len(ids)-killed)
	}
	return outcomes, nil
}

// runClients runs the program in dir for some mutants, a share of them in each
// of some processes: a process has one fault at a time.
func runClients(ctx context.Context, dir string, ids []string) ([]outcome, error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var all []outcome
	var errs []error
	for _, share := range shares(ids, 3*runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			outcomes, err := runShare(ctx, filepath.Join(dir, path.Base(clientProgram)), share)
			mu.Lock()
			defer mu.Unlock()
			all, errs = append(all, outcomes...), append(errs, err)
		})
	}
	wg.Wait()
	return all, errors.Join(errs...)
}

func runShare(ctx context.Context, program string, ids []string) ([]outcome, error) {
	var errw bytes.Buffer
	cmd := exec.CommandContext(ctx, program, ids...)
	cmd.Stderr = &errw
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("try mutants of the session client: %w\n%s", err, errw.Bytes())
	}
	outcomes, err := parse(out)
	if err == nil && len(outcomes) != len(ids) {
		err = fmt.Errorf("%d of the mutants %q of the session client were tried", len(outcomes), ids)
	}
	return outcomes, err
}

// shares splits mutants into up to n shares. Those of one case stay together,
// for each share runs its cases with the sound client first.
func shares(ids []string, n int) [][]string {
	out := make([][]string, n)
	turn := make(map[string]int) // of each case
	for _, f := range clientfault.All() {
		if !slices.Contains(ids, f.ID()) {
			continue
		}
		i, ok := turn[f.Case]
		if !ok {
			i = len(turn) % n
			turn[f.Case] = i
		}
		out[i] = append(out[i], f.ID())
	}
	return slices.DeleteFunc(out, func(share []string) bool { return len(share) == 0 })
}
