package instance

import (
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"agentproof/suite/transcript"
)

// Home is the directory of all cases, relative to the agent's root.
func (i *Instance) Home() string { return i.home }

// helperName is the uploaded helper's name there.
const helperName = "helper"

// HelperPath is where a helper is uploaded to, relative to the agent's root.
func (i *Instance) HelperPath() string { return path.Join(i.home, helperName) }

// CaseDir is the directory of a case there: one level below Home, so that
// removing it leaves nothing behind.
func (i *Instance) CaseDir(id string) string {
	return path.Join(i.home, strings.ReplaceAll(id, "/", "+"))
}

// LocalRoot is the agent's root as this machine has it; empty for an attached
// subject, which may be on another one.
func (i *Instance) LocalRoot() string { return i.local }

// Root is what LearnRoot was told; empty before that.
func (i *Instance) Root() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.root
}

// LearnRoot keeps the agent's root for Root.
func (i *Instance) LearnRoot(root string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.root = root
}

// HelperArgv is how the agent runs the helper. find finds that out, once for
// the instance: cases that ask meanwhile wait, so that there is one upload. It
// may end its case instead.
func (i *Instance) HelperArgv(find func() []string) []string {
	i.helping.Lock()
	defer i.helping.Unlock()
	if i.argv == nil {
		i.argv = find()
	}
	return i.argv
}

// knownRoot is the agent's root as far as it is known without asking.
func (i *Instance) knownRoot() string {
	if i.local != "" {
		return i.local
	}
	return i.Hello().GetWorkspaceRoot()
}

// Hide makes what is particular to the instance, and to a case on it, placeholders
// of a mask. The suffix ends their names, where a case has several instances.
func (i *Instance) Hide(mask *transcript.Mask, caseID, suffix string) {
	add := func(name, value string) { mask.Add("{"+name+suffix+"}", value) }
	mask.AddSecret("{token"+suffix+"}", i.Token)
	mask.AddSecret("{relay-token"+suffix+"}", i.RelayToken)
	add("workspace", i.WorkspaceID)
	add("agent", i.AgentID)
	add("case-dir", i.CaseDir(caseID))
	if root := i.knownRoot(); len(root) > 1 {
		add("root", root)
	}
	if len(i.dirs) > 1 {
		add("config-dir", i.dirs[1])
	}
	if d := i.Display(); d != nil {
		for _, kv := range d.Env() {
			if id, ok := strings.CutPrefix(kv, "DISPLAY="); ok {
				add("display", id)
			}
		}
	}
	if i.Relay != nil {
		mask.AddSecrets([]string{"SECRET=" + string(i.Relay.viewers), "SECRET=" + string(i.Relay.producers)})
	}
	if password := passwordOf(i.ControlURL); password != "" {
		mask.AddSecrets([]string{"PASSWORD=" + password})
	}
	if program, err := filepath.Abs(i.helper); err == nil && i.helper != "" {
		mask.Add("{helper}", program)
	}
	mask.AddSecrets(os.Environ())
}

// passwordOf is the password in a URL, empty if there is none.
func passwordOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	password, _ := u.User.Password()
	return password
}

// redactURL is a URL without its password.
func redactURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "the broker"
	}
	return u.Redacted()
}
