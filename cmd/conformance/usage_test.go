package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestWrongUsageIsOneSentenceAndExitCode2(t *testing.T) {
	t.Parallel()
	attach := []string{"run", "--attach", "nats://127.0.0.1:1", "--workspace", "ws", "--agent", "a"}
	for _, tt := range []struct {
		name string
		args []string
		want string // of stderr's first line, behind the program's name
		help string // what to try
	}{
		{"an unknown command", []string{"rnu"}, `unknown command "rnu" for "conformance"`, "conformance"},
		{"an unknown flag", []string{"run", "--fast"}, "unknown flag: --fast", "conformance run"},
		{"a command without dashes before it", []string{"run", "./agent"}, `unexpected argument "./agent": the agent's command comes after --`, "conformance run"},
		{"an argument before the dashes", []string{"run", "x", "--", "true"}, `unexpected argument "x": the agent's command comes after --`, "conformance run"},
		{"dashes and no command", []string{"run", "--"}, "the agent's command is missing after --", "conformance run"},
		{"an empty command", []string{"run", "--", ""}, "the agent's command is empty", "conformance run"},
		{"a missing program", []string{"run", "--", "./missing"}, `find the agent's command: exec: "./missing"`, "conformance run"},
		{"a program that is not in the PATH", []string{"run", "--", "agentproof-missing"}, `find the agent's command: exec: "agentproof-missing": executable file not found in $PATH`, "conformance run"},
		{"go run of nothing", []string{"run", "--", "go", "run"}, "the agent's command: go run names no package", "conformance run"},
		{"an unknown format", []string{"run", "--format", "yaml"}, `--format "yaml": there are text, json, junit, tap and html`, "conformance run"},
		{"an unknown kind of traces", []string{"run", "--trace", "some"}, `--trace "some": there are failed, all and none`, "conformance run"},
		{"traces without a place", []string{"run", "--trace", "all"}, "--trace all goes with --out, where the transcripts are written", "conformance run"},
		{"replay takes a transcript", []string{"replay"}, "something is missing: it is 'conformance replay TRANSCRIPT'", "conformance replay"},
		{"replay takes one transcript", []string{"replay", "a", "b"}, `unexpected argument "b": the agent's command comes after --`, "conformance replay"},
		{"replay with dashes and no command", []string{"replay", "a", "--"}, "the agent's command is missing after --", "conformance replay"},
		{"a transcript that is not there", []string{"replay", "missing.ndjson"}, "open missing.ndjson: ", "conformance replay"},
		{"a transcript that is none", []string{"replay", "usage_test.go"}, "usage_test.go: no transcript: its first line", "conformance replay"},
		{"an unknown level", []string{"run", "--level", "high"}, `there is no level "high": there are must and should`, "conformance run"},
		{"an unknown profile", []string{"run", "--profile", "x"}, `there is no profile "x": there are core, terminal, desktop, session`, "conformance run"},
		{"an unknown revision", []string{"run", "--revision", "r9"}, `there is no revision "r9": there are `, "conformance run"},
		{"an empty glob", []string{"run", "--case", ""}, "an empty glob matches nothing", "conformance run"},
		{"a glob that matches nothing", []string{"run", "--case", "["}, "--case \"[\" matches no case; see 'conformance list'", "conformance run"},
		{"an area that is misspelt", []string{"run", "--case", "exce"}, `--case "exce" matches no case; did you mean "exec"?`, "conformance run"},
		{"one name of several that is misspelt", []string{"run", "--case", "exec", "--case", "fs.raed"}, `--case "fs.raed" matches no case; did you mean "fs.read"?`, "conformance run"},
		{"a glob of a misspelt area", []string{"run", "--case", "exce.**"}, `--case "exce.**" matches no case; did you mean "exec"?`, "conformance run"},
		{"nothing that could be left out", []string{"run", "--skip", "gti"}, `--skip "gti" matches no case; did you mean "git"?`, "conformance run"},
		{"an area of agents for a relay", []string{"relay", "--case", "fs"}, `--case "fs" matches no case; `, "conformance relay"},
		{"failures of no report", []string{"run", "--failed", "missing"}, "--failed: read the report: open missing: ", "conformance run"},
		{"failures and cases", []string{"run", "--failed", "missing", "--case", "fs"}, "--failed and --case exclude each other", "conformance run"},
		{"everything left out", []string{"run", "--skip", "**"}, "the selection leaves no case to run: see 'conformance list'", "conformance run"},
		{"mutants that do not exist", []string{"selftest", "--mutant", "x"}, "the selection leaves no mutant to try: see 'conformance selftest --list'", "conformance selftest"},
		{"a self-test of no scale", []string{"selftest", "--timeout-scale", "0"}, "--timeout-scale 0: it must be above 0 and at most 100", "conformance selftest"},
		{"a mixture of what does not exist", []string{"selftest", "--mixture", "serial,x"}, `--mixture serial,x: there is no mutant "x": see 'conformance selftest --list'`, "conformance selftest"},
		{"a mixture of the same fault twice", []string{"selftest", "--mixture", "serial,serial"}, "--mixture serial,serial: serial and serial cannot be told apart in one agent", "conformance selftest"},
		{"a mixture of what shows in none", []string{"selftest", "--mixture", "connect.stays-with-the-first-broker-that-it-knew"}, "--mixture connect.stays-with-the-first-broker-that-it-knew: connect.stays-with-the-first-broker-that-it-knew shows in no mixture", "conformance selftest"},
		{"noise and mixtures", []string{"selftest", "--noise", "1", "--mixtures", "1"}, "--noise and mixtures exclude each other", "conformance selftest"},
		{"a negative number of mixtures", []string{"selftest", "--mixtures", "-1"}, "--mixtures and --noise: they must not be negative", "conformance selftest"},
		{"cases of no mixture", []string{"selftest", "--case", "fs.**"}, "--case goes with --mixture", "conformance selftest"},
		{"a glob of a mixture that is empty", []string{"selftest", "--mixture", "fence.swaps-the-epochs", "--case", ""}, "an empty glob matches nothing", "conformance selftest"},
		{"no scale", []string{"run", "--timeout-scale", "x"}, `--timeout-scale "x": it takes a number`, "conformance run"},
		{"a scale of nothing", []string{"run", "--timeout-scale", "0"}, "--timeout-scale 0: it must be above 0 and at most 100", "conformance run"},
		{"a scale that is no number", []string{"run", "--timeout-scale", "NaN"}, "--timeout-scale NaN: it must be above 0 and at most 100", "conformance run"},
		{"a scale without end", []string{"run", "--timeout-scale", "Inf"}, "--timeout-scale +Inf: it must be above 0 and at most 100", "conformance run"},
		{"no number of cases", []string{"run", "--parallel", "many"}, `--parallel "many": it takes a whole number`, "conformance run"},
		{"a negative number of cases", []string{"run", "--parallel", "-1"}, "--parallel -1: it must not be negative", "conformance run"},
		{"a flag without its value", []string{"run", "--out"}, "flag needs an argument: --out", "conformance run"},
		{"a report where none can be", []string{"run", "--out", filepath.Join(self(t), "x")}, "--out: mkdir ", "conformance run"},
		{"attach and a command", append(attach, "--", "true"), "--attach and a command exclude each other", "conformance run"},
		{"attach without an agent", attach[:5], "--attach needs --workspace and --agent", "conformance run"},
		{"attach to no URL", append(attach, "--attach", "me:secret@host"), "--attach: it takes a URL such as nats://user:password@127.0.0.1:4222", "conformance run"},
		{"attach over another protocol", append(attach, "--attach", "http://me:secret@host"), "--attach: it takes a URL such as nats://user:password@127.0.0.1:4222", "conformance run"},
		{"a workspace that is no token", append(attach, "--workspace", "a b"), `session: workspace id "a b": not a legal subject token`, "conformance run"},
		{"an agent that is a wildcard", append(attach, "--agent", ">"), `session: agent id ">": not a legal subject token`, "conformance run"},
		{"a base that is no subject", append(attach, "--subject-base", "a..b"), `session: subject base "a..b": not a legal subject token`, "conformance run"},
		{"an epoch that is too large", append(attach, "--held-epoch", "4294967296"), `--held-epoch "4294967296": it takes a whole number from 0 to 4294967295`, "conformance run"},
		{"attach's flags without it", []string{"run", "--workspace", "ws"}, "--workspace, --agent, --subject-base and --held-epoch go with --attach", "conformance run"},
		{"attach and a relay", append(attach, "--relay", "ws://127.0.0.1:1/stream"), "--attach and --relay exclude each other", "conformance run"},
		{"a missing baseline", []string{"run", "--baseline", "missing.yaml"}, "--baseline: read the baseline: open missing.yaml: ", "conformance run"},
		{"a baseline that is none", []string{"run", "--baseline", "main.go"}, "--baseline: main.go: ", "conformance run"},
		{"report takes a directory", []string{"report"}, "something is missing: it is 'conformance report DIR'", "conformance report"},
		{"report of nothing", []string{"report", "missing"}, "read the report: open missing: ", "conformance report"},
		{"report in an unknown format", []string{"report", ".", "--format", "pdf"}, `--format "pdf": there are text, json, junit, tap and html`, "conformance report"},
		{"diff takes two", []string{"diff", "a"}, "something is missing: it is 'conformance diff OLD NEW'", "conformance diff"},
		{"diff of nothing", []string{"diff", "missing", "missing"}, "read the report: open missing: ", "conformance diff"},
		{"diff in an unknown format", []string{"diff", "a", "b", "--format", "html"}, `--format "html": there are text and json`, "conformance diff"},
		{"baseline takes a file and a directory", []string{"baseline", "a"}, "something is missing: it is 'conformance baseline FILE DIR'", "conformance baseline"},
		{"baseline of no report", []string{"baseline", "a", "missing"}, "read the report: open missing: ", "conformance baseline"},
		{"doctor with dashes and no command", []string{"doctor", "--"}, "the agent's command is missing after --", "conformance doctor"},
		{"doctor with attach and a command", append([]string{"doctor"}, append(attach[1:len(attach):len(attach)], "--", "true")...), "--attach and a command exclude each other", "conformance doctor"},
		{"doctor for a relay alone", []string{"doctor", "--relay", "ws://127.0.0.1"}, "--relay goes with --attach", "conformance doctor"},
		{"certify without a key", []string{"certify", "out"}, "a certificate needs --key and --subject-artifact", "conformance certify"},
		{"certify nothing", []string{"certify"}, "something is missing: it is 'conformance certify DIR'", "conformance certify"},
		{"verify without a key", []string{"verify", "certificate.json"}, "a certificate is verified by a key that you trust: give --pub", "conformance verify"},
		{"verify too much", []string{"verify", "a", "b", "c"}, `unexpected argument "c": it is 'conformance verify CERT [DIR]'`, "conformance verify"},
		{"a badge of nothing", []string{"badge"}, "something is missing: it is 'conformance badge CERT|DIR'", "conformance badge"},
		{"list takes one name", []string{"list", "ping", "fs"}, `unexpected argument "fs": it is 'conformance list [AREA|CLAUSE|GLOB]'`, "conformance list"},
		{"a list of nothing", []string{"list", "pign"}, `"pign" matches no case; did you mean "ping"?`, "conformance list"},
		{"explain takes a case", []string{"explain"}, "something is missing: it is 'conformance explain CASE|CLAUSE|AREA [-- COMMAND ARGS...]'", "conformance explain"},
		{"explain takes one case", []string{"explain", "a", "b"}, `unexpected argument "b": it is 'conformance explain CASE|CLAUSE|AREA [-- COMMAND ARGS...]'`, "conformance explain"},
		{"an unknown case", []string{"explain", "ping.nonce/echo"}, `there is no case, clause or area "ping.nonce/echo"; did you mean "ping.nonce/echoed"?`, "conformance explain"},
		{"a case like no other", []string{"explain", "xyzzy"}, `there is no case, clause or area "xyzzy"; see 'conformance list'`, "conformance explain"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := invoke(t, tt.args...)
			lines := strings.Split(strings.TrimSuffix(got.err, "\n"), "\n")
			if got.code != 2 || got.out != "" || len(lines) != 2 {
				t.Errorf("exit code %d, stdout %q, stderr of %d lines; want 2, nothing and 2", got.code, got.out, len(lines))
			}
			if !strings.HasPrefix(got.err, "conformance: "+tt.want) {
				t.Errorf("it said %q, want %q", lines[0], tt.want)
			}
			if try := "Try '" + tt.help + " --help'."; lines[len(lines)-1] != try {
				t.Errorf("it offers %q, want %q", lines[len(lines)-1], try)
			}
			if strings.Contains(got.err, "secret") {
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
		{"", []string{"Usage:", "Exit codes:", "conformance run -- ./my-agent run"}},
		{"--help", []string{"Usage:", "Exit codes:", "Examples:"}},
		{"run --help", []string{"Examples:", "AGENTPROOF_NATS_URL", "--timeout-scale FACTOR", "--baseline FILE", "Exit codes:", "  4  only the baseline is wrong"}},
		{"selftest --help", []string{"Examples:", "conformance selftest --mixtures 20 --seed 1", "conformance selftest --mixture serial,", "Exit codes:", "--mixtures N"}},
		{"report --help", []string{"Examples:", "Exit codes:", "--format FORMAT"}},
		{"diff --help", []string{"Examples:", "Exit codes:", "  1  a regression"}},
		{"baseline --help", []string{"Examples:", "Exit codes:", "--fix", "  4  only entries are wrong"}},
		{"doctor --help", []string{"Examples:", "--attach URL", "Exit codes:"}},
		{"certify --help", []string{"Examples:", "self-attested", "Exit codes:"}},
		{"verify --help", []string{"Examples:", "--pub FILE", "Exit codes:"}},
		{"keygen --help", []string{"Examples:", "--out PREFIX", "Exit codes:"}},
		{"badge --help", []string{"Examples:", "--pub FILE", "Exit codes:"}},
		{"replay --help", []string{"Examples:", "Exit codes:", "--attach", "{case-dir}"}},
		{"__complete run --trace ", []string{"failed", "all", "none"}},
		{"list --help", []string{"Examples:", "--json"}},
		{"explain --help", []string{"Examples:", "explain CASE"}},
		{"completion bash", []string{"bash completion", "conformance"}},
		{"completion zsh", []string{"#compdef conformance"}},
		{"completion fish", []string{"fish completion"}},
		{"completion powershell", []string{"powershell completion"}},
		{"version", []string{"conformance "}},
		{"__complete run --level ", []string{"must", "should"}},
		{"__complete run --profile ", []string{"core", "session"}},
		{"__complete explain ping.nonce/", []string{"ping.nonce/echoed"}},
	} {
		t.Run("conformance "+tt.args, func(t *testing.T) {
			t.Parallel()
			args := strings.Split(tt.args, " ")
			if tt.args == "" {
				args = nil
			}
			got := invoke(t, args...)
			for _, want := range tt.want {
				got.want(t, 0, want, "")
			}
		})
	}
}
