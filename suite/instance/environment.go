package instance

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"agentproof/suite/subject"
)

func (i *Instance) environment(l *Launch) (subject.Environment, error) {
	env := subject.Environment{
		Token:         i.Token,
		WorkspaceID:   i.WorkspaceID,
		AgentID:       i.AgentID,
		Epoch:         i.HeldEpoch,
		ScreenControl: !l.NoScreenControl,
		Marker:        rand.Text(),
		Output:        i.output,
	}
	if i.Relay != nil {
		token, err := i.Relay.producerToken()
		if err != nil {
			return env, fmt.Errorf("mint the agent's relay token: %w", err)
		}
		i.RelayToken = token
		if l.BadRelayToken {
			token += "x"
		}
		env.RelayURL, env.RelayToken = i.Relay.behind(l.RelayPath)+l.RelayQuery, token
		if l.SilentRelay {
			if env.RelayURL, err = i.listenSilently(); err != nil {
				return env, err
			}
		}
	}
	live := i.Broker.URL()
	if l.Transport == "ws" || l.Transport == "wss" {
		live = i.Broker.WebsocketURL()
	}
	if l.DeadURLFirst {
		dead, err := deadURL(live)
		if err != nil {
			return env, err
		}
		env.URLs = append(env.URLs, dead)
	}
	env.URLs = append(env.URLs, live)
	env.CAFile = i.Broker.CAFile()
	if d := i.Display(); d != nil {
		env.Display = d.Env()
	}
	for _, dir := range []*string{&env.Root, &env.ConfigDir, &env.Home} {
		var err error
		if *dir, err = os.MkdirTemp("", "agentproof-"); err != nil {
			return env, err
		}
		i.dirs = append(i.dirs, *dir)
		// The agent reports its root with symlinks resolved, as getwd does.
		if *dir, err = filepath.EvalSymlinks(*dir); err != nil {
			return env, err
		}
	}
	i.local, i.marker = env.Root, env.Marker
	beside := env
	beside.Marker = ""
	i.beside = beside.Around(os.Environ())
	for _, change := range l.Env {
		env.Extra = append(env.Extra, strings.ReplaceAll(change, "{root}", env.Root))
	}
	return env, nil
}

// listenSilently is the URL of a relay that never answers: the kernel takes
// connections for a listener that nobody serves.
func (i *Instance) listenSilently() (string, error) {
	var err error
	if i.silent, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return "", err
	}
	return "ws://" + i.silent.Addr().String() + "/stream", nil
}

// deadURL is a loopback address where nothing listens, with the scheme of the
// live one: not every client library mixes them.
func deadURL(live string) (string, error) {
	u, err := url.Parse(live)
	if err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	u.Host = l.Addr().String()
	return u.String(), nil
}
