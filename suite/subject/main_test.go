package subject_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"agentproof/suite/subject"
)

// roles are what the test binary does when it is started as an agent, under
// the role's name as its first argument.
var roles = map[string]func() int{
	"witness": witness,
	"exit":    func() int { fmt.Println("out"); fmt.Fprintln(os.Stderr, "err"); return 3 },
	"wait":    wait,
	"parent":  func() int { return parent("wait") },
	"leaver":  func() int { parent("linger"); return 0 },
	"linger":  linger,
	"stall":   stall,
}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && roles[os.Args[1]] != nil {
		// Not os.Exit: with the race detector that sleeps for a second.
		syscall.Exit(roles[os.Args[1]]())
	}
	goleak.VerifyTestMain(m)
}

// seen is what a witness tells of its start.
type seen struct {
	Args        []string
	Dir         string
	Environ     map[string]string
	Credentials map[string]any
	Mode        os.FileMode
}

// witness prints how it was started.
func witness() int {
	s := seen{Args: os.Args[1:], Environ: make(map[string]string)}
	s.Dir, _ = os.Getwd()
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		s.Environ[name] = value
	}
	name := os.Getenv("OPENGENI_CONFIG_DIR") + "/credentials.json"
	if info, err := os.Stat(name); err == nil {
		s.Mode = info.Mode()
	}
	data, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(data, &s.Credentials)
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// wait says who it is and then lasts until it is killed.
func wait() int {
	fmt.Printf("pid %d\n", os.Getpid())
	time.Sleep(time.Hour)
	return 0
}

// parent starts another role as its child, which inherits its output, waits
// until the child has said something, and lasts as the child does if that is
// wait.
func parent(role string) int {
	r, w, err := os.Pipe()
	if err != nil {
		return 1
	}
	child := exec.Command(os.Args[0], role)
	child.Stdout = w
	child.Stderr = os.Stderr // what keeps the agent's output open
	if err := child.Start(); err != nil {
		return 1
	}
	buf := make([]byte, 64)
	n, _ := r.Read(buf)
	os.Stdout.Write(buf[:n])
	if role == "wait" {
		_ = child.Wait()
	}
	return 0
}

// linger outlives its parent for as long as nobody kills its group.
func linger() int { return wait() }

// stall plays a compiler that does not end: what go build runs with -toolexec.
// It leaves a file to say that it was reached.
func stall() int {
	tool := os.Args[2:]
	if strings.Contains(strings.Join(tool, " "), "-V=full") {
		cmd := exec.Command(tool[0], tool[1:]...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if cmd.Run() != nil {
			return 1
		}
		return 0
	}
	if err := os.WriteFile(os.Getenv("STALLED"), fmt.Append(nil, os.Getpid()), 0o644); err != nil {
		return 1
	}
	time.Sleep(time.Hour)
	return 0
}

// output collects what an agent prints.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

var _ io.Writer = (*output)(nil)

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// environment is what a run would tell an agent.
func environment(t testing.TB) (subject.Environment, *output) {
	t.Helper()
	out := &output{}
	return subject.Environment{
		URLs:          []string{"nats://127.0.0.1:1", "ws://127.0.0.1:2"},
		Token:         "secret",
		WorkspaceID:   "ws",
		AgentID:       "laptop",
		Epoch:         7,
		RelayURL:      "ws://127.0.0.1:3",
		RelayToken:    "relay-secret",
		ScreenControl: true,
		Root:          t.TempDir(),
		ConfigDir:     t.TempDir(),
		Output:        out,
	}, out
}

func self(t testing.TB) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

// start starts the subject and kills it when the test ends.
func start(t testing.TB, s subject.Subject, env subject.Environment) subject.Process {
	t.Helper()
	p, err := s.Start(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Kill()
		<-p.Done()
	})
	return p
}

// await waits for the process to end.
func await(t testing.TB, p subject.Process) {
	t.Helper()
	select {
	case <-p.Done():
	case <-time.After(time.Minute):
		t.Fatal("the agent did not end within a minute")
	}
}
