package exec

import (
	"syscall"

	"agentproof/agent/fault"
)

func naives() []fault.Mutant {
	var mutants []fault.Mutant
	add := func(name, id, says string, n naive, also ...string) {
		mutants = append(mutants, fault.New(name, id, says, n.middleware, also...))
	}
	add("never closes stdin", "exec.stdin/closed-at-its-end", "timed out", naive{keepsStdinOpen: true},
		"exec.stdin/empty-is-eof", "exec.stdin/fed-whole")
	add("never closes an empty stdin", "exec.stdin/empty-is-eof", "timed out", naive{keepsStdinOpen: true},
		"exec.stdin/closed-at-its-end", "exec.stdin/fed-whole")
	add("minds that stdin breaks at the exit", "exec.stdin-unread/command-exits", "broken pipe", naive{minds: syscall.EPIPE},
		"exec.stdin-unread/command-closes-it", "exec.stdin-unread/command-sleeps")
	add("minds that stdin is closed", "exec.stdin-unread/command-closes-it", "broken pipe", naive{minds: syscall.EPIPE},
		"exec.stdin-unread/command-exits", "exec.stdin-unread/command-sleeps")
	add("feeds stdin before the clock starts", "exec.stdin-unread/command-sleeps", "one that is not",
		naive{feedsFirst: true, hurry: map[string]string{"20s": "9s"}})
	add("closes the pipe on too much output", "exec.output-bounded/pipes-drained", "one that did not", naive{closesOutput: true},
		"exec.output-bounded/reply")
	add("takes the end of output for the end", "exec.timeout/command-that-closed-its-output", "one that is not", naive{trustsEOF: true}, "exec.timeout/*")
	add("believes a command that it ended", "exec.timeout/command-that-exits-when-told", "one that is not",
		naive{kill: termGroup, trustsExit: true}, "exec.timeout/*")

	add("kills nothing", "exec.timeout-kills-command/dead", "it is alive", naive{}, "exec.timeout-kills-command/that-ignores-term")
	add("asks only", "exec.timeout-kills-command/that-ignores-term", "it is alive", naive{kill: termGroup})
	add("kills no children", "exec.timeout-kills-group/child", "it is alive", naive{kill: killOne},
		"exec.timeout-kills-group/child-that-ignores-term", "exec.timeout-kills-group/orphan")
	add("asks the group only", "exec.timeout-kills-group/child-that-ignores-term", "it is alive", naive{kill: termGroup})
	add("kills no orphans", "exec.timeout-kills-group/orphan", "it is alive", naive{kill: killOne},
		"exec.timeout-kills-group/child", "exec.timeout-kills-group/child-that-ignores-term")
	add("spares session leaders", "exec.timeout-kills-setsid/session-leader", "it is alive", naive{kill: killGroup},
		"exec.timeout-kills-setsid/orphan", "exec.timeout-kills-setsid/session-leader-that-ignores-term")
	add("spares orphans of other sessions", "exec.timeout-kills-setsid/orphan", "it is alive", naive{kill: killGroup},
		"exec.timeout-kills-setsid/session-leader", "exec.timeout-kills-setsid/session-leader-that-ignores-term")
	add("spares stubborn session leaders", "exec.timeout-kills-setsid/session-leader-that-ignores-term", "it is alive", naive{kill: killGroup},
		"exec.timeout-kills-setsid/orphan", "exec.timeout-kills-setsid/session-leader")

	waits := naive{awaitsEOF: true, hurry: map[string]string{"8s": "3s"}}
	add("waits for the pipes of a child", "exec.background/child", "a later one", waits)
	add("waits for the pipes of another session", "exec.background/child-in-its-own-session", "a later one", waits)
	add("waits for a child that keeps writing", "exec.background/child-that-keeps-writing", "a later one", waits)
	return mutants
}
