package v4a_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"agentproof/session/v4a"
)

func TestCreate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		diff, want string
	}{
		"an empty diff creates empty content":             {"", ""},
		"added lines are joined without a final newline":  {"+a\n+b", "a\nb"},
		"the diff's own last newline adds none":           {"+a\n+b\n", "a\nb"},
		"an added empty line at the end is a newline":     {"+a\n+\n", "a\n"},
		"a lone plus is one empty line":                   {"+", ""},
		"what follows the plus is kept as it is":          {"+ \t+x ", " \t+x "},
		"a terminator ends the diff":                      {"+a\n+b\n*** End Patch\njunk", "a\nb"},
		"a terminator at once creates empty content":      {"*** End Patch", ""},
		"a terminator needs only start with its text":     {"+a\n*** End Patch of all\njunk", "a"},
		"the next file's update ends the diff":            {"+a\n*** Update File: b\njunk", "a"},
		"the next file's deletion ends the diff":          {"+a\n*** Delete File: b\njunk", "a"},
		"the next file's creation ends the diff":          {"+a\n*** Add File: b\n+c", "a"},
		"a carriage return at the very end is dropped":    {"+a\r", "a"},
		"CRLF line ends are dropped":                      {"+a\r\n+b\r\n", "a\nb"},
		"two carriage returns before a newline go":        {"+a\r\r\n+b", "a\nb"},
		"a third one stays":                               {"+a\r\r\r\n+b", "a\r\nb"},
		"of two at the very end one stays":                {"+a\r\r", "a\r"},
		"a carriage return within a line stays":           {"+a\rb", "a\rb"},
		"a last line of one carriage return is dropped":   {"+a\n\r", "a"},
		"added text may look like a terminator":           {"+*** End Patch\n+b", "*** End Patch\nb"},
		"bytes that are not UTF-8 are kept":               {"+\xff\xfe", "\xff\xfe"},
		"a terminator as the last line drops no content":  {"+a\n+\n*** End Patch\n", "a\n"},
		"an added BOM is kept":                            {"+\ufeffa", "\ufeffa"},
		"a NUL is a character like others":                {"+a\x00b", "a\x00b"},
		"only one empty last line is dropped, if it ends": {"+a\n*** End Patch\n\n\n", "a"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := v4a.Create(tc.diff)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("content (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCreateRefusesEveryOtherLine(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		diff string
		line int
		text string
	}{
		"text without a plus":        {"+a\nb", 2, "b"},
		"a removed line":             {"-a", 1, "-a"},
		"a context line":             {" a", 1, " a"},
		"an empty line":              {"+a\n\n+b", 2, ""},
		"two empty lines at the end": {"+a\n\n\n", 2, ""},
		"a section":                  {"@@\n+a", 1, "@@"},
		"an end-of-file marker":      {"+a\n*** End of File", 2, "*** End of File"},
		"other stars":                {"*** Begin Patch\n+a", 1, "*** Begin Patch"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := v4a.Create(tc.diff)
			wantSyntaxError(t, err, tc.line, tc.text)
		})
	}
}

func wantSyntaxError(t *testing.T, err error, line int, text string) {
	t.Helper()
	syntax, ok := errors.AsType[*v4a.SyntaxError](err)
	if !ok {
		t.Fatalf("err = %v, want a *SyntaxError", err)
	}
	if syntax.Line != line || syntax.Text != text {
		t.Errorf("err names line %d %q, want line %d %q", syntax.Line, syntax.Text, line, text)
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		content, diff, want string
	}{
		// Where a diff begins and ends.
		"an empty diff changes nothing":                        {"a\nb", "", "a\nb"},
		"a terminator at once changes nothing":                 {"a\nb", "*** End Patch\n@@\n-a", "a\nb"},
		"what follows End Patch is ignored":                    {"a", "@@\n-a\n+b\n*** End Patch\njunk", "b"},
		"what follows the next file's update is ignored":       {"a", "@@\n-a\n+b\n*** Update File: x\njunk", "b"},
		"what follows the next file's deletion is ignored":     {"a", "@@\n-a\n+b\n*** Delete File: x\njunk", "b"},
		"what follows the next file's creation is ignored":     {"a", "@@\n-a\n+b\n*** Add File: x\njunk", "b"},
		"an end-of-file marker at once ends the diff":          {"a", "*** End of File\n@@\n-a", "a"},
		"one with text behind it, before a section, ends it":   {"a", "*** End of File now\njunk", "a"},
		"a second marker ends the diff":                        {"a", "@@\n-a\n+b\n*** End of File\n*** End of File\njunk", "b"},
		"a section may follow an end-of-file section":          {"a\nb", "@@\n-b\n+c\n*** End of File\n@@\n+d", "a\nc\nd"},
		"a marker with text ends the section and the diff":     {"a\nb\na", "@@\n-a\n+c\n*** End of File x\njunk", "c\nb\na"},
		"a final newline survives":                             {"a\nb\n", "@@\n-a\n+c", "c\nb\n"},
		"a missing final newline stays missing":                {"a\nb", "@@\n-b\n+c", "a\nc"},
		"a newline is added by an empty line at the end":       {"a", "@@\n a\n+\n", "a\n"},
		"a final newline goes with the empty last element":     {"a\n", "@@\n a\n-\n", "a"},
		"empty content has one empty line":                     {"", "@@\n-\n+a", "a"},
		"content is split at newlines only":                    {"a\vb\fc\u2028d", "@@\n-a\vb\fc\u2028d\n+x", "x"},
		"everything can go":                                    {"a", "@@\n-a", ""},
		"a diff with CRLF line ends adds lines without them":   {"a\nb", "@@\r\n-a\r\n+c\r\n", "c\nb"},
		"a CRLF file's kept lines keep their carriage returns": {"a\r\nb\r\nc\r\n", "@@\n a\n-b\n+x\n c", "a\r\nx\nc\r\n"},

		// How a section opens.
		"the first section may lack its opening":               {"a\nb", " a\n-b\n+c", "a\nc"},
		"so may another while the cursor is still 0":           {"a", "@@\n+x\n@@ \n-a\n+y", "x\ny"},
		"an opening with nothing behind the blank is skipped":  {"a", "@@ \n-a\n+b", "b"},
		"a bare one may follow the skipped one":                {"a\nb", "@@\n-a\n+x\n@@ \n@@\n-b\n+y", "x\ny"},
		"an anchor of blanks opens and moves nothing":          {"a\nb\nc", "@@\n a\n@@   \n-b\n+x", "a\nx\nc"},
		"an anchor moves the cursor just past its line":        {"f\nx\ng\nx", "@@ g\n-x\n+y", "f\nx\ng\ny"},
		"the anchor's own line is no part of the section":      {"g\ng", "@@ g\n-g\n+h", "g\nh"},
		"an anchor is compared exactly first":                  {" g\nx\ng\nx", "@@ g\n-x\n+y", " g\nx\ng\ny"},
		"and by trimmed text when that fails":                  {"f\nx\n\tg \nx", "@@ g\n-x\n+y", "f\nx\n\tg \ny"},
		"an anchor found nowhere leaves the cursor":            {"a\nb", "@@ nowhere\n-a\n+c", "c\nb"},
		"an anchor that a line before equals is passed":        {"g\nx\ng\nx", "@@ g\n x\n@@ g\n-g\n+h", "g\nx\nh\nx"},
		"so is one that a line before equals when trimmed":     {" g\nx\ng \nx", "@@  g\n x\n@@ g\t\n-g \n+h", " g\nx\nh\nx"},
		"an exact line before rules out the trimmed search":    {"g\nx\n g\nx", "@@ g\n x\n@@ g\n- g\n+h", "g\nx\nh\nx"},
		"a trimmed line before does not rule out an exact one": {" g\nx\ng\ny\ny", "@@\n  g\n@@ g\n-y\n+z", " g\nx\ng\nz\ny"},
		"trimming takes a BOM for white space":                 {"\ufeffg\nx", "@@ g\n-x\n+y", "\ufeffg\ny"},

		// The lines of a section.
		"an empty line is an empty context line":                {"a\n\nb", "@@\n a\n\n-b\n+c", "a\n\nc"},
		"a lone blank is one too":                               {"a\n\nb", "@@\n a\n \n-b", "a\n"},
		"a section of context changes nothing":                  {"a\nb", "@@\n a\n b", "a\nb"},
		"removed and added lines may alternate":                 {"a\nb", "@@\n-a\n+x\n-b\n+y", "x\ny"},
		"added lines before removed ones take their place":      {"a\nb", "@@\n+x\n-a", "x\nb"},
		"a section may hold several changes":                    {"a\nb\nc\nd", "@@\n-a\n+x\n b\n c\n-d\n+y", "x\nb\nc\ny"},
		"added lines go behind the context before them":         {"a\nb", "@@\n a\n+x\n b", "a\nx\nb"},
		"added text may look like markup":                       {"a", "@@\n a\n+@@\n++\n+*** End Patch", "a\n@@\n+\n*** End Patch"},
		"sections apply in order":                               {"a\nb\nc", "@@\n-a\n+x\n@@\n-c\n+z", "x\nb\nz"},
		"the cursor moves past the pattern":                     {"x\nx\nx", "@@\n-x\n+1\n@@\n-x\n+2", "1\n2\nx"},
		"an empty pattern matches at the cursor":                {"a\nb", "@@ a\n+x", "a\nx\nb"},
		"with the cursor at 0 it matches at the start":          {"a\nb", "@@\n+x", "x\na\nb"},
		"a marker alone moves the cursor to the end":            {"a\na", "@@\n*** End of File\n@@ \n@@\n+z", "a\na\nz"},
		"an anchor before a marker alone is looked for as well": {"a\nb", "@@ a\n*** End of File\n@@\n+z", "a\nb\nz"},

		// How the pattern is found.
		"exactly":                                         {"a\n a\na ", "@@\n-a \n+x", "a\n a\nx"},
		"ignoring trailing white space":                   {"b\na \t\nc", "@@\n-a\n+x", "b\nx\nc"},
		"ignoring surrounding white space":                {"b\n\t a \nc", "@@\n-a\n+x", "b\nx\nc"},
		"an exact match far away wins over a loose one":   {"a \nb\na", "@@\n-a\n+x", "a \nb\nx"},
		"trailing white space wins over surrounding":      {" a\nb\na ", "@@\n-a\n+x", " a\nb\nx"},
		"of equal matches the first one wins":             {"a\nb\na", "@@\n-a\n+x", "x\nb\na"},
		"a BOM is white space":                            {"\ufeffa\nb", "@@\n a\n-b\n+c", "\ufeffa\nc"},
		"so are the Unicode blanks":                       {"\u00a0\u2003a\u3000\nb", "@@\n a\n-b\n+c", "\u00a0\u2003a\u3000\nc"},
		"kept lines keep the original's white space":      {"\ta\n  b  \nc", "@@\n a\n b\n-c\n+d", "\ta\n  b  \nd"},
		"bytes that are not UTF-8 are compared as bytes":  {"\xff\nb", "@@\n \xff\n-b\n+c", "\xff\nc"},
		"a repeated beginning does not hide a match":      {"a\na\nb", "@@\n a\n-b\n+c", "a\na\nc"},
		"an empty line matches one of white space":        {"a\n  \nb", "@@\n a\n\n-b\n+c", "a\n  \nc"},
		"the pattern may be the whole content":            {"a\nb\n", "@@\n-a\n-b\n-\n+x", "x"},
		"the search starts at the anchor, not before it":  {"x\ng\nx", "@@ g\n-x\n+y", "x\ng\ny"},
		"context joins sections that share no white room": {"a\nb\nc", "@@\n a\n@@\n b\n+x\n c", "a\nb\nx\nc"},

		// End-of-file sections.
		"the marker prefers the end":                           {"a\nb\na", "@@\n-a\n+x\n*** End of File", "a\nb\nx"},
		"a loose match at the end wins over an exact one":      {"a\nb\n a ", "@@\n-a\n+x\n*** End of File", "a\nb\nx"},
		"else it is found as usual":                            {"a\nb\nc", "@@\n-a\n+x\n*** End of File", "x\nb\nc"},
		"a final newline puts the last line before the end":    {"a\nb\na\n", "@@\n-a\n+x\n*** End of File", "x\nb\na\n"},
		"unless the pattern shows the empty element":           {"a\nb\na\n", "@@\n-a\n+x\n \n*** End of File", "a\nb\nx\n"},
		"an empty pattern matches behind the last element":     {"a\n", "@@\n+z\n*** End of File", "a\n\nz"},
		"without a final newline right behind the last line":   {"a", "@@\n+z\n*** End of File", "a\nz"},
		"the end of the content counts even before the cursor": {"a\nb", "@@\n a\n b\n@@\n b\n*** End of File", "a\nb"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := v4a.Update(tc.content, tc.diff)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("content (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUpdateRefusesBrokenDiffs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		content, diff string
		line          int
		text          string
	}{
		"a later section without an opening":           {"a\nb", "@@\n-a\n*** End of File\n-b", 4, "-b"},
		"an opening with nothing behind it does not":   {"a\nb", "@@\n-a\n@@ \n-b", 4, "-b"},
		"text right behind the opening":                {"a", "@@a\n-a", 1, "@@a"},
		"the same in a later section":                  {"a\nb", "@@\n-a\n@@b\n-b", 3, "@@b"},
		"a line that is neither context nor change":    {"a", "@@\na", 2, "a"},
		"a tab in place of the blank":                  {"a", "@@\n\ta", 2, "\ta"},
		"other stars in a section":                     {"a", "@@\n-a\n*** Begin Patch", 3, "*** Begin Patch"},
		"four stars":                                   {"a", "@@\n-a\n****", 3, "****"},
		"three stars after a section":                  {"a", "@@\n-a\n***", 3, "***"},
		"three stars at the start":                     {"a", "***\n-a", 1, "***"},
		"three stars in a new section":                 {"a", "@@\n***", 2, "***"},
		"three stars while the cursor is still 0":      {"a", "@@\n+x\n***", 3, "***"},
		"a section without lines at the end":           {"a", "@@", 2, ""},
		"one before another section":                   {"a", "@@\n@@\n-a", 2, "@@"},
		"one before a terminator":                      {"a", "@@\n*** End Patch", 2, "*** End Patch"},
		"an anchor and nothing else":                   {"a", "@@ a", 2, ""},
		"an end-of-file marker with text behind it":    {"a", "@@\n*** End of File x", 2, "*** End of File x"},
		"a blank opening, a marker and an open end":    {"a", "@@ \n@@\n", 3, ""},
		"an anchor right after an anchor":              {"a\nb", "@@ a\n@@ b\n+x", 2, "@@ b"},
		"an end-of-file marker with a blank behind it": {"a", "@@\n*** End of File \n", 2, "*** End of File "},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := v4a.Update(tc.content, tc.diff)
			wantSyntaxError(t, err, tc.line, tc.text)
		})
	}
}

func TestUpdateShowsThePatternThatItDidNotFind(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		content, diff string
		want          v4a.MatchError
		message       string
	}{
		"context and removed lines": {
			"a\nb", "@@\n a\n-c\n+d",
			v4a.MatchError{Pattern: []string{"a", "c"}},
			"context not found in the rest of the file:\na\nc",
		},
		"in an end-of-file section": {
			"a\nb", "@@\n-c\n*** End of File",
			v4a.MatchError{Pattern: []string{"c"}, AtEndOfFile: true},
			"context not found at the end of the file:\nc",
		},
		"before the cursor": {
			"a\nb", "@@\n b\n@@\n a",
			v4a.MatchError{Pattern: []string{"a"}},
			"context not found in the rest of the file:\na",
		},
		"before the anchor": {
			"a\nb", "@@ b\n-a",
			v4a.MatchError{Pattern: []string{"a"}},
			"context not found in the rest of the file:\na",
		},
		"longer than the content": {
			"a", "@@\n a\n \n*** End of File",
			v4a.MatchError{Pattern: []string{"a", ""}, AtEndOfFile: true},
			"context not found at the end of the file:\na\n",
		},
		"where only a next line differs by U+0085, no white space": {
			"a\u0085", "@@\n-a",
			v4a.MatchError{Pattern: []string{"a"}},
			"context not found in the rest of the file:\na",
		},
		"where inner white space differs": {
			"a  b", "@@\n-a b",
			v4a.MatchError{Pattern: []string{"a b"}},
			"context not found in the rest of the file:\na b",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := v4a.Update(tc.content, tc.diff)
			got, ok := errors.AsType[*v4a.MatchError](err)
			if !ok {
				t.Fatalf("err = %v, want a *MatchError", err)
			}
			if diff := cmp.Diff(tc.want, *got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if got.Error() != tc.message {
				t.Errorf("message = %q, want %q", got, tc.message)
			}
		})
	}
}

// An end-of-file section may be found before the cursor, where another change
// has been made already.
func TestUpdateRefusesOverlappingChanges(t *testing.T) {
	t.Parallel()
	for name, diff := range map[string]string{
		"the same line removed twice":     "@@\n-a\n-b\n+x\n@@\n-b\n+y\n*** End of File",
		"lines added before a change":     "@@\n-a\n-b\n+x\n@@\n+y\n b\n*** End of File",
		"a pattern around another change": "@@\n a\n-b\n+x\n@@\n-a\n-b\n*** End of File",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := v4a.Update("a\nb", diff); !errors.Is(err, v4a.ErrOverlap) {
				t.Errorf("Update = %q, %v, want %v", got, err, v4a.ErrOverlap)
			}
		})
	}
}

func TestWhiteSpaceIsECMAScripts(t *testing.T) {
	t.Parallel()
	for _, r := range "\t\n\v\f\r \u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000\ufeff" {
		if !v4a.IsSpace(r) {
			t.Errorf("IsSpace(%U) = false", r)
		}
	}
	for _, r := range "\x00\x1c\u0085\u180e\u200b\u2060a" {
		if v4a.IsSpace(r) {
			t.Errorf("IsSpace(%U) = true", r)
		}
	}
}
