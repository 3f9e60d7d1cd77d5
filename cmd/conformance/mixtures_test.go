package main

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"

	"agentproof/agent/fault"
	"agentproof/agent/fault/catalogue"
	"agentproof/suite/cases"
	"agentproof/suite/engine"
	"agentproof/suite/verdict"
)

// TestMixturesThatWereMisjudged tries the mixtures of testdata/mixtures.txt on
// the cases that showed what was wrong.
func TestMixturesThatWereMisjudged(t *testing.T) {
	t.Parallel()
	f, err := os.Open("testdata/mixtures.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, tried := bufio.NewScanner(f), 0
	for lines.Scan() {
		if text := lines.Text(); text == "" || text[0] == '#' {
			continue
		}
		words := strings.Fields(lines.Text())
		if len(words) < 2 {
			t.Errorf("%q is no mixture and its cases", lines.Text())
			continue
		}
		tried++
		t.Run(words[0], func(t *testing.T) {
			t.Parallel()
			args := []string{"selftest", "--mixture", words[0]}
			for _, glob := range words[1:] {
				args = append(args, "--case", glob)
			}
			invoke(t, args...).want(t, 0, "✓ 1 of 1 mixtures judged exactly in ", "")
		})
	}
	if err := lines.Err(); err != nil || tried == 0 {
		t.Errorf("%d mixtures and the error %v", tried, err)
	}
}

func TestEveryDeclaredBlastMatchesACase(t *testing.T) {
	t.Parallel()
	all := cases.All()
	mutants := append(catalogue.All(), fault.SerialDispatcher())
	for _, m := range mutants {
		for _, glob := range m.Blast {
			sel := verdict.Selection{Cases: []string{glob}}
			if !slices.ContainsFunc(all, func(c engine.Case) bool { return sel.Matches(c.ID) }) {
				t.Errorf("%s declares %s, which is no case", m.ID(), glob)
			}
		}
	}
}
