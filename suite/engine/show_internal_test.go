package engine

import (
	"fmt"
	"strings"
	"testing"

	"agentproof/suite/record"
	"agentproof/suite/verdict"
)

// failure is what a check says that fails.
func failure(t *testing.T, check func(*T) bool) verdict.Failure {
	t.Helper()
	x := NewExecution(&Case{ID: "a.b/c"}, &Setting{}, record.New(false), 0)
	if check(x.t) {
		t.Fatal("the check passes")
	}
	return x.t.failures[0]
}

func TestOnlyWhatDiffersIsShown(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 26_000)
	names := make([]string, 300)
	for i := range names {
		names[i] = fmt.Sprintf("name-%03d", i)
	}
	for _, tt := range []struct {
		name      string
		check     func(*T) bool
		want, got string
	}{
		{"short text", func(t *T) bool { return Equal(t, "the word", "a", "b") }, `the word "b"`, `"a"`},
		{"long text", func(t *T) bool { return Equal(t, "the text", long[:200_000]+"x", long) },
			`the text of 260000 bytes, at offset 200000 "012345678901234567890123"`, `200001 bytes, at offset 200000 "x"`},
		{"numbers", func(t *T) bool { return Equal(t, "the size", 1, 2) }, "the size 2", "1"},
		{"a short set", func(t *T) bool { return EqualSet(t, "the names", []string{"b"}, []string{"b", "a"}) }, `the names ["a" "b"]`, `["b"]`},
		{"a long set", func(t *T) bool { return EqualSet(t, "the names", append([]string{"odd"}, names[9:]...), names) }, "the names of 300",
			`292, without "name-000" "name-001" "name-002" "name-003" "name-004" "name-005" and 3 more, and with "odd"`},
		{"a name that is there twice", func(t *T) bool { return EqualSet(t, "the names", append(names[:1:1], names...), names) }, "the names of 300", `301, and with "name-000"`},
		{"what differs between runs", func(t *T) bool { return Same(t, "the same id", "x81", "x80") }, "the same id", "another one"},
		{"nothing", func(t *T) bool { return Same(t, "the same id", "", "x80") }, "the same id", "none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if f := failure(t, tt.check); f.Want != tt.want || f.Got != tt.got {
				t.Errorf("want %s\ngot  %s\nbut it should say\nwant %s\ngot  %s", f.Want, f.Got, tt.want, tt.got)
			}
		})
	}
	t.Run("whatever a case says is cut", func(t *testing.T) {
		t.Parallel()
		f := failure(t, func(t *T) bool { return t.Check(false, long, "%s", long) })
		if len(f.Want) > 600 || len(f.Got) > 600 || !strings.Contains(f.Got, "(260000 characters)") {
			t.Errorf("%d and %d bytes", len(f.Want), len(f.Got))
		}
	})
}
