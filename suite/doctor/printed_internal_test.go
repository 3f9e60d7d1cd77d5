package doctor

import (
	"fmt"
	"strings"
	"testing"
)

func TestBothEndsOfALongOutputAreKept(t *testing.T) {
	t.Parallel()
	for lines, want := range map[int]string{
		0:  "",
		15: "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14",
		16: "0 1 2 3 4 5 … 2 lines more … 8 9 10 11 12 13 14 15",
		// Far more than is kept of either end.
		10000: "0 1 2 3 4 5 … 9986 lines more … 9992 9993 9994 9995 9996 9997 9998 9999",
	} {
		p := &printed{limit: 100}
		for i := range lines {
			fmt.Fprintln(p, i)
		}
		if got := strings.ReplaceAll(p.String(), "\n", " "); got != want {
			t.Errorf("of %d lines: got %q, want %q", lines, got, want)
		}
		if len(p.head) > p.limit || len(p.tail) > 2*p.limit {
			t.Errorf("of %d lines it keeps %d and %d bytes", lines, len(p.head), len(p.tail))
		}
	}
}
