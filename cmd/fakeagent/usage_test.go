package main

import (
	"strings"
	"testing"
)

func TestWrongUsageIsOneSentenceAndExitCode2(t *testing.T) {
	t.Parallel()
	reach := "call --nats nats://127.0.0.1:1 --workspace ws --agent a "
	for _, tt := range []struct{ name, args, want, help string }{
		{"an unknown command", "serve", `unknown command "serve" for "fakeagent"`, "fakeagent"},
		{"an unknown flag", "run --fast", "unknown flag: --fast", "fakeagent run"},
		{"an argument of run", "run here", `unexpected argument "here": it is 'fakeagent run'`, "fakeagent run"},
		{"a port that is none", "run --port 65536", "--port 65536: there are 1 to 65535, and 0 for a free one", "fakeagent run"},
		{"a port that is no number", "run --port http", `--port "http": it takes a whole number`, "fakeagent run"},
		{"a port of another's broker", "run --nats nats://h --port 4222", "--port and --password are for the own broker", "fakeagent run"},
		{"a password of another's broker", "run --nats nats://h --password x", "--port and --password are for the own broker", "fakeagent run"},
		{"a broker over another protocol", "run --nats http://me:hush@h", "agent: the list of broker URLs holds http://", "fakeagent run"},
		{"a broker without a host", "run --nats nats://", "agent: the list of broker URLs holds nats:, which names no host", "fakeagent run"},
		{"a workspace that is no token", "run --workspace a.b", `agent: the workspace id is "a.b"`, "fakeagent run"},
		{"an agent that is a wildcard", "run --agent *", `agent: the agent id is "*"`, "fakeagent run"},
		{"an epoch that is negative", "run --epoch -1", `--epoch "-1": it takes a whole number from 0 to 4294967295`, "fakeagent run"},
		{"a fault that does not exist", "run --mutant fence.none", `--mutant "fence.none": there is no such fault: see 'fakeagent run --list-mutants'`, "fakeagent run"},
		{"a root that is not there", "run --root /nonexistent/root", "agent: workspace root: stat /nonexistent/root", "fakeagent run"},
		{"a root that is a file", "run --root main.go", "agent: workspace root ", "fakeagent run"},
		{"credentials that are not there", "run --credentials /nonexistent", "credentials: open /nonexistent", "fakeagent run"},
		{"a script that is not there", "run --script /nonexistent", "script: open /nonexistent", "fakeagent run"},
		{"a script that is none", "run --script testdata/wrong.yaml", `testdata/wrong.yaml:2: on: there is no op "execute"`, "fakeagent run"},
		{"a seed of no script", "run --seed 5", "--seed is for --script", "fakeagent run"},
		{"a seed of nothing", "run --script testdata/lost.yaml --seed 0", "--seed 0: it must be above 0", "fakeagent run"},
		{"no script to check", "script check", "something is missing: it is 'fakeagent script check FILE...'", "fakeagent script check"},
		{"an unknown call", "call dance", `unknown command "dance" for "fakeagent call"`, "fakeagent call"},
		{"half a way to the agent", "call --nats nats://h ping", "--nats, --workspace and --agent go together", "fakeagent call ping"},
		{"a workspace that is a wildcard", "call --nats nats://h --workspace > --agent a ping", `session: workspace id ">": not a legal subject token`, "fakeagent call ping"},
		{"no time at all", reach + "--timeout 0s ping", "--timeout 0s: it must be above 0", "fakeagent call ping"},
		{"a time without a unit", reach + "--timeout 5 ping", `--timeout "5": it takes a duration such as 500ms, 10s or 2m`, "fakeagent call ping"},
		{"nothing to run", reach + "exec", "something is missing: it is 'fakeagent call exec COMMAND...'", "fakeagent call exec"},
		{"a variable without a value", reach + "exec --env HOME true", `--env "HOME": it takes NAME=VALUE`, "fakeagent call exec"},
		{"a variable without a name", reach + "exec --env =x true", `--env "=x": it takes NAME=VALUE`, "fakeagent call exec"},
		{"a limit below nothing", reach + "exec --limit -1s true", "--limit -1s: it must be 1ms to ", "fakeagent call exec"},
		{"a limit below the clock", reach + "exec --limit 1us true", "--limit 1µs: it must be 1ms to ", "fakeagent call exec"},
		{"a limit beyond the wire", reach + "exec --limit 2000h true", "--limit 2000h0m0s: it must be 1ms to ", "fakeagent call exec"},
		{"git and nothing", reach + "git", "something is missing: it is 'fakeagent call git ARGS...'", "fakeagent call git"},
		{"nothing to read", reach + "read", "something is missing: it is 'fakeagent call read PATH'", "fakeagent call read"},
		{"two files to read", reach + "read a b", `unexpected argument "b": it is 'fakeagent call read PATH'`, "fakeagent call read"},
		{"one end of a move", reach + "mv a", "something is missing: it is 'fakeagent call mv FROM TO'", "fakeagent call mv"},
		{"a ping of something", reach + "ping you", `unexpected argument "you": it is 'fakeagent call ping'`, "fakeagent call ping"},
		{"a nonce that is no number", reach + "ping --nonce x", `--nonce "x": it takes a whole number from 0 to 18446744073709551615`, "fakeagent call ping"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := invoke(t, nothing(), strings.Fields(tt.args)...)
			lines := strings.Split(strings.TrimSuffix(got.err, "\n"), "\n")
			if got.code != 2 || got.out != "" || len(lines) != 2 {
				t.Errorf("exit code %d, stdout %q, stderr of %d lines; want 2, nothing and 2", got.code, got.out, len(lines))
			}
			if !strings.HasPrefix(got.err, "fakeagent: "+tt.want) {
				t.Errorf("it said %q, want %q", lines[0], tt.want)
			}
			if try := "Try '" + tt.help + " --help'."; lines[len(lines)-1] != try {
				t.Errorf("it offers %q, want %q", lines[len(lines)-1], try)
			}
			if strings.Contains(got.err, "hush") {
				t.Errorf("it gives a password away: %s", got.err)
			}
		})
	}
}

func TestHelpIsForReaders(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args string
		want []string
	}{
		{"", []string{"Usage:", "Exit codes:"}},
		{"--help", []string{"Usage:", "Exit codes:", "Examples:"}},
		{"run --help", []string{"Examples:", "AGENTPROOF_NATS_URL", "--credentials FILE"}},
		{"call", []string{"Examples:", "Available Commands:"}},
		{"call --help", []string{"Examples:", "--timeout LONG"}},
		{"call exec --help", []string{"Examples:", "124", "--argv"}},
		{"call write --help", []string{"Examples:"}},
		{"call git --help", []string{"Examples:"}},
		{"run --help", []string{"--script FILE", "--seed NUMBER"}},
		{"script", []string{"Available Commands:", "rules:"}},
		{"script check --help", []string{"Examples:"}},
		{"completion bash", []string{"bash completion"}},
		{"completion zsh", []string{"#compdef fakeagent"}},
		{"completion fish", []string{"fish completion"}},
		{"completion powershell", []string{"powershell completion"}},
		{"version", []string{"fakeagent "}},
	} {
		t.Run("fakeagent "+tt.args, func(t *testing.T) {
			t.Parallel()
			got := invoke(t, nothing(), strings.Fields(tt.args)...)
			for _, want := range tt.want {
				got.want(t, 0, want, "")
			}
		})
	}
}
