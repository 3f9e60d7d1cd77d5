package process_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"agentproof/agent/internal/process"
)

const outlast = 500 * time.Millisecond

// adoption is what a process that adopts orphans saw.
type adoption struct {
	Adopted  bool   // the orphan became its child
	Reaped   bool   // and was collected after its end
	Killed   bool   // a timeout took an orphan along
	Spared   bool   // a dead child was left to who might wait for it
	Held     bool   // also while it could be a command that is being started
	Stale    bool   // but not for ever
	StolenBy string // an exit status that os/exec missed, if any
}

// TestAdoptedOrphans runs in a process of its own: adoption changes all of it.
func TestAdoptedOrphans(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), childRole+"=adopter")
	cmd.Dir = t.TempDir()
	cmd.WaitDelay = patience
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr(err))
	}
	var got adoption
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if want := (adoption{Adopted: true, Reaped: true, Killed: true, Spared: true, Held: true, Stale: true}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func stderr(err error) string {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(e.Stderr)
	}
	return ""
}

func runPlatformChild(role string) int {
	if role != "adopter" {
		return 97
	}
	os.Unsetenv(childRole)
	got, err := adopt()
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(got)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func adopt() (got adoption, err error) {
	if err = got.lookTwice(); err != nil {
		return got, err
	}
	r, err := process.NewRunner(process.Options{AdoptOrphans: true})
	if err != nil {
		return got, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	defer func() { err = errors.Join(err, r.Close(ctx)) }()

	var osexec sync.WaitGroup
	osexec.Go(func() { got.StolenBy = statusesSurvive() })

	// An orphan that ends by itself.
	res, err := r.Run(ctx, shell("(until test -e go; do sleep 0.02; done) >/dev/null 2>&1 </dev/null & echo $!"))
	if err != nil {
		return got, err
	}
	orphan := strings.TrimSpace(string(res.Stdout))
	got.Adopted = poll(ctx, func() bool { return parentOf(orphan) == strconv.Itoa(os.Getpid()) })
	if err := os.WriteFile("go", nil, 0o600); err != nil {
		return got, err
	}
	got.Reaped = poll(ctx, func() bool { return parentOf(orphan) == "" })

	// One that a timeout must find after its parents have gone.
	c := shell("setsid sh -c 'sleep 100 & echo $! >pid'; sleep 100")
	c.Timeout = 2 * time.Second
	if _, err = r.Run(ctx, c); err != nil {
		return got, err
	}
	pid, err := os.ReadFile("pid")
	if err != nil {
		return got, err
	}
	got.Killed = poll(ctx, func() bool { return parentOf(strings.TrimSpace(string(pid))) == "" })
	osexec.Wait()
	return got, nil
}

// lookTwice has a reaper without a clock look at dead children.
func (got *adoption) lookTwice() (err error) {
	r, err := process.NewRunner(process.Options{})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	defer func() { err = errors.Join(err, r.Close(ctx)) }()

	waited, forgotten := exec.Command("/bin/sh", "-c", "exit 7"), exec.Command("/bin/true")
	for _, cmd := range []*exec.Cmd{waited, forgotten} {
		if err := cmd.Start(); err != nil {
			return err
		}
	}
	pid := forgotten.Process.Pid
	var suspects map[int]bool
	both := func() bool {
		suspects = r.LookForStale(nil)
		return suspects[waited.Process.Pid] && suspects[pid]
	}
	if !poll(ctx, both) {
		return errors.New("the reaper does not see dead children")
	}
	exit, ok := errors.AsType[*exec.ExitError](waited.Wait())
	got.Spared = ok && exit.ExitCode() == 7
	end := r.BeginStart()
	r.LookForStale(suspects)
	got.Held = parentOf(strconv.Itoa(pid)) != ""
	end()
	r.LookForStale(suspects)
	got.Stale = parentOf(strconv.Itoa(pid)) == ""
	return forgotten.Process.Release()
}

// statusesSurvive runs commands through os/exec next to the reaper and names
// one whose status was taken away.
func statusesSurvive() string {
	for i := range 300 {
		cmd := exec.Command("/bin/sh", "-c", "exit 7")
		err := cmd.Run()
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 7 {
			return fmt.Sprintf("command %d: %v", i, err)
		}
	}
	return ""
}

func shell(script string) process.Command {
	dir, _ := os.Getwd()
	return process.Command{Argv: []string{"/bin/sh", "-c", script}, Dir: dir, Env: os.Environ()}
}

// parentOf is the ppid of pid, empty when it is no more, zombies included as
// long as they are.
func parentOf(pid string) string {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	return fields[1]
}

func poll(ctx context.Context, ok func() bool) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
