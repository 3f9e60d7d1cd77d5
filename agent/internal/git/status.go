package git

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"agentproof/agent/internal/workspace"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// errNoHead tells output that does not say what is checked out, so that it is
// not what "status --porcelain=v2 --branch" prints.
var errNoHead = errors.New("no line names the branch")

// parseStatus reads what git status prints in porcelain format version 2 with
// branch lines. It is strict: output in another format is an error, not a
// status with parts missing.
//
// The lines are read as they are, not those of a second run with -z: that
// prints paths relative to the repository instead of the working directory
// (git.status.path), and another moment's state.
func parseStatus(out []byte) (*agentv1.GitStatus, error) {
	s := new(agentv1.GitStatus)
	for line := range bytes.Lines(out) {
		text, ended := strings.CutSuffix(string(line), "\n")
		if !ended {
			return nil, fmt.Errorf("status line %q has no end", text)
		}
		if err := parseLine(s, text); err != nil {
			return nil, fmt.Errorf("status line %q: %w", text, err)
		}
	}
	if s.GetBranch() == "" {
		return nil, errNoHead
	}
	s.Clean = len(s.GetFiles()) == 0
	return s, nil
}

// The words of a line before its path, the kind included.
const (
	ordinaryFields = 8  // 1 XY sub mH mI mW hH hI
	renamedFields  = 9  // 2 XY sub mH mI mW hH hI score
	unmergedFields = 10 // u XY sub m1 m2 m3 mW h1 h2 h3
)

// codeLetters are the changes that a side can have; "." is none.
const codeLetters = ".MTADRCU"

func parseLine(s *agentv1.GitStatus, line string) error {
	kind, rest, ok := strings.Cut(line, " ")
	if !ok {
		return errors.New("nothing but one word")
	}
	switch kind {
	case "#":
		return parseHeader(s, rest)
	case "1":
		return parseEntry(s, line, ordinaryFields)
	case "2":
		return parseEntry(s, line, renamedFields)
	case "u":
		return parseEntry(s, line, unmergedFields)
	case "?":
		path, err := unquote(rest)
		if err != nil {
			return err
		}
		s.Files = append(s.Files, &agentv1.GitFileStatus{Path: path, Code: "??"})
		return nil
	case "!":
		// Listed only on request, and no change (git.status.clean).
		_, err := unquote(rest)
		return err
	default:
		return errors.New("unknown kind of line")
	}
}

// parseHeader reads what follows "# ". Headers that it does not know may come
// with newer versions or further arguments, and change nothing.
func parseHeader(s *agentv1.GitStatus, header string) error {
	name, value, _ := strings.Cut(header, " ")
	switch name {
	case "branch.head":
		if value == "" {
			return errors.New("the branch has no name")
		}
		s.Branch = workspace.Text(value)
	case "branch.upstream":
		s.Upstream = workspace.Text(value)
	case "branch.ab":
		ahead, behind, ok := strings.Cut(value, " ")
		if !ok {
			return errors.New("want two counts")
		}
		var err error
		if s.Ahead, err = parseCount(ahead, "+"); err != nil {
			return err
		}
		s.Behind, err = parseCount(behind, "-")
		return err
	}
	return nil
}

// parseCount reads a count with its sign. git prints "?" where it was told not
// to count.
func parseCount(text, sign string) (int32, error) {
	digits, ok := strings.CutPrefix(text, sign)
	if !ok {
		return 0, fmt.Errorf("count %q lacks its %s", text, sign)
	}
	if digits == "?" {
		return 0, nil
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("count: %w", err)
	}
	return int32(n), nil
}

// parseEntry reads a line that has so many words before its path.
func parseEntry(s *agentv1.GitStatus, line string, fields int) error {
	words := strings.SplitN(line, " ", fields+1)
	if len(words) <= fields {
		return errors.New("words are missing")
	}
	kind, code, path := words[0], words[1], words[fields]
	if len(code) != 2 || strings.Trim(code, codeLetters) != "" {
		return fmt.Errorf("code %q is not two of %s", code, codeLetters)
	}
	if kind == "2" {
		// The new path comes first (git.status.rename). A tab in a name would
		// be quoted.
		var ok bool
		if path, _, ok = strings.Cut(path, "\t"); !ok {
			return errors.New("a renamed file lacks its old path")
		}
	}
	path, err := unquote(path)
	if err != nil {
		return err
	}
	s.Files = append(s.Files, &agentv1.GitFileStatus{
		Path: path,
		Code: code,
		// A conflict waits in the index, but nothing of it is staged.
		Staged: kind != "u" && code[0] != '.',
	})
	return nil
}

// unquote undoes git's quoting of a path, which is that of C with octal escapes
// for bytes: a subset of Go's (git.status.path-odd).
func unquote(path string) (string, error) {
	if strings.HasPrefix(path, `"`) {
		plain, err := strconv.Unquote(path)
		if err != nil {
			return "", fmt.Errorf("path %s: %w", path, err)
		}
		path = plain
	}
	if path == "" {
		return "", errors.New("the path is empty")
	}
	return workspace.Text(path), nil
}
