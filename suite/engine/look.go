package engine

import (
	"context"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/wait"
)

// Look reads a file while the agent is at work, without an operation where this
// machine sees the agent's root: an agent that serves one request at a time could
// not answer before the work that the case looks at is over. The name is relative
// to the root. It reports false for a file that is not there, and for one that an
// agent elsewhere does not read in time.
func (t *T) Look(ctx context.Context, name string) ([]byte, bool) {
	if root := t.inst.LocalRoot(); root != "" {
		if !path.IsAbs(name) {
			name = filepath.Join(root, name)
		}
		content, err := os.ReadFile(name)
		return content, err == nil
	}
	resp, err := t.notify(ctx, &agentv1.FsReadRequest{Path: name})
	if err != nil || resp.GetFsRead() == nil {
		return nil, false
	}
	return resp.GetFsRead().GetContent(), true
}

// AwaitFile waits until a file is there, and reports whether it was within the
// limit. It looks as Look does.
func (t *T) AwaitFile(ctx context.Context, name string, limit time.Duration) bool {
	return wait.Until(ctx, limit, func(ctx context.Context) bool {
		_, there := t.Look(ctx, name)
		return there
	})
}

// AwaitJSON waits until a file holds a whole JSON value, as helpers write, and
// decodes it into v. It looks as Look does.
func (t *T) AwaitJSON(ctx context.Context, name string, limit time.Duration, v any) bool {
	return wait.Until(ctx, limit, func(ctx context.Context) bool {
		content, there := t.Look(ctx, name)
		return there && json.Unmarshal(content, v) == nil
	})
}
