package catalogue_test

import (
	"regexp"
	"strings"
	"testing"

	"agentproof/agent"
	"agentproof/agent/fault/catalogue"
)

func TestEveryMutantIsNamedAndBreaksSomething(t *testing.T) {
	t.Parallel()
	id := regexp.MustCompile(`^[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*$`)
	seen := make(map[string]bool)
	for _, m := range catalogue.All() {
		switch {
		case !id.MatchString(m.ID()):
			t.Errorf("the mutant that %s has the id %q", m.Name, m.ID())
		case seen[m.ID()]:
			t.Errorf("there are two mutants %s", m.ID())
		case m.Case == "" || m.Says == "":
			t.Errorf("%s does not say which case must notice, and how", m.ID())
		case m.Fault == nil && m.Config == nil && m.Beside == nil && m.Quit == nil && m.Exit == nil:
			t.Errorf("%s breaks nothing", m.ID())
		}
		seen[m.ID()] = true
	}
}

func TestAMutantIsFoundByItsID(t *testing.T) {
	t.Parallel()
	all := catalogue.All()
	for i := 0; i < len(all); i += 20 {
		m := &all[i]
		if found, ok := catalogue.Find(m.ID()); !ok || found.Name != m.Name {
			t.Errorf("%s finds %q", m.ID(), found.Name)
		}
	}
	if m, ok := catalogue.Find("fence.keeps-everything"); ok {
		t.Errorf("a mutant that does not exist is %q", m.Name)
	}
}

func TestAFaultIsPutBesideWhatAnAgentHasAlready(t *testing.T) {
	t.Parallel()
	m, ok := catalogue.Find("fence.swaps-the-epochs")
	if !ok {
		t.Fatal("there is no such mutant")
	}
	cfg := agent.Config{Middleware: []agent.Middleware{func(next agent.Handler) agent.Handler { return next }}}
	_, end, err := m.Into(t.Context(), &cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := end(nil); err != nil {
		t.Error(err)
	}
	if len(cfg.Middleware) != 2 {
		t.Errorf("%d middlewares, want 2", len(cfg.Middleware))
	}
}

func TestMutantsSayWhatTheySet(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"connect.escapes-its-bearer":                  "Token",
		"connect.knows-no-tls":                        "URLs",
		"desktop.refuses-and-acts":                    "ScreenControl",
		"subject.tells-others-of-itself":              "ConnectHandler",
		"lifecycle.remembers-a-failure-when-it-exits": "exit",
		"fence.swaps-the-epochs":                      "",
	}
	for _, m := range catalogue.All() {
		if w, ok := want[m.ID()]; ok {
			if got := strings.Join(m.Sets(), " "); got != w {
				t.Errorf("%s sets %q, want %q", m.ID(), got, w)
			}
			delete(want, m.ID())
		}
	}
	if len(want) > 0 {
		t.Errorf("there are no %v", want)
	}
}
