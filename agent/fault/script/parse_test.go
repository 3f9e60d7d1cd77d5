package script_test

import (
	"strings"
	"testing"

	"agentproof/agent/fault/script"
)

func TestAScriptSaysWhatItDoes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, rule, want string }{
		{"an action alone", `{on: exec, do: oversize}`, "on exec: oversize"},
		{"every count", `{on: ping, after: 2, times: 3, probability: 0.25, do: duplicate}`,
			"on ping, after 2, times 3, probability 0.25: duplicate"},
		{"several ops", `{on: [git, "fs_*"], do: drain}`, "on git, fs_*: drain"},
		{"conditions in their order", `{on: exec, when: {cwd: "/w/**", argv: [npm, "*"]}, do: {drop: reply}}`,
			`on exec with cwd "/w/**" and argv ["npm", "*"]: drop the reply`},
		{"a command line as one text", `{on: [exec, git, pty_open], when: {argv: "npm *"}, do: {drop: request}}`,
			`on exec, git, pty_open with argv "npm *": drop the request`},
		{"numbers among arguments", `{on: exec, when: {argv: [serve, 8080]}, do: offline}`,
			`on exec with argv ["serve", "8080"]: offline`},
		{"a path under a pattern of ops", `{on: "*", when: {path: "**/*.lock"}, do: {error: OS}}`,
			`on * with path "**/*.lock": error OS`},
		{"an event", `{on: desktop_input, when: {event: key}, do: {error: CONSENT_REQUIRED}}`,
			"on desktop_input with event key: error CONSENT_REQUIRED"},
		{"a delay of both ways", `{on: ping, do: {delay: {request: 1s, reply: 2s..3s}}}`,
			"on ping: delay the request 1s, delay the reply 2s..3s"},
		{"a connection lost later", `{on: exec, do: {disconnect: {in: 200ms, for: 5s}}}`,
			"on exec: disconnect for 5s in 200ms"},
		{"a drain later", `{on: exec, do: {drain: {in: 1m}}}`, "on exec: drain in 1m0s"},
		{"an absence", `{on: exec, do: {offline: 10s}}`, "on exec: offline for 10s"},
		{"a deploy", `{on: exec, do: {offline: {in: 1s, drain: 2s, for: 3s, reason: UPDATE}}}`,
			"on exec: offline after a drain of 2s for 3s with the reason UPDATE in 1s"},
		{"actions in the order in which they happen", `{on: exec, do: {duplicate: true, oversize: true, disconnect: 1s, delay: 2s}}`,
			"on exec: delay the request 2s, disconnect for 1s, oversize, duplicate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := script.Parse("a.yaml", []byte("rules:\n- "+tt.rule))
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Rules(); len(got) != 1 || got[0] != "a.yaml:2: "+tt.want {
				t.Errorf("it says %q,\nwant %q", got, tt.want)
			}
		})
	}
}

func TestOnlyChanceNeedsASeed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`{on: exec, do: {delay: 1s}}`:                               false,
		`{on: exec, probability: 1, do: drain}`:                     false,
		`{on: exec, probability: 0.5, do: drain}`:                   true,
		`{on: exec, do: {delay: 1s..2s}}`:                           true,
		`{on: exec, do: {offline: {drain: 1s..2s}}}`:                true,
		`{on: exec, do: {disconnect: {in: 1ms..2s, for: 1s}}}`:      true,
		`{on: exec, do: {delay: {request: 2s..2s, reply: 1s..2s}}}`: true,
	} {
		s, err := script.Parse("a.yaml", []byte("seed: 7\nrules: ["+text+"]"))
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if s.LeavesToChance() != want || s.Seed != 7 {
			t.Errorf("%s: left to chance is %v, seed %d", text, s.LeavesToChance(), s.Seed)
		}
	}
}

func TestAliasesStandForWhatTheyName(t *testing.T) {
	t.Parallel()
	s, err := script.Parse("a.yaml", []byte(`
rules:
- on: &ops [exec, git]
  do: &lost {drop: reply}
- on: *ops
  do: *lost
`))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Rules()[1]; got != "a.yaml:5: on exec, git: drop the reply" {
		t.Errorf("the second rule is %q", got)
	}
}

func TestEveryMistakeIsOneSentenceWithItsPlace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", "a.yaml: a script needs rules, and this one is empty"},
		{"comments alone", "# later\n", "a.yaml: a script needs rules, and this one is empty"},
		{"no rules", "seed: 1\n", "a.yaml:1: a script needs rules"},
		{"an empty list of rules", "rules: []\n", "a.yaml:1: rules takes a list with one entry or more"},
		{"rules that are no list", "rules: {on: exec}\n", "a.yaml:1: rules takes a list with one entry or more"},
		{"a script that is a list", "- on: exec\n", "a.yaml:1: a script has keys of its own: seed and rules"},
		{"a second document", "rules: [{on: exec, do: drain}]\n---\nrules: []\n", "a.yaml:2: a script is one document, and here begins another"},
		{"no YAML", "rules: [\n", "a.yaml:1: this is not YAML: did not find expected node content"},
		{"a pattern without quotes", "rules:\n- on: *\n  do: drain\n",
			`a pattern that begins with * or & needs quotes, as in "*.lock"`},
		{"an unknown key of a script", "seeds: 1\nrules: [{on: exec, do: drain}]\n", `a.yaml:1: a script has no key "seeds": it has seed and rules`},
		{"a seed of nothing", "seed: 0\nrules: [{on: exec, do: drain}]\n", "a.yaml:1: seed takes a whole number from 1 on"},
		{"a rule that is a word", "rules: [exec]\n", "a.yaml:1: a rule has keys of its own: on, when, after, times, probability and do"},
		{"an unknown key of a rule", "rules:\n- on: exec\n  whn: {}\n  do: drain\n",
			`a.yaml:3: a rule has no key "whn": it has on, when, after, times, probability and do`},
		{"a key twice", "rules:\n- on: exec\n  do: drain\n  do: offline\n", "a.yaml:4: do is there twice"},
		{"a rule on nothing", "rules:\n- do: drain\n", `a.yaml:2: a rule needs on, the operation that it is about: an op of the protocol, or "*" for all`},
		{"a rule that does nothing", "rules:\n- on: exec\n", "a.yaml:2: a rule needs do, which says what happens"},
		{"an unknown op", "rules: [{on: execute, do: drain}]", `a.yaml:1: on: there is no op "execute": there are ping, metrics, exec, git, fs_read,`},
		{"an op that agents send", "rules: [{on: hello, do: drain}]", `a.yaml:1: on: there is no op "hello"`},
		{"no op", "rules: [{on: , do: drain}]", "a.yaml:1: on takes an op of the protocol"},
		{"a path of a command", "rules:\n- on: [fs_read, exec]\n  when: {path: x}\n  do: drain\n", "a.yaml:3: when: exec has no path"},
		{"a pattern of ops that has no argv", `rules: [{on: "fs_*", when: {argv: x}, do: drain}]`, "a.yaml:1: when: fs_* has no argv"},
		{"an unknown condition", "rules: [{on: exec, when: {arg: x}, do: drain}]", `a.yaml:1: when has no key "arg": it has argv, cwd, path and event`},
		{"an unknown event", "rules: [{on: desktop_input, when: {event: touch}, do: drain}]",
			`a.yaml:1: event takes pointer, key or scroll, not "touch"`},
		{"an open escape", `rules: [{on: exec, when: {cwd: 'x\'}, do: drain}]`, `a.yaml:1: cwd: the pattern "x\\" ends in "\"`},
		{"an argv of lists", "rules: [{on: exec, when: {argv: [[a]]}, do: drain}]", "a.yaml:1: argv takes a pattern, or a list of them"},
		{"a negative count", "rules: [{on: exec, after: -1, do: drain}]", "a.yaml:1: after takes a whole number from 0 on"},
		{"no times", "rules: [{on: exec, times: 0, do: drain}]", "a.yaml:1: times takes a whole number from 1 on"},
		{"a probability of nothing", "rules: [{on: exec, probability: 0, do: drain}]", "a.yaml:1: probability takes a number above 0 and up to 1"},
		{"a probability in percent", "rules: [{on: exec, probability: 30%, do: drain}]", "a.yaml:1: probability takes a number above 0 and up to 1"},
		{"a probability that is no number", "rules: [{on: exec, probability: NaN, do: drain}]", "a.yaml:1: probability takes a number above 0 and up to 1"},
		{"an unknown action", "rules: [{on: exec, do: {wait: 3s}}]", `a.yaml:1: do has no key "wait": it has delay, disconnect, drain, offline, error, drop, oversize and duplicate`},
		{"an unknown word", "rules: [{on: exec, do: crash}]", `a.yaml:1: do takes drain, offline, oversize or duplicate, or a mapping of actions, not "crash"`},
		{"no word", "rules: [{on: exec, do: }]", `a.yaml:1: do takes drain, offline, oversize or duplicate, or a mapping of actions, not ""`},
		{"an action without its value", "rules: [{on: exec, do: delay}]", "a.yaml:1: do: delay needs a value, as in do: {delay: 3s}"},
		{"no action", "rules: [{on: exec, do: {}}]", "a.yaml:1: do says nothing"},
		{"a time without a unit", "rules: [{on: exec, do: {delay: 3}}]", "a.yaml:1: delay takes a duration such as 500ms, 10s or 2m, or a range of them such as 1s..3s"},
		{"no time", "rules: [{on: exec, do: {delay: 0s}}]", "a.yaml:1: delay 0s: durations are above 0 and up to 24h"},
		{"a range from nothing", "rules: [{on: exec, do: {offline: 0s..1s}}]", "a.yaml:1: offline 0s..1s: durations are above 0 and up to 24h"},
		{"a time for ages", "rules: [{on: exec, do: {disconnect: 25h}}]", "a.yaml:1: disconnect 25h: durations are above 0 and up to 24h"},
		{"a range that falls", "rules: [{on: exec, do: {delay: 3s..1s}}]", "a.yaml:1: delay 3s..1s: a range begins with its shorter end"},
		{"a delay of nothing", "rules: [{on: exec, do: {delay: {}}}]", "a.yaml:1: delay takes a duration, or one for the request or the reply, as in {reply: 3s}"},
		{"a drop of something", "rules: [{on: exec, do: {drop: true}}]", `a.yaml:1: drop takes request or reply, not "true"`},
		{"an unknown code", "rules: [{on: exec, do: {error: ENOSPC}}]", `a.yaml:1: error takes UNSUPPORTED, OS, NOT_FOUND,`},
		{"an error without its code", "rules: [{on: exec, do: {error: {message: no}}}]", "a.yaml:1: error needs a code, as in {code: OS}"},
		{"a detail that is a list", "rules: [{on: exec, do: {error: {code: OS, detail: [a]}}}]", `a.yaml:1: detail takes texts by name, as in {errno: "28"}`},
		{"a detail within a detail", "rules: [{on: exec, do: {error: {code: OS, detail: {a: {b: c}}}}}]", `a.yaml:1: detail takes texts by name, as in {errno: "28"}`},
		{"a detail twice", "rules: [{on: exec, do: {error: {code: OS, detail: {a: b, a: c}}}}]", "a.yaml:1: detail: \"a\" is there twice"},
		{"a disconnect for ever", "rules: [{on: exec, do: {disconnect: {in: 1s}}}]", "a.yaml:1: disconnect needs for, which says how long"},
		{"an unknown reason", "rules: [{on: exec, do: {offline: {reason: CRASH}}}]", `a.yaml:1: reason takes USER_STOP, UPDATE or HOST_SHUTDOWN, not "CRASH"`},
		{"an oversize that is not", "rules: [{on: exec, do: {oversize: false}}]", `a.yaml:1: oversize takes true, not "false"`},
		{"two outcomes", "rules: [{on: exec, do: {error: OS, drop: reply}}]", "a.yaml:1: do: error and drop exclude each other"},
		{"two upsets", "rules: [{on: exec, do: {disconnect: 1s, drain: true, offline: true}}]", "a.yaml:1: do: disconnect, drain and offline exclude each other"},
		{"a duplicate of nothing", "rules: [{on: exec, do: {drop: request, duplicate: true}}]", "a.yaml:1: do: drop and duplicate exclude each other"},
		{"a delay of what is dropped", "rules: [{on: exec, do: {drop: reply, delay: {reply: 1s}}}]", "a.yaml:1: do: there is no reply to delay, since it is dropped"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := script.Parse("a.yaml", []byte(tt.text))
			if err == nil {
				t.Fatal("it was accepted")
			}
			if got := err.Error(); !strings.HasPrefix(got, "a.yaml:") || !strings.Contains(got, tt.want) || strings.Contains(got, "\n") {
				t.Errorf("it says %q,\nwant  %q", got, tt.want)
			}
		})
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	t.Parallel()
	_, err := script.Parse("a.yaml", []byte(`seed: x
rules:
- on: exec
  when: {path: a}
  do: {delay: 3}
- after: -1
`))
	var lines []string
	for line := range strings.Lines(err.Error()) {
		place, _, _ := strings.Cut(line, ": ")
		lines = append(lines, place)
	}
	if got := strings.Join(lines, " "); got != "a.yaml:1 a.yaml:5 a.yaml:4 a.yaml:6 a.yaml:6 a.yaml:6" {
		t.Errorf("the places are %s:\n%v", got, err)
	}
}

func TestAFileThatIsNotThere(t *testing.T) {
	t.Parallel()
	if _, err := script.Load("nowhere.yaml"); err == nil || !strings.HasPrefix(err.Error(), "script: open nowhere.yaml: ") {
		t.Errorf("error %v", err)
	}
}

// FuzzParse wants no panic, a place in every complaint, and that what a script
// says of itself does not depend on anything but its text.
func FuzzParse(f *testing.F) {
	f.Add("seed: 42\nrules:\n- on: [exec, \"fs_*\"]\n  when: {argv: [npm, '*'], path: '**/*.lock'}\n  after: 2\n  times: 1\n  probability: 0.5\n  do: {delay: 1s..2s, drop: reply}\n")
	f.Add("rules: [{on: desktop_input, when: {event: key}, do: {error: {code: OS, message: m, retryable: true, detail: {a: b}}}}]")
	f.Add("rules: [{on: exec, do: {offline: {in: 1s, drain: 2s, for: 3s, reason: UPDATE}, duplicate: true}}]")
	f.Add("rules: [{on: &a [exec], do: {disconnect: {in: 1s, for: 2s}}}, {on: *a, do: drain}]")
	f.Add("rules: &a [*a]\n")
	f.Add("? [a]\n: b\n")
	f.Add("rules:\n- on: *\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := script.Parse("a.yaml", []byte(text))
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if !strings.HasPrefix(line, "a.yaml:") {
					t.Errorf("a complaint without a place: %q", line)
				}
			}
			return
		}
		again, err := script.Parse("a.yaml", []byte(text))
		if err != nil || strings.Join(again.Rules(), "\n") != strings.Join(s.Rules(), "\n") {
			t.Errorf("it was\n%q\nand is\n%q (%v)", s.Rules(), again.Rules(), err)
		}
	})
}
