package v4a_test

import (
	"errors"
	"strings"
	"testing"

	"agentproof/session/v4a"
)

// FuzzCreate also takes its input as content: a diff that adds each line of it
// must give it back.
func FuzzCreate(f *testing.F) {
	f.Add("")
	f.Add("+a\n+b\n*** End Patch\njunk")
	f.Add("+a\r\r\n+\r")
	f.Add("@@\n-a")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := v4a.Create(text); err != nil {
			if _, ok := errors.AsType[*v4a.SyntaxError](err); !ok || got != "" {
				t.Errorf("Create = %q, %v, want a *SyntaxError alone", got, err)
			}
		}
		if strings.Contains(text, "\r") {
			return // the format cannot carry one before a newline
		}
		got, err := v4a.Create(lines("+", text))
		if err != nil || got != text {
			t.Errorf("Create of %q's own lines = %q, %v", text, got, err)
		}
	})
}

// FuzzUpdate applies anything to anything, and then a diff that replaces the
// whole of one text by the other.
func FuzzUpdate(f *testing.F) {
	f.Add("a\nb\nc\n", "@@ a\n-b\n+x\n c\n*** End of File")
	f.Add("a\r\nb", "@@\r\n a\r\n-b\r\n+c\r\n")
	f.Add("", " \n-\n+a")
	f.Add("\ufeffa\n\t b \u00a0\n", "@@ \n@@\n b\n+c\n***")
	f.Add("a\na\na", "@@\n a\n a\n@@\n-a\n*** End of File\n@@\n+z")
	f.Add("a", "@@\n*** End of File x\n*** Update File: y")
	f.Fuzz(func(t *testing.T, content, diff string) {
		got, err := v4a.Update(content, diff)
		switch {
		case err != nil:
			wantTyped(t, got, err)
		case !strings.Contains(diff, "+") && !strings.Contains(diff, "-") && got != content:
			t.Errorf("Update with neither + nor - turned %q into %q", content, got)
		case !strings.Contains(diff, "-") && !isSubsequence(strings.Split(content, "\n"), strings.Split(got, "\n")):
			t.Errorf("Update that removes nothing turned %q into %q", content, got)
		}
		if strings.Contains(content+diff, "\r") {
			return // the format cannot carry one before a newline
		}
		whole := "@@\n" + lines("-", content) + "\n" + lines("+", diff) + "\n*** End of File"
		if got, err := v4a.Update(content, whole); err != nil || got != diff {
			t.Errorf("replacing all of %q gave %q, %v, want %q", content, got, err, diff)
		}
	})
}

func wantTyped(t *testing.T, got string, err error) {
	t.Helper()
	_, isSyntax := errors.AsType[*v4a.SyntaxError](err)
	_, isMatch := errors.AsType[*v4a.MatchError](err)
	if got != "" || !isSyntax && !isMatch && !errors.Is(err, v4a.ErrOverlap) {
		t.Errorf("Update = %q, %v (%T), want one typed error alone", got, err, err)
	}
}

// lines puts prefix in front of each line of text.
func lines(prefix, text string) string {
	return prefix + strings.ReplaceAll(text, "\n", "\n"+prefix)
}

func isSubsequence(part, whole []string) bool {
	for _, line := range whole {
		if len(part) > 0 && part[0] == line {
			part = part[1:]
		}
	}
	return len(part) == 0
}
