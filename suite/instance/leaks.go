package instance

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"agentproof/suite/monitor"
	"agentproof/suite/wait"
)

// spareInboxes is how many reply subscriptions an agent may add to its
// first ones; more of them is one for each request.
const spareInboxes = 8

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

// Clean reports whether the instance's root holds no more than when the agent
// was ready, but for the empty directory of all cases and the helper in it. It is
// true of a root that this machine does not see.
func (i *Instance) Clean() bool {
	first := i.atFirst()
	if first == nil {
		return true
	}
	extra := func(dir string, known ...string) bool {
		return slices.ContainsFunc(names(dir), func(name string) bool { return !slices.Contains(known, name) })
	}
	return !extra(i.local, append(slices.Clone(first.entries), i.home)...) &&
		!extra(filepath.Join(i.local, i.home), helperName)
}

func names(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// Leaks finds what an instance has at the end beyond what it had at
// first. mentioned tells of a name whether a request named it.
func (i *Instance) Leaks(ctx context.Context, mentioned func(name string) bool) []monitor.Finding {
	first := i.atFirst()
	if first == nil {
		return nil
	}
	var found []monitor.Finding
	for _, name := range names(i.local) {
		if name != i.home && !slices.Contains(first.entries, name) && !mentioned(name) {
			found = append(found, monitor.Left("fs.write.no-torn-file", "no file left in the root that no request named", "at least one"))
			break
		}
	}
	if i.Ended() {
		return found
	}
	var more string
	if !wait.Until(ctx, monitor.LeakLimit, func(context.Context) bool {
		more = i.newSubscription(first.subscriptions)
		return more == ""
	}) {
		found = append(found, monitor.Left("subject.rpc", "no subscription beyond those at the start", "%s", more))
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

// Findings are those of the instance itself: what it announced, and what its
// broker refused.
func (i *Instance) Findings() []monitor.Finding {
	found := i.dog.Findings()
	if i.Crashed() {
		found = append(found, monitor.Crashed())
	}
	if i.Broker == nil {
		return found
	}
	if len(i.Broker.Violations()) > 0 {
		found = append(found, monitor.Broke("subject.scope",
			"only subjects under agent.<ws>.> and _INBOX.>", "others, which the broker refused"))
	}
	if i.Broker.Oversized() > 0 {
		found = append(found, monitor.Broke("envelope.oversize-reply",
			"no message above the broker's max payload", "one, for which the broker ended the connection"))
	}
	return found
}
