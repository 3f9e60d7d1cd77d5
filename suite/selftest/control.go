package selftest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"agentproof/suite/verdict"
)

// manyBroken is from how many broken cases on an agent without a fault is taken
// to have one, without asking again.
const manyBroken = 10

// needed are the cases that the mutants are judged by, apart those that measure.
func (r *selfTest) needed() (crowd, alone []string) {
	ids := make(map[string]bool)
	for i := range r.opts.Mutants {
		m := &r.opts.Mutants[i]
		ids[m.Case] = true
		for _, id := range r.beside(m) {
			ids[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if r.cases[id].Exclusive {
			alone = append(alone, id)
		} else {
			crowd = append(crowd, id)
		}
	}
	return crowd, alone
}

// control runs cases against the agent without a fault and returns those that
// it breaks.
func (r *selfTest) control(ctx context.Context, ids []string) (broken []verdict.Result, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rep, err := r.run(ctx, r.opts.Control, ids, 0)
	if err != nil {
		return nil, fmt.Errorf("run the cases against the agent without a fault: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, res := range rep.Results {
		if res.Status != verdict.NotSelected {
			r.sound[res.ID] = res.Status
		}
		switch res.Status {
		case verdict.Fail, verdict.Warn, verdict.Blocked, verdict.HarnessError:
			broken = append(broken, res)
		}
	}
	return broken, nil
}

func unsound(broken []verdict.Result) error {
	var errs []error
	for _, res := range broken {
		errs = append(errs, fmt.Errorf("%s is %s: %s", res.ID, res.Status, res.Reason))
	}
	return fmt.Errorf("the agent without a fault does not pass: %w", errors.Join(errs...))
}
