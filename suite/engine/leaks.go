package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/helper"
	"agentproof/suite/verdict"
)

const (
	// leakLimit is how long what a case used may take to go away once the case
	// has ended: what pty.close gives a child.
	leakLimit = 2 * time.Second
	// spareInboxes is how many reply subscriptions an agent may add to its
	// first ones; more of them is one for each request.
	spareInboxes = 8
)

// baseline is what an agent had when it was ready.
type baseline struct {
	entries       []string // names in its root
	subscriptions []string
}

// remember keeps what the agent has now for a later comparison, once.
func (i *Instance) remember() {
	if i.Broker == nil || i.local == "" {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.baseline == nil {
		i.baseline = &baseline{entries: names(i.local), subscriptions: i.Broker.Subscriptions(i.Token)}
	}
}

func (i *Instance) atFirst() *baseline {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.baseline
}

func names(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// leak is a finding about something left behind.
func leak(clause, want, format string, args ...any) finding {
	return finding{clause: clause, leak: true, Failure: verdict.Failure{Want: want, Got: fmt.Sprintf(format, args...)}}
}

// caseLeaks finds what is certainly the case's: what has the name of its
// directory or an id that it was given.
func (r *runner) caseLeaks(ctx context.Context, t *T) []finding {
	if t.inst.Process == nil || t.inst.local == "" {
		return nil // on another machine, or on one that others use as well
	}
	// Terminals come first: one that is still open explains its processes.
	return slices.Concat(t.leftTerminals(ctx), t.leftProcesses(ctx), t.leftFiles())
}

// leftProcesses finds processes that still run in the case's directory.
func (t *T) leftProcesses(ctx context.Context) []finding {
	t.mu.Lock()
	dir := t.dir
	t.mu.Unlock()
	if dir == "" || t.kase.Background || !t.rec.startsProcesses() {
		return nil
	}
	var left []helper.Process
	gone := Eventually(ctx, leakLimit, func(context.Context) bool {
		var err error
		left, err = helper.Below(filepath.Join(t.inst.local, dir))
		return err != nil || len(left) == 0 // where nobody can tell, nobody is accused
	})
	if gone {
		return nil
	}
	for _, p := range left {
		t.Logf("left running: process %d, child of %d", p.PID, p.PPID)
	}
	return []finding{leak("lifecycle.stop-kills-children", "no process left in the case's directory", "at least one")}
}

// leftFiles finds the case's directory after the agent said that it was
// removed.
func (t *T) leftFiles() []finding {
	t.mu.Lock()
	dir, removed := t.dir, t.removed
	t.mu.Unlock()
	if !removed {
		return nil
	}
	if _, err := os.Lstat(filepath.Join(t.inst.local, dir)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return []finding{leak("fs.remove.recursive", "nothing left of the case's directory", "something")}
}

// leftTerminals closes the terminals that the case left open, and finds those
// whose stream goes on.
func (t *T) leftTerminals(ctx context.Context) []finding {
	open, closed := t.rec.channels()
	if t.inst.Relay == nil || t.inst.Ended() || len(open)+len(closed) == 0 {
		return nil
	}
	for id, channel := range open {
		if _, err := t.notify(ctx, &agentv1.PtyCloseRequest{PtyId: id}); err == nil {
			closed = append(closed, channel)
		}
	}
	gone := Eventually(ctx, leakLimit, func(context.Context) bool {
		return !slices.ContainsFunc(closed, func(channel string) bool { return t.inst.Relay.sockets(channel) > 0 })
	})
	if gone {
		return nil
	}
	return []finding{leak("pty.close", "no channel of a closed terminal left at the relay", "at least one")}
}

// instanceLeaks finds what an instance has at the end beyond what it had at
// first. mentioned tells of a name whether a request named it.
func (i *Instance) instanceLeaks(ctx context.Context, mentioned func(name string) bool) []finding {
	first := i.atFirst()
	if first == nil {
		return nil
	}
	var found []finding
	for _, name := range names(i.local) {
		if name != i.home && !slices.Contains(first.entries, name) && !mentioned(name) {
			found = append(found, leak("fs.write.no-torn-file", "no file left in the root that no request named", "at least one"))
			break
		}
	}
	if i.Ended() {
		return found
	}
	var more string
	if !Eventually(ctx, leakLimit, func(context.Context) bool {
		more = i.newSubscription(first.subscriptions)
		return more == ""
	}) {
		found = append(found, leak("subject.rpc", "no subscription beyond those at the start", "%s", more))
	}
	return found
}

// newSubscription names one that the agent did not have at first.
func (i *Instance) newSubscription(first []string) string {
	first = slices.Clone(first)
	inboxes := 0
	for _, subject := range i.Broker.Subscriptions(i.Token) {
		if at := slices.Index(first, subject); at >= 0 {
			first = slices.Delete(first, at, at+1)
			continue
		}
		if !strings.HasPrefix(subject, "_INBOX.") {
			return "one on " + strings.ReplaceAll(subject, i.Base, "<base>")
		}
		inboxes++
	}
	if inboxes > spareInboxes {
		return "many reply inboxes"
	}
	return ""
}

// findings are those of the instance itself: what it announced, and what its
// broker refused.
func (i *Instance) findings() []finding {
	found := i.dog.findings()
	if i.Broker == nil {
		return found
	}
	if len(i.Broker.Violations()) > 0 {
		found = append(found, broke("subject.scope",
			"only subjects under agent.<ws>.> and _INBOX.>", "others, which the broker refused"))
	}
	if i.Broker.Oversized() > 0 {
		found = append(found, broke("envelope.oversize-reply",
			"no message above the broker's max payload", "one, for which the broker ended the connection"))
	}
	return found
}
