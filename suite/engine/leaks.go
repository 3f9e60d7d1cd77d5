package engine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/helper"
	"agentproof/suite/monitor"
	"agentproof/suite/wait"
)

// Leaks finds what the case left behind and is certainly its own: what has the
// name of its directory or an id that it was given. It is called after Run.
func (x *Execution) Leaks(ctx context.Context) []monitor.Finding {
	t := x.t
	if t.inst.Process == nil || t.inst.LocalRoot() == "" {
		return nil // on another machine, or on one that others use as well
	}
	// Terminals come first: one that is still open explains its processes.
	return slices.Concat(t.leftTerminals(ctx), t.leftProcesses(ctx), t.leftFiles())
}

// leftProcesses finds processes that still run in the case's directory.
func (t *T) leftProcesses(ctx context.Context) []monitor.Finding {
	t.mu.Lock()
	dir := t.dir
	t.mu.Unlock()
	if dir == "" || t.kase.Background || !t.rec.StartsProcesses() {
		return nil
	}
	var left []helper.Process
	gone := wait.Until(ctx, monitor.LeakLimit, func(context.Context) bool {
		var err error
		left, err = helper.Below(filepath.Join(t.inst.LocalRoot(), dir))
		return err != nil || len(left) == 0 // where nobody can tell, nobody is accused
	})
	if gone {
		return nil
	}
	const shown = 5
	for _, p := range left[:min(len(left), shown)] {
		t.Logf("left running: process %d, child of %d: %s", p.PID, p.PPID, p.Command)
	}
	if more := len(left) - shown; more > 0 {
		t.Logf("left running: %d more processes", more)
	}
	return []monitor.Finding{monitor.Left("lifecycle.stop-kills-children",
		"no process left in the case's directory", "%s", helper.Processes{Processes: left}.Running())}
}

// leftFiles finds the case's directory after the agent said that it was
// removed.
func (t *T) leftFiles() []monitor.Finding {
	t.mu.Lock()
	dir, removed := t.dir, t.removed
	t.mu.Unlock()
	if !removed {
		return nil
	}
	if _, err := os.Lstat(filepath.Join(t.inst.LocalRoot(), dir)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return []monitor.Finding{monitor.Left("fs.remove.recursive", "nothing left of the case's directory", "something")}
}

// leftTerminals closes the terminals that the case left open, and finds those
// whose stream goes on.
func (t *T) leftTerminals(ctx context.Context) []monitor.Finding {
	open, closed := t.rec.Channels()
	if t.inst.Relay == nil || t.inst.Ended() || len(open)+len(closed) == 0 {
		return nil
	}
	for id, channel := range open {
		if _, err := t.notify(ctx, &agentv1.PtyCloseRequest{PtyId: id}); err == nil {
			closed = append(closed, channel)
		}
	}
	gone := wait.Until(ctx, monitor.LeakLimit, func(context.Context) bool {
		return !slices.ContainsFunc(closed, func(channel string) bool { return t.inst.Relay.Sockets(channel) > 0 })
	})
	if gone {
		return nil
	}
	return []monitor.Finding{monitor.Left("pty.close", "no channel of a closed terminal left at the relay", "at least one")}
}
