package fault_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"agentproof/agent"
	"agentproof/agent/fault"
)

// noting is a mutant that notes under a name whatever of it is called.
func noting(name string, note func(string)) fault.Mutant {
	return fault.Mutant{
		Name: name, Case: "x.y/" + name,
		Config: func(cfg *agent.Config) {
			cfg.Wire.In = func(next nats.MsgHandler) nats.MsgHandler {
				return func(msg *nats.Msg) {
					note(name + " in")
					next(msg)
				}
			}
			cfg.Wire.Out = func(next agent.PublishFunc) agent.PublishFunc {
				return func(to string, data []byte) error {
					note(name + " out")
					return next(to, data)
				}
			}
		},
		Beside: func(*agent.Config) (func(), error) {
			note(name + " beside")
			return func() { note(name + " stopped") }, nil
		},
		Exit: func(err error) error { return errors.Join(err, errors.New(name)) },
	}
}

func TestFaultsOfOneAgentAllAct(t *testing.T) {
	t.Parallel()
	var notes []string
	note := func(s string) { notes = append(notes, s) }
	var cfg agent.Config
	_, end, err := fault.Together(t.Context(), &cfg, noting("near", note), noting("far", note))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Wire.In(func(*nats.Msg) { note("agent in") })(&nats.Msg{})
	if err := cfg.Wire.Out(func(string, []byte) error { note("agent out"); return nil })("to", nil); err != nil {
		t.Fatal(err)
	}
	err = end(errors.New("agent"))
	want := []string{"near beside", "far beside", "far in", "near in", "agent in", "near out", "far out", "agent out", "far stopped", "near stopped"}
	if !slices.Equal(notes, want) {
		t.Errorf("got  %q\nwant %q", notes, want)
	}
	if got := strings.Fields(err.Error()); !slices.Equal(got, []string{"agent", "far", "near"}) {
		t.Errorf("it ends with %q", got)
	}
}

func TestAFaultThatCannotBeginEndsThoseBeforeIt(t *testing.T) {
	t.Parallel()
	var notes []string
	broken := fault.Mutant{Name: "cannot begin", Case: "x.y/z", Beside: func(*agent.Config) (func(), error) { return nil, errors.New("no room") }}
	var cfg agent.Config
	_, _, err := fault.Together(t.Context(), &cfg, noting("first", func(s string) { notes = append(notes, s) }), broken)
	if err == nil || err.Error() != "prepare the mutant x.cannot-begin: no room" {
		t.Errorf("the error %v", err)
	}
	if !slices.Equal(notes, []string{"first beside", "first stopped"}) {
		t.Errorf("got %q", notes)
	}
}
