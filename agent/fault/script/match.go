package script

import (
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// condition is one entry of a rule's when.
type condition struct {
	key   string
	text  string // of the pattern, quoted
	holds func(*call) bool
}

// operation is one op of the protocol and what a rule can ask of it.
type operation struct {
	name string
	keys []string
}

// operations are the ops that a control plane sends.
func operations() []operation {
	command, file := []string{"argv", "cwd"}, []string{"path"}
	return []operation{
		{"ping", nil}, {"metrics", nil},
		{"exec", command}, {"git", command},
		{"fs_read", file}, {"fs_write", file}, {"fs_list", file}, {"fs_mkdir", file},
		{"fs_move", file}, {"fs_stat", file}, {"fs_remove", file},
		{"pty_open", command}, {"pty_write", nil}, {"pty_resize", nil}, {"pty_close", nil},
		{"desktop_ensure", nil}, {"desktop_input", []string{"event"}}, {"desktop_screenshot", nil},
	}
}

// call is what rules see of a request.
type call struct {
	op    string
	argv  []string
	cwd   location
	paths []location
	event string
}

// location is a path of a request.
type location struct {
	abs string
	rel string // to the root; empty outside of it
}

// newCall reads a request to an agent with that root.
func newCall(root string, req *agentv1.ControlRequest) *call {
	c := &call{op: memberName(req, "op")}
	at := func(p string) location { return locate(root, p) }
	switch op := req.GetOp().(type) {
	case *agentv1.ControlRequest_Exec:
		c.argv, c.cwd = execArgv(op.Exec), at(op.Exec.GetCwd())
	case *agentv1.ControlRequest_PtyOpen:
		c.argv, c.cwd = op.PtyOpen.GetCommand(), at(op.PtyOpen.GetCwd())
	case *agentv1.ControlRequest_Git:
		c.argv, c.cwd = gitArgv(op.Git), at(op.Git.GetCwd())
	case *agentv1.ControlRequest_FsMove:
		c.paths = []location{at(op.FsMove.GetFrom()), at(op.FsMove.GetTo())}
	case *agentv1.ControlRequest_FsRead:
		c.paths = []location{at(op.FsRead.GetPath())}
	case *agentv1.ControlRequest_FsWrite:
		c.paths = []location{at(op.FsWrite.GetPath())}
	case *agentv1.ControlRequest_FsList:
		c.paths = []location{at(op.FsList.GetPath())}
	case *agentv1.ControlRequest_FsMkdir:
		c.paths = []location{at(op.FsMkdir.GetPath())}
	case *agentv1.ControlRequest_FsStat:
		c.paths = []location{at(op.FsStat.GetPath())}
	case *agentv1.ControlRequest_FsRemove:
		c.paths = []location{at(op.FsRemove.GetPath())}
	case *agentv1.ControlRequest_DesktopInput:
		c.event = memberName(op.DesktopInput, "event")
	}
	return c
}

// execArgv is the command line of an exec. What a shell is to read is split at
// white space: good enough to tell one command from another, and "npm install"
// is the same to a rule however a control plane sends it.
func execArgv(req *agentv1.ExecRequest) []string {
	if req.GetShell() {
		return strings.Fields(strings.Join(req.GetCommand(), " "))
	}
	return req.GetCommand()
}

// gitArgv is the command line of a git request without its "git".
func gitArgv(req *agentv1.GitRequest) []string {
	switch name := agentv1.GitOp_name[int32(req.GetOp())]; name {
	case "", "GIT_OP_UNSPECIFIED", "GIT_OP_RAW":
		return req.GetArgs()
	default:
		return append([]string{strings.ToLower(strings.TrimPrefix(name, "GIT_OP_"))}, req.GetArgs()...)
	}
}

// locate gives a request's path as rules compare it: absolute, without "." and
// "..", with slashes. Symlinks are not looked up.
func locate(root, p string) location {
	if !filepath.IsAbs(p) {
		p = filepath.Join(root, p)
	}
	l := location{abs: filepath.ToSlash(filepath.Clean(p))}
	if rel, err := filepath.Rel(root, p); err == nil && filepath.IsLocal(rel) {
		l.rel = filepath.ToSlash(rel)
	}
	return l
}

// memberName is the field that is set of a message's oneof, "none" without one.
func memberName(m proto.Message, oneof protoreflect.Name) string {
	r := m.ProtoReflect()
	if f := r.WhichOneof(r.Descriptor().Oneofs().ByName(oneof)); f != nil {
		return string(f.Name())
	}
	return "none"
}

// locationMatcher compares locations with a pattern: an absolute one with the
// absolute path, any other with the path below the root.
func locationMatcher(pattern string) (func(location) bool, error) {
	pattern = strings.TrimPrefix(pattern, "./")
	if len(pattern) > 1 {
		pattern = strings.TrimSuffix(pattern, "/")
	}
	g, err := pathGlob(pattern)
	if err != nil {
		return nil, err
	}
	if path.IsAbs(pattern) || regexp.MustCompile(`^[A-Za-z]:/`).MatchString(pattern) {
		return func(l location) bool { return g.matches(l.abs) }, nil
	}
	return func(l location) bool { return l.rel != "" && g.matches(l.rel) }, nil
}

// argvMatcher compares a command line with one pattern for each element, where
// a last "**" stands for any number of them, none included.
func argvMatcher(globs []glob) func(argv []string) bool {
	open := len(globs) > 0 && globs[len(globs)-1].text == "**"
	if open {
		globs = globs[:len(globs)-1]
	}
	return func(argv []string) bool {
		if len(argv) < len(globs) || len(argv) > len(globs) && !open {
			return false
		}
		return slices.EqualFunc(globs, argv[:len(globs)], glob.matches)
	}
}
