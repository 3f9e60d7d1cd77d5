package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"agentproof/internal/fold"
)

// dialLimit is how long a broker on loopback may take to accept a connection.
const dialLimit = time.Second

// running returns the agents of this machine that a `fakeagent run` with a
// broker of its own serves, ordered by id. It removes the files of those that
// were killed before they could do so.
func running(ctx context.Context) ([]reach, error) {
	dir, err := reachDir()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("find the agent: %w", err)
	}
	found := make([]*reach, len(entries))
	var wg sync.WaitGroup
	for i, e := range entries {
		if strings.HasSuffix(e.Name(), reachSuffix) {
			wg.Go(func() { found[i] = readAlive(ctx, filepath.Join(dir, e.Name())) })
		}
	}
	wg.Wait()
	var all []reach
	for _, r := range found {
		if r != nil {
			all = append(all, *r)
		}
	}
	slices.SortFunc(all, func(a, b reach) int {
		return strings.Compare(a.AgentID+"\x00"+a.URL, b.AgentID+"\x00"+b.URL)
	})
	return all, nil
}

// readAlive reads one agent's file. It returns nil, and removes the file, if
// the agent's broker is gone or the file says nothing.
func readAlive(ctx context.Context, name string) *reach {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil // removed in the meantime
	}
	r := new(reach)
	if json.Unmarshal(data, r) != nil || !listens(ctx, r.URL) {
		_ = os.Remove(name)
		return nil
	}
	return r
}

// listens reports whether anything accepts connections at a broker's URL. A
// suspended program does: its system accepts for it. A busy one may time out.
func listens(ctx context.Context, raw string) bool {
	u, err := url.Parse(raw)
	if err != nil {
		return false
	}
	dialer := net.Dialer{Timeout: dialLimit}
	conn, err := dialer.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		timeout, ok := errors.AsType[net.Error](err)
		return ctx.Err() != nil || ok && timeout.Timeout()
	}
	_ = conn.Close()
	return true
}

// choose returns the one of agents that the flags select. It does not guess
// between several.
func (f *callFlags) choose(agents []reach) (reach, error) {
	selected := slices.DeleteFunc(slices.Clone(agents), func(r reach) bool {
		return f.workspace != "" && f.workspace != r.WorkspaceID ||
			f.agent != "" && f.agent != r.AgentID ||
			f.nats != "" && f.nats != r.URL && f.nats != r.ControlURL
	})
	switch {
	case len(selected) == 1:
		return selected[0], nil
	case len(selected) > 1:
		return reach{}, fmt.Errorf("%d agents run here; choose one:\n%s", len(selected), choices(selected))
	case f.nats+f.workspace+f.agent == "":
		return reach{}, errors.New("no agent to call: start one with 'fakeagent run', or name one with --nats, --workspace and --agent")
	case len(agents) == 0:
		return reach{}, errors.New("no agent runs here: start one with 'fakeagent run', or name one elsewhere with --nats, --workspace and --agent together")
	default:
		return reach{}, fmt.Errorf("no agent that runs here is meant; there is:\n%s\nname one elsewhere with --nats, --workspace and --agent together", choices(agents))
	}
}

// choices lists agents, one a line, by the shortest flags that select each.
func choices(agents []reach) string {
	lines := make([]string, len(agents))
	for i, r := range agents {
		flags := "--agent " + r.AgentID
		same := func(of func(reach) string) bool {
			return slices.ContainsFunc(agents, func(o reach) bool { return o.URL != r.URL && of(o) == of(r) })
		}
		if same(func(o reach) string { return o.AgentID }) {
			flags = "--nats " + r.URL
		}
		lines[i] = fmt.Sprintf("  %s  (%s)", flags, r)
	}
	return strings.Join(lines, "\n")
}

// String says which agent it is, for people.
func (r reach) String() string {
	return fold.Printable(fmt.Sprintf("agent %s of workspace %s in %s", r.AgentID, r.WorkspaceID, r.Root))
}
