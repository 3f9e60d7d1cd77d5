package errs

import (
	"context"
	"strconv"
	"strings"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

func detailCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "error.detail/file-operations",
			Clause:  "error.detail",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "The wording of a message is for people. A program decides by the errno, and a log needs to know what was tried on what.",
			Try:     "echo x | fakeagent call write file; fakeagent call read file/x; the error's detail through any NATS client",
			Run:     func(ctx context.Context, t *engine.T) { detailed(ctx, t, throughFile(ctx, t)) },
		},
		{
			ID:      "error.detail/program-that-cannot-start",
			Clause:  "error.detail",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "“Permission denied” alone says neither which program nor whether it was the directory.",
			Try:     "touch script; fakeagent call exec --argv ./script",
			Run:     func(ctx context.Context, t *engine.T) { detailed(ctx, t, notExecutable(ctx, t)) },
		},
		{
			ID:      "error.detail/git-working-directory",
			Clause:  "error.detail",
			Needs:   engine.Git | engine.Filesystem,
			Explain: "A failure to start git carries the same details as one to start a command.",
			Try:     "echo x | fakeagent call write file; fakeagent call git --cwd file/x status",
			Run: func(ctx context.Context, t *engine.T) {
				needGit(ctx, t)
				detailed(ctx, t, each(enotdir, gitIn(t.File(ctx, obstacle, "")+"/inner")))
			},
		},
		{
			ID:      "error.errno-value/path-through-a-file",
			Clause:  "error.errno-value",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A wrong errno sends a program down the wrong path, which is worse than none.",
			Try:     "echo x | fakeagent call write file; fakeagent call read file/x; the error's detail through any NATS client",
			Run:     func(ctx context.Context, t *engine.T) { rightErrno(ctx, t, throughFile(ctx, t)) },
		},
		{
			ID:      "error.errno-value/links-in-a-circle",
			Clause:  "error.errno-value",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "ELOOP has another number on each system, so that an agent with a table of its own gets it wrong.",
			Try:     "fakeagent call exec 'ln -s loop loop'; fakeagent call read loop; the error's detail through any NATS client",
			Run:     func(ctx context.Context, t *engine.T) { rightErrno(ctx, t, throughLoop(ctx, t)) },
		},
		{
			ID:      "error.errno-value/name-too-long",
			Clause:  "error.errno-value",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "ENAMETOOLONG tells a program to shorten a name rather than to ask for more rights.",
			Try:     "fakeagent call read $(printf '%300s' | tr ' ' x); the error's detail through any NATS client",
			Run:     func(ctx context.Context, t *engine.T) { rightErrno(ctx, t, tooLong(ctx, t)) },
		},
		{
			ID:      "error.errno-value/wrong-kind-of-file",
			Clause:  "error.errno-value",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "EISDIR, ENOTDIR, EEXIST and ENOTEMPTY each ask for another remedy.",
			Try:     "echo x | fakeagent call write file; fakeagent call ls file; the error's detail through any NATS client",
			Run:     func(ctx context.Context, t *engine.T) { rightErrno(ctx, t, wrongKind(ctx, t)) },
		},
		{
			ID:      "error.errno-value/program-that-cannot-start",
			Clause:  "error.errno-value",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "EACCES of a program says that chmod helps.",
			Try:     "echo x | fakeagent call write script; fakeagent call exec --argv ./script; the error's detail through any NATS client",
			Run:     func(ctx context.Context, t *engine.T) { rightErrno(ctx, t, notExecutable(ctx, t)) },
		},
		{
			ID:      "error.errno-value/missing",
			Clause:  "error.errno-value",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A NOT_FOUND may carry an errno too, and there is only one that fits.",
			Try:     "fakeagent call read no/such/file; the error's detail through any NATS client",
			Run: func(ctx context.Context, t *engine.T) {
				missing := t.Path(ctx, "missing")
				rightErrno(ctx, t, each(enoent, readOf(missing), listOf(missing), removeOf(missing),
					writeOf(missing+"/inner"), mkdirOf(missing+"/inner"), move(missing, t.Path(ctx, "moved")),
					execIn(missing), run(t.Abs(ctx, missing))))
			},
		},
	}
}

// errno is the number of one error on the systems that agents run on.
type errno struct {
	name         string
	linux, macos int
}

var (
	enoent       = errno{"ENOENT", 2, 2}
	eacces       = errno{"EACCES", 13, 13}
	eexist       = errno{"EEXIST", 17, 17}
	enotdir      = errno{"ENOTDIR", 20, 20}
	eisdir       = errno{"EISDIR", 21, 21}
	enametoolong = errno{"ENAMETOOLONG", 36, 63}
	enotempty    = errno{"ENOTEMPTY", 39, 66}
	eloop        = errno{"ELOOP", 40, 62}
)

// number is the errno on that system, in decimal.
func (e errno) number(system string) string {
	if system == "darwin" {
		return strconv.Itoa(e.macos)
	}
	return strconv.Itoa(e.linux)
}

func notExecutable(ctx context.Context, t *engine.T) []failure {
	return each(eacces, run(t.Abs(ctx, t.File(ctx, obstacle, "#!/bin/sh\n"))))
}

// errorOf is the error of an operation that some other case judges; one that
// succeeds blocks this one.
func errorOf(ctx context.Context, t *engine.T, a engine.Attempt) *agentv1.AgentError {
	e := t.Call(ctx, a.Op).GetError()
	if e == nil {
		t.Given().Fatalf("an error for "+a.What, "a result")
	}
	return e
}

// detailed checks that each failure says what was tried, on what, and how the
// system answered.
func detailed(ctx context.Context, t *engine.T, failures []failure) {
	for _, f := range failures {
		detail := errorOf(ctx, t, f.Attempt).GetDetail()
		number := detail["errno"]
		_, err := strconv.ParseUint(number, 10, 16)
		t.Check(err == nil, "a decimal errno in the details of "+f.What, "%q", number)
		where := detail["context"]
		// The name of what was in the way belongs to every path that was tried.
		t.Check(strings.Contains(where, obstacle), "the path in the detail context of "+f.What, "%q", where)
		t.Check(len(strings.Fields(where)) > 1, "what was tried in the detail context of "+f.What, "a word alone: %q", where)
	}
}

// rightErrno checks the number where there is one.
func rightErrno(ctx context.Context, t *engine.T, failures []failure) {
	system := systemOf(ctx, t)
	if system != "linux" && system != "darwin" {
		t.Untestable("the error numbers of the agent's system are not known here")
	}
	for _, f := range failures {
		want := f.errno.number(system)
		if got, present := errorOf(ctx, t, f.Attempt).GetDetail()["errno"]; present && got != want {
			t.Errorf("errno "+want+", "+f.errno.name+", for "+f.What, "%q", got)
		}
	}
}
