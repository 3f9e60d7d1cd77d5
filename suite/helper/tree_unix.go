//go:build unix

package helper

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// readyTimeout bounds the start of one descendant, which takes
	// milliseconds unless the machine is overloaded.
	readyTimeout = 30 * time.Second

	chatter = 50 * time.Millisecond // between two lines of a chatty descendant
)

// traits is a parsed KIND of the tree command.
type traits struct {
	setpgid, setsid    bool
	orphan             bool // its parent is gone
	ignoreTerm, chatty bool
}

func parseKind(kind string) (traits, error) {
	var t traits
	for trait := range strings.SplitSeq(kind, "+") {
		switch trait {
		case "child":
		case "setpgid":
			t.setpgid = true
		case "setsid":
			t.setsid = true
		case "orphan":
			t.orphan = true
		case "ignore-term":
			t.ignoreTerm = true
		case "chatty":
			t.chatty = true
		default:
			return traits{}, usagef("unknown trait %q in kind %q", trait, kind)
		}
	}
	if t.setpgid && t.setsid {
		return traits{}, usagef("kind %q: a session leader cannot change its group", kind)
	}
	return t, nil
}

// tree starts its descendants, reports them once all are ready, and leaves
// them behind: what becomes of them is what the case is about.
func tree(c *call) error {
	fs := c.flags()
	file := fs.String("file", "", "")
	pause := fs.Duration("sleep", 0, "")
	code := fs.Uint("exit", 0, "")
	stubborn := fs.Bool("ignore-term", false, "")
	d := declareDescent(fs)
	kinds, err := c.parse(fs, 0, -1)
	if err != nil {
		return err
	}
	if *code > 255 {
		return usagef("exit code %d is above 255", *code)
	}
	for _, kind := range kinds {
		if _, err := parseKind(kind); err != nil {
			return err
		}
	}
	if *stubborn {
		ignoreTerm()
	}
	t, err := d.startAll(kinds)
	if err != nil {
		return err
	}
	if *file != "" {
		if err := writeAtomic(*file, t); err != nil {
			return err
		}
	}
	if err := c.emit(t); err != nil {
		return err
	}
	time.Sleep(*pause)
	return exitStatus(*code)
}

// ignoreTerm ignores the signals that ask a process to end.
func ignoreTerm() { signal.Ignore(syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT) }

// A descent is how descendants are started.
type descent struct {
	lifetime   time.Duration
	holdOutput bool
}

func declareDescent(fs *flag.FlagSet) *descent {
	var d descent
	fs.DurationVar(&d.lifetime, "for", time.Minute, "")
	fs.BoolVar(&d.holdOutput, "hold-stdout", false, "")
	return &d
}

func (d *descent) startAll(kinds []string) (Tree, error) {
	t := Tree{Descendants: []Descendant{}}
	var err error
	if t.Root, err = inspect(os.Getpid()); err != nil {
		return Tree{}, fmt.Errorf("inspect myself: %w", err)
	}
	for _, kind := range kinds {
		p, err := d.start(kind)
		if err != nil {
			for _, started := range t.Descendants {
				err = errors.Join(err, syscall.Kill(started.PID, syscall.SIGKILL))
			}
			return Tree{}, fmt.Errorf("start %s: %w", kind, err)
		}
		t.Descendants = append(t.Descendants, Descendant{kind, p})
	}
	return t, nil
}

// start returns once the descendant has said that it is what kind asks for, so
// that a signal cannot come before its handler.
func (d *descent) start(kind string) (Process, error) {
	t, err := parseKind(kind)
	if err != nil {
		return Process{}, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return Process{}, err
	}
	defer r.Close()
	cmd, err := d.spawn(kind, t, w)
	if err = errors.Join(err, w.Close()); err != nil {
		return Process{}, err
	}
	// Others are left unwaited for: their fate is the case's question, and to
	// it a zombie is as dead as one that was reaped.
	if t.orphan {
		// The one started is only the parent that has to go.
		if err := cmd.Wait(); err != nil {
			return Process{}, fmt.Errorf("wait for the parent: %w", err)
		}
	}
	if err := r.SetReadDeadline(time.Now().Add(readyTimeout)); err != nil {
		return Process{}, err
	}
	var p Process
	if err := json.NewDecoder(r).Decode(&p); err != nil {
		return Process{}, fmt.Errorf("read its report: %w", err)
	}
	return p, nil
}

// spawn starts the descend command, or for an orphan a parent that starts it
// and goes. ready becomes descriptor 3.
func (d *descent) spawn(kind string, t traits, ready *os.File, flags ...string) (*exec.Cmd, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := append([]string{Command, "descend", "--for", d.lifetime.String()}, flags...)
	cmd := exec.Command(exe, append(args, kind)...)
	cmd.ExtraFiles = []*os.File{ready}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: t.setpgid && !t.orphan, Setsid: t.setsid && !t.orphan}
	if d.holdOutput {
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	}
	return cmd, cmd.Start()
}

func descend(c *call) error {
	fs := c.flags()
	d := declareDescent(fs)
	leave := fs.Int("leave", 0, "")
	args, err := c.parse(fs, 1, 1)
	if err != nil {
		return err
	}
	t, err := parseKind(args[0])
	if err != nil {
		return err
	}
	ready := os.NewFile(3, "ready")
	defer ready.Close()
	if t.orphan && *leave == 0 {
		d.holdOutput = true // what this process was given, /dev/null or not
		t.orphan = false
		_, err := d.spawn(args[0], t, ready, "--leave", strconv.Itoa(os.Getpid()))
		return err
	}
	if t.ignoreTerm {
		ignoreTerm()
	}
	if err := awaitOrphaned(*leave); err != nil {
		return err
	}
	return d.live(c, t, ready)
}

// awaitOrphaned waits for the process to get another parent than pid, which no
// event tells.
func awaitOrphaned(pid int) error {
	deadline := time.Now().Add(readyTimeout)
	for os.Getppid() == pid {
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d is still there", pid)
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

func (d *descent) live(c *call, t traits, ready *os.File) error {
	end := time.After(d.lifetime)
	p, err := inspect(os.Getpid())
	if err != nil {
		return fmt.Errorf("inspect myself: %w", err)
	}
	report, err := encode(p)
	if err != nil {
		return err
	}
	_, err = ready.Write(report)
	if err = errors.Join(err, ready.Close()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if !t.chatty {
		<-end
		return nil
	}
	tick := time.NewTicker(chatter)
	defer tick.Stop()
	for {
		select {
		case <-end:
			return nil
		case <-tick.C:
			if _, err := fmt.Fprintf(c.stdout, "process %d is here\n", p.PID); err != nil {
				return err
			}
		}
	}
}
