package helper

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Process is what the operating system says about a process. One that does not
// exist has only its PID set.
type Process struct {
	PID    int  `json:"pid"`
	Alive  bool `json:"alive"`  // it exists and is no zombie
	Zombie bool `json:"zombie"` // it ended and its parent has not waited for it
	PPID   int  `json:"ppid"`
	PGID   int  `json:"pgid"`
	SID    int  `json:"sid"`
	// Start is a time in a unit of the operating system's. It tells a process
	// from a later one that was given the same PID.
	Start uint64 `json:"start"`
	// Command is the command line of a process that is alive, its words
	// separated by spaces; empty where the system does not say.
	Command string `json:"command,omitempty"`
}

// Ref names the process for the alive command, safe against reuse of its PID.
func (p Process) Ref() string { return fmt.Sprintf("%d:%d", p.PID, p.Start) }

// Processes is the answer of the alive and zombies-of commands.
type Processes struct {
	Processes []Process `json:"processes"`
}

// Living returns the processes that are alive.
func (p Processes) Living() []Process {
	var living []Process
	for _, proc := range p.Processes {
		if proc.Alive {
			living = append(living, proc)
		}
	}
	return living
}

// longNumber is one that may be a process id.
var longNumber = regexp.MustCompile(`\b[0-9]{3,}\b`)

// Running names the processes that are alive by their command lines, sorted,
// without what differs between two runs of one command.
func (p Processes) Running() string {
	var commands []string
	for _, proc := range p.Living() {
		commands = append(commands, fmt.Sprintf("%q", cmp.Or(longNumber.ReplaceAllString(proc.Command, "N"), "a process without a command line")))
	}
	slices.Sort(commands)
	commands = slices.Compact(commands)
	const shown = 3
	if more := len(commands) - shown; more > 0 {
		return strings.Join(commands[:shown], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(commands, ", ")
}

// Tree is the answer of the tree command: its own process, and what it started
// in the order of the KINDs given.
type Tree struct {
	Root        Process      `json:"root"`
	Descendants []Descendant `json:"descendants"`
}

// Refs names the root and all descendants for the alive command.
func (t Tree) Refs() []string {
	refs := []string{t.Root.Ref()}
	for _, d := range t.Descendants {
		refs = append(refs, d.Ref())
	}
	return refs
}

// Descendant is a process that has already become what its kind says.
type Descendant struct {
	Kind string `json:"kind"`
	Process
}

func alive(c *call) error {
	fs := c.flags()
	within := fs.Duration("until-dead", 0, "")
	refs, err := c.parse(fs, 1, -1)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(*within); ; time.Sleep(10 * time.Millisecond) {
		answer, err := look(refs)
		if err != nil {
			return err
		}
		if len(answer.Living()) == 0 || !time.Now().Before(deadline) {
			return c.emit(answer)
		}
	}
}

func look(refs []string) (Processes, error) {
	answer := Processes{Processes: []Process{}}
	for _, ref := range refs {
		pid, start, err := parseRef(ref)
		if err != nil {
			return Processes{}, err
		}
		p, err := inspect(pid)
		if err != nil {
			return Processes{}, fmt.Errorf("inspect process %d: %w", pid, err)
		}
		if start != 0 && p.Start != start {
			p = Process{PID: pid}
		}
		if p.Alive {
			p.Command = commandLine(pid)
		}
		answer.Processes = append(answer.Processes, p)
	}
	return answer, nil
}

func zombiesOf(c *call) error {
	args, err := c.operands(1)
	if err != nil {
		return err
	}
	parent, _, err := parseRef(args[0])
	if err != nil {
		return err
	}
	all, err := processes()
	if err != nil {
		return fmt.Errorf("list processes: %w", err)
	}
	answer := Processes{Processes: []Process{}}
	for _, p := range all {
		if p.PPID == parent && p.Zombie {
			answer.Processes = append(answer.Processes, p)
		}
	}
	return c.emit(answer)
}

// parseRef reads PID or PID:START; start is then 0 or not.
func parseRef(ref string) (pid int, start uint64, err error) {
	num, from, given := strings.Cut(ref, ":")
	pid, err = strconv.Atoi(num)
	if given {
		var startErr error
		start, startErr = strconv.ParseUint(from, 10, 64)
		err = cmp.Or(err, startErr)
	}
	if err != nil || pid <= 0 {
		return 0, 0, usagef("%q is neither PID nor PID:START", ref)
	}
	return pid, start, nil
}
