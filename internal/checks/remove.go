package main

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"agentproof/internal/clientfault"
	"agentproof/internal/overlay"
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
func SameWithout[V comparable](*T, string, V, V) bool { return true }
func EqualBytesWithout(*T, string, []byte, []byte) bool { return true }
func EqualSetWithout(*T, string, []string, []string) bool { return true }
`

// compile builds programs of this module into dir: their session client has
// faults to switch on, and their suite lacks some checks. Most of it is the same
// whatever it lacks, and compiled once.
func compile(ctx context.Context, root, dir string, lacking []check, packages ...string) error {
	o, err := clientfault.Overlay(root)
	if err != nil {
		return err
	}
	o["suite/engine/without.go"] = []byte(without)
	if err := leaveOut(o, root, lacking); err != nil {
		return err
	}
	return o.Build(ctx, root, dir, packages...)
}

// leaveOut takes checks out of the suite.
func leaveOut(o overlay.Overlay, root string, checks []check) error {
	files := make(map[string][]int)
	for _, c := range checks {
		files[c.file] = append(files[c.file], c.name)
	}
	for file, offsets := range files {
		src, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
		if err != nil {
			return err
		}
		slices.Sort(offsets)
		for _, off := range slices.Backward(offsets) {
			src = slices.Insert(src, off, []byte("Without")...)
		}
		o[file] = src
	}
	return nil
}

// provable returns the checks of MUST cases that mutants die at.
func provable(checks []check, killers map[string][]outcome) []check {
	return slices.DeleteFunc(slices.Clone(checks), func(c check) bool { return !c.must || len(killers[c.String()]) == 0 })
}

// pick takes up to n checks out of a pool, or as many as it can for a negative
// n, no two of which matter to the same case: those can be removed together. It
// returns the others as well.
func pick(pool []check, killers map[string][]outcome, n int) (picked, others []check) {
	busy := make(map[string]bool)
	for _, c := range pool {
		cases := make(map[string]bool)
		for _, k := range killers[c.String()] {
			cases[k.Case] = true
		}
		if len(picked) == n || overlap(cases, busy) {
			others = append(others, c)
			continue
		}
		maps.Copy(busy, cases)
		picked = append(picked, c)
	}
	return picked, others
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
	if err := compile(ctx, root, dir, checks, "./cmd/conformance", clientProgram); err != nil {
		return nil, err
	}
	outcomes, err := again(ctx, dir, checks, killers)
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

// again tries the mutants that died at some checks, with the programs in dir.
func again(ctx context.Context, dir string, checks []check, killers map[string][]outcome) ([]outcome, error) {
	var agents, clients []string
	for _, c := range checks {
		for _, k := range killers[c.String()] {
			if isClient(k.ID) {
				clients = append(clients, k.ID)
			} else {
				agents = append(agents, "--mutant", k.ID)
			}
		}
	}
	var out []outcome
	if len(agents) > 0 {
		outcomes, err := selftest(ctx, filepath.Join(dir, "conformance"), agents...)
		if err != nil {
			return nil, err
		}
		out = outcomes
	}
	outcomes, err := runClients(ctx, dir, clients)
	return append(out, outcomes...), err
}
