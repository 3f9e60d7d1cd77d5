package clientfault

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"agentproof/suite/cases/sessions"
)

// root is the module's.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTheClientBuildsWithAllItsFaults(t *testing.T) {
	t.Parallel()
	sources, err := Overlay(root(t))
	if err != nil {
		t.Fatal(err)
	}
	sources["internal/clientfault/user/main.go"] = []byte("package main\n\nimport _ \"agentproof/session/natsrpc\"\n\nfunc main() {}\n")
	if err := sources.Build(t.Context(), root(t), t.TempDir(), "./internal/clientfault/user"); err != nil {
		t.Error(err)
	}
}

func TestEveryCaseAboutTheSessionHasAFaultOfTheClient(t *testing.T) {
	t.Parallel()
	without := make(map[string]bool)
	for _, c := range sessions.Cases() {
		without[c.ID] = true
	}
	seen := make(map[string]bool)
	for _, f := range All() {
		if seen[f.ID()] {
			t.Errorf("the fault %s is there twice", f.ID())
		}
		seen[f.ID()] = true
		delete(without, f.Case)
	}
	for id := range without {
		t.Errorf("%s has no fault of the client that it must notice", id)
	}
}

const source = `package p

func (c *C) Do(n int) (int, error) {
	if n < 0 {
		return 0, errNegative
	}
	return n +  1, f(T{N: n, M: n})
}

func other() int { return 1 }
`

func TestAFaultIsBuiltInWhereItsSoundSourceStands(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		edits []Edit
		want  []string // parts of the new source, or of the error
	}{
		"an expression": {
			[]Edit{{Sound: `n + 1`, Faulty: `n - 1`}},
			[]string{"return either(\"a\", n +  1, n - 1), f("},
		},
		"a statement": {
			[]Edit{{Sound: `return 0, errNegative`, Faulty: `return 0, nil`}},
			[]string{"if faulty(\"a\") {\nreturn 0, nil\n} else {\nreturn 0, errNegative\n}"},
		},
		"a statement of some lines": {
			[]Edit{{Sound: `if n < 0 { return 0, errNegative }`}},
			[]string{"if faulty(\"a\") {\n\n} else {\nif n < 0 {\n"},
		},
		"a key with its value": {
			[]Edit{{Sound: `M: n`, Faulty: `M: 0`}},
			[]string{"T{N: n, M: either(\"a\", n,  0)}"},
		},
		"two faults of one expression": {
			[]Edit{{Sound: `n < 0`, Faulty: `n <= 0`}, {Sound: `n < 0`, Faulty: `false`}},
			[]string{`if either("b", either("a", n < 0, n <= 0), false) {`},
		},
		"a fault before another": {
			[]Edit{{Sound: `n < 0`, Faulty: `true`}, {Sound: `n + 1`, Faulty: `n`}},
			[]string{`either("a", n < 0, true)`, `either("b", n +  1, n)`},
		},
		"source that is not there":     {[]Edit{{Sound: `n + 2`}}, []string{"fault \"a\"", "`n + 2`", "0 times instead of once"}},
		"source that is there twice":   {[]Edit{{Sound: `n`}}, []string{"4 times instead of once"}},
		"source of another function":   {[]Edit{{Sound: `1`, Func: "C.Undo"}}, []string{"C.Undo in p.go", "no such function"}},
		"a part of a name":             {[]Edit{{Sound: `errNeg`}}, []string{"0 times instead of once"}},
		"another key":                  {[]Edit{{Sound: `M: n`, Faulty: `N: 0`}}, []string{"the value of `M`"}},
		"a fault within another":       {[]Edit{{Sound: `n < 0`}, {Sound: `if n < 0 { return 0, errNegative }`}}, []string{"two faults overlap"}},
		"a fault that begins another":  {[]Edit{{Sound: `T{N: n, M: n}`}, {Sound: `T`}}, []string{"two faults overlap"}},
		"a fault that follows another": {[]Edit{{Sound: `f`, Faulty: `g`}, {Sound: `T`, Faulty: `U`}}, []string{`either("a", f, g)(either("b", T, U){`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var places []place
			for i, e := range tt.edits {
				e.File = "p.go"
				if e.Func == "" {
					e.Func = "C.Do"
				}
				places = append(places, place{Edit: e, id: string(rune('a' + i))})
			}
			_, content, err := rewrite("p.go", []byte(source), places)
			got := string(content)
			if err != nil {
				got = err.Error()
			}
			if slices.ContainsFunc(tt.want, func(part string) bool { return !strings.Contains(got, part) }) {
				t.Errorf("got\n%s\nwithout %q", got, tt.want)
			}
		})
	}
}
