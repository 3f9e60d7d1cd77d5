package main

import (
	"strings"
	"testing"
)

func TestWrongUsageIsOneSentenceAndExitCode2(t *testing.T) {
	t.Parallel()
	reach := "call --nats nats://127.0.0.1:1 --workspace ws --agent a "
	on := strings.TrimPrefix(reach, "call ")
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
		{"a fault twice", "run --mutant fence.swaps-the-epochs --mutant fence.swaps-the-epochs", "--mutant fence.swaps-the-epochs is given twice", "fakeagent run"},
		{"a serial agent with a script", "run --serial --script testdata/lost.yaml", "--serial and --script exclude each other", "fakeagent run"},
		{"a root that is not there", "run --root /nonexistent/root", "agent: workspace root: stat /nonexistent/root", "fakeagent run"},
		{"a root that is a file", "run --root main.go", "agent: workspace root ", "fakeagent run"},
		{"credentials that are not there", "run --credentials /nonexistent", "credentials: open /nonexistent", "fakeagent run"},
		{"a script that is not there", "run --script /nonexistent", "script: open /nonexistent", "fakeagent run"},
		{"a script that is none", "run --script testdata/wrong.yaml", `testdata/wrong.yaml:2: on: there is no op "execute"`, "fakeagent run"},
		{"a seed of no script", "run --seed 5", "--seed is for --script", "fakeagent run"},
		{"a seed of nothing", "run --script testdata/lost.yaml --seed 0", "--seed 0: it must be above 0", "fakeagent run"},
		{"no script to check", "script check", "something is missing: it is 'fakeagent script check FILE...'", "fakeagent script check"},
		{"an unknown call", "call dance", `unknown command "dance" for "fakeagent call"`, "fakeagent call"},
		{"half a way to the agent", "call --nats nats://h ping", "no agent runs here: start one with 'fakeagent run', or name one elsewhere with --nats, --workspace and --agent together", "fakeagent call ping"},
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
		{"a screen of one number", "run --virtual-desktop=800", `--virtual-desktop "800": it takes a size in pixels such as 1280x800`, "fakeagent run"},
		{"a screen without a height", "run --virtual-desktop=800x", `--virtual-desktop "800x": it takes a size`, "fakeagent run"},
		{"a screen without pixels", "run --virtual-desktop=0x600", `--virtual-desktop "0x600": it takes a size`, "fakeagent run"},
		{"a screen beyond X", "run --virtual-desktop=32768x600", `--virtual-desktop "32768x600": it takes a size in pixels such as 1280x800, up to 32767x32767`, "fakeagent run"},
		{"a picture of something", "screenshot " + on + "window", `unexpected argument "window": it is 'fakeagent screenshot'`, "fakeagent screenshot"},
		{"a picture in another way", "screenshot " + on + "--inline ascii", `--inline "ascii": there are auto, kitty, iterm, sixel and none`, "fakeagent screenshot"},
		{"nothing to type", "type " + on, "there is nothing to type", "fakeagent type"},
		{"no key", "key " + on, "something is missing: it is 'fakeagent key NAME...'", "fakeagent key"},
		{"a key both ways", "key " + on + "--up --down a", "--down and --up exclude each other", "fakeagent key"},
		{"a click at half a place", "click " + on + "1", "something is missing: it is 'fakeagent click X Y'", "fakeagent click"},
		{"a click at no number", "click " + on + "1 two", `Y is "two": it takes a whole number of pixels`, "fakeagent click"},
		{"a click beyond the wire", "click " + on + "2147483648 1", `X is "2147483648": it takes`, "fakeagent click"},
		{"a button that no mouse has", "click " + on + "--button fourth 1 1", `--button "fourth": there are left, right and middle`, "fakeagent click"},
		{"a click in two ways", "click " + on + "--double --up 1 1", "--double, --down and --up exclude each other", "fakeagent click"},
		{"a move to nowhere", "move " + on, "something is missing: it is 'fakeagent move X Y'", "fakeagent move"},
		{"a wheel that stays", "scroll " + on + "1 1", "say where to: --up, --down, --left or --right", "fakeagent scroll"},
		{"a wheel both ways", "scroll " + on + "1 1 --up 1 --down 1", "--up and --down exclude each other", "fakeagent scroll"},
		{"a wheel to both sides", "scroll " + on + "1 1 --left 1 --right 1", "--left and --right exclude each other", "fakeagent scroll"},
		{"a wheel that turns too far", "scroll " + on + "1 1 --down 33", "the wheel turns by 0 to 32 steps", "fakeagent scroll"},
		{"a wheel that turns by no number", "scroll " + on + "1 1 --down far", `--down "far": it takes a whole number`, "fakeagent scroll"},
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
		{"screenshot --help", []string{"Examples:", "--out FILE", "--inline HOW"}},
		{"type --help", []string{"Examples:", "--screen-control"}},
		{"key --help", []string{"Examples:", "--screen-control"}},
		{"click --help", []string{"Examples:", "--screen-control", "--button BUTTON"}},
		{"move --help", []string{"Examples:", "--screen-control"}},
		{"scroll --help", []string{"Examples:", "--screen-control", "--down MANY"}},
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
