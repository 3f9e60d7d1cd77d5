package process_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// childRole turns the test binary into a program that tests run.
const childRole = "PROCESS_TEST_CHILD"

// pidFile names the file to which such a program appends its pid.
const pidFile = "PROCESS_TEST_PIDS"

func TestMain(m *testing.M) {
	if role := os.Getenv(childRole); role != "" {
		os.Exit(runChild(role))
	}
	goleak.VerifyTestMain(m)
}

// childLife ends children that a failed test left behind.
const childLife = 2 * time.Minute

func runChild(role string) int {
	if err := reportPID(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 98
	}
	switch role {
	case "linger":
		time.Sleep(childLife)
		return 0
	case "parent of a child": // lingers with a child in its own group
		return spawn("linger", false, os.Environ(), true)
	case "parent of a session": // lingers with a child in a session of its own
		return spawn("linger", true, os.Environ(), true)
	case "parent of a session without environment":
		return spawn("linger", true, bareEnv("linger"), true)
	case "double fork": // lingers after its grandchild was orphaned in a session of its own
		return spawn("orphan maker", true, os.Environ(), true)
	case "orphan maker":
		return spawn("linger", true, os.Environ(), false)
	case "background": // ends and leaves a child behind
		return spawn("linger", false, os.Environ(), false)
	case "daemon": // ends and leaves an orphan in a session of its own behind
		return spawn("orphan maker", true, os.Environ(), false)
	default:
		return runPlatformChild(role)
	}
}

// spawn starts the test binary in a role and lingers or ends.
func spawn(role string, ownSession bool, env []string, linger bool) int {
	self, err := os.Executable()
	if err != nil {
		return 98
	}
	cmd := exec.Command(self)
	cmd.Env = append(env, childRole+"="+role)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = sessionAttr(ownSession)
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 98
	}
	if linger {
		time.Sleep(childLife)
	}
	return 0
}

func bareEnv(role string) []string {
	return []string{childRole + "=" + role, pidFile + "=" + os.Getenv(pidFile)}
}

func reportPID() error {
	name := os.Getenv(pidFile)
	if name == "" {
		return nil
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	return err
}
