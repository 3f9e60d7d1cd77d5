package git

import (
	"strings"
	"testing"
	"unicode/utf8"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

const head = "# branch.oid (initial)\n# branch.head main\n"

func TestParseStatusRefusesWhatIsNoStatus(t *testing.T) {
	t.Parallel()
	const words = "1 .M N... 100644 100644 100644 e69de29 e69de29 "
	for name, out := range map[string]string{
		"nothing":                        "",
		"no branch":                      "# branch.oid (initial)\n",
		"a branch without a name":        "# branch.head \n",
		"a line without an end":          head + "? file",
		"an empty line":                  head + "\n",
		"the short format":               head + " M file\n",
		"the long format":                head + "On branch main\n",
		"separation by NUL":              strings.ReplaceAll(head+words+"file\n", "\n", "\x00"),
		"an entry without a path":        head + strings.TrimSuffix(words, " ") + "\n",
		"an entry with an empty path":    head + words + "\n",
		"a code of three characters":     head + strings.Replace(words, ".M", ".MM", 1) + "file\n",
		"a code of no known letter":      head + strings.Replace(words, ".M", "ü", 1) + "file\n",
		"a rename without its old path":  head + "2 R. N... 100644 100644 100644 e69de29 e69de29 R100 new\n",
		"a quoted path without an end":   head + words + "\"file\n",
		"a quoted path with a wrong one": head + words + "\"fi\\le\"\n",
		"a number that is none":          head + "# branch.ab +x -0\n",
		"a number that is too large":     head + "# branch.ab +2147483648 -0\n",
		"a number with the wrong sign":   head + "# branch.ab -1 -0\n",
		"one number of two":              head + "# branch.ab +1\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if s, err := parseStatus([]byte(out)); err == nil {
				t.Errorf("the status is %v", s)
			}
		})
	}
}

// What is neither error nor nonsense keeps the promises of git.status.* for any
// input.
func FuzzParseStatus(f *testing.F) {
	f.Add([]byte(head))
	f.Add([]byte(head + "# branch.upstream origin/main\n# branch.ab +1 -2\n# stash 3\n"))
	f.Add([]byte(head + "1 .M N... 100644 100644 100644 e69de29 e69de29 \"\\303\\274 \\\"\\n\"\n"))
	f.Add([]byte(head + "2 R. N... 100644 100644 100644 e69de29 e69de29 R100 new name\told name\n"))
	f.Add([]byte(head + "u UU N... 100644 100644 100644 100644 1 2 3 a b\n? x\xff\n! y\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		s, err := parseStatus(out)
		if err != nil {
			return
		}
		if s.GetBranch() == "" || s.GetAhead() < 0 || s.GetBehind() < 0 {
			t.Errorf("branch %q, ahead %d, behind %d", s.GetBranch(), s.GetAhead(), s.GetBehind())
		}
		if s.GetClean() != (len(s.GetFiles()) == 0) {
			t.Errorf("clean is %v with %d files", s.GetClean(), len(s.GetFiles()))
		}
		texts := []string{s.GetBranch(), s.GetUpstream()}
		for _, file := range s.GetFiles() {
			texts = append(texts, file.GetPath(), file.GetCode())
			checkFile(t, file)
		}
		for _, text := range texts {
			if !utf8.ValidString(text) {
				t.Errorf("%q is no valid UTF-8", text)
			}
		}
	})
}

func checkFile(t *testing.T, file *agentv1.GitFileStatus) {
	t.Helper()
	if file.GetPath() == "" {
		t.Error("a path is empty")
	}
	if n := utf8.RuneCountInString(file.GetCode()); n != 2 {
		t.Errorf("the code %q has %d characters", file.GetCode(), n)
	}
	if file.GetCode() == "??" && file.GetStaged() {
		t.Errorf("the untracked %q is staged", file.GetPath())
	}
}
