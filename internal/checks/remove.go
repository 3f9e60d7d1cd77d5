package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// without is what a removed check calls in its place: the same functions, blind.
const without = `package engine

import (
	"context"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func (t *T) ErrorfWithout(string, string, ...any)           {}
func (t *T) FatalfWithout(string, string, ...any)           {}
func (t *T) CheckWithout(bool, string, string, ...any) bool { return true }

func (t *T) RefusedWithout(ctx context.Context, op proto.Message, _ agentv1.ErrorCode) *agentv1.AgentError {
	return t.Call(ctx, op).GetError()
}

func (t *T) WantErrorWithout(resp *agentv1.ControlResponse, _ agentv1.ErrorCode) *agentv1.AgentError {
	return resp.GetError()
}

func (t *T) RefusedAllWithout(ctx context.Context, _ agentv1.ErrorCode, attempts ...Attempt) []*agentv1.AgentError {
	refusals := make([]*agentv1.AgentError, len(attempts))
	for i, a := range attempts {
		refusals[i] = t.Call(ctx, a.Op).GetError()
	}
	return refusals
}

func EqualWithout[V comparable](*T, string, V, V) bool { return true }
func EqualBytesWithout(*T, string, []byte, []byte) bool { return true }
func EqualSetWithout(*T, string, []string, []string) bool { return true }
`

// build makes a conformance program whose suite lacks some checks, and returns
// where it is. The checks are removed from copies of the sources in dir.
func build(ctx context.Context, root, dir string, checks []check) (string, error) {
	replaced := make(map[string]string)
	overlay := func(file string, content []byte) error {
		copied := filepath.Join(dir, strings.ReplaceAll(file, "/", "+"))
		replaced[filepath.Join(root, filepath.FromSlash(file))] = copied
		return os.WriteFile(copied, content, 0o644)
	}
	errs := []error{overlay("suite/engine/without.go", []byte(without))}
	files := make(map[string][]int)
	for _, c := range checks {
		files[c.file] = append(files[c.file], c.name)
	}
	for file, offsets := range files {
		src, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
		if err != nil {
			return "", err
		}
		slices.Sort(offsets)
		for _, off := range slices.Backward(offsets) {
			src = slices.Insert(src, off, []byte("Without")...)
		}
		errs = append(errs, overlay(file, src))
	}
	list, err := json.Marshal(map[string]any{"Replace": replaced})
	overlayFile, program := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "conformance")
	if err = errors.Join(append(errs, err, os.WriteFile(overlayFile, list, 0o644))...); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-overlay", overlayFile, "-o", program, "./cmd/conformance")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the suite without some of its checks: %w\n%s", err, out)
	}
	return program, nil
}

// pick takes up to n checks that mutants die at, no two of which matter to the
// same case: those can be removed together. order shuffles.
func pick(checks []check, killers map[string][]outcome, n int, order func(n int, swap func(i, j int))) []check {
	pool := slices.DeleteFunc(slices.Clone(checks), func(c check) bool { return !c.must || len(killers[c.String()]) == 0 })
	order(len(pool), func(i, j int) { pool[i], pool[j] = pool[j], pool[i] })
	busy := make(map[string]bool)
	var out []check
	for _, c := range pool {
		cases := make(map[string]bool)
		for _, k := range killers[c.String()] {
			cases[k.Case] = true
		}
		if len(out) < n && !overlap(cases, busy) {
			maps.Copy(busy, cases)
			out = append(out, c)
		}
	}
	return out
}

func overlap(a, b map[string]bool) bool {
	for k := range a {
		if b[k] {
			return true
		}
	}
	return false
}

// missed removes checks and returns those whose mutants die all the same.
func missed(ctx context.Context, root string, checks []check, killers map[string][]outcome) ([]check, error) {
	dir, err := os.MkdirTemp("", "agentproof-checks-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	program, err := build(ctx, root, dir, checks)
	if err != nil {
		return nil, err
	}
	var mutants []string
	for _, c := range checks {
		for _, k := range killers[c.String()] {
			mutants = append(mutants, "--mutant", k.ID)
		}
	}
	outcomes, err := selftest(ctx, program, mutants...)
	if err != nil {
		return nil, err
	}
	alive := make(map[string]bool)
	for _, o := range outcomes {
		alive[o.ID] = o.Verdict != "killed" && o.Verdict != "strayed"
	}
	return slices.DeleteFunc(slices.Clone(checks), func(c check) bool {
		return slices.ContainsFunc(killers[c.String()], func(k outcome) bool { return alive[k.ID] })
	}), nil
}
