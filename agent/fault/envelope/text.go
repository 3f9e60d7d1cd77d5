package envelope

import (
	"slices"
	"strings"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// odd tells a name that no string on the wire can hold, before or after it was
// made one.
func odd(s string) bool { return strings.ToValidUTF8(s, "") != s || strings.Contains(s, "\uFFFD") }

// bare has no mark for bad bytes.
func bare(s string) string { return strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\uFFFD", "") }

// lavish has more marks than there are bad bytes.
func lavish(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\uFFFD", "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD")
}

// text are agents that do not tell bytes as text as they should.
func text() []fault.Mutant {
	const utf8, never = "envelope.string-utf8/", "envelope.unencodable/never-silence"
	names := []string{utf8 + "file-names", utf8 + "paths-below"}
	return []fault.Mutant{
		{Name: "leaves bad bytes out of names", Case: utf8 + "file-names", Says: `"lone-\xff-byte" in names`, Also: names,
			Fault: lists(func(l *agentv1.FsListResponse) {
				for _, e := range l.GetEntries() {
					e.Name = bare(e.GetName())
				}
			})},
		{Name: "has more marks than bad bytes", Case: utf8 + "file-names", Says: "U+FFFD in the place of the bad bytes", Also: names,
			Fault: lists(func(l *agentv1.FsListResponse) {
				for _, e := range l.GetEntries() {
					e.Name = lavish(e.GetName())
				}
			})},
		{Name: "leaves bad bytes out of paths", Case: utf8 + "paths-below", Says: `"lone-\xff-byte" in paths`, Also: names,
			Fault: lists(func(l *agentv1.FsListResponse) {
				for _, e := range l.GetEntries() {
					e.Path = bare(e.GetPath())
				}
			})},
		{Name: "leaves bad bytes out of git's paths", Case: utf8 + "git-paths", Says: `"lone-\xff-byte" in git paths`,
			Fault: fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				for _, f := range resp.GetGit().GetStatus().GetFiles() {
					f.Path = bare(f.GetPath())
				}
			})},
		{Name: "hides odd names", Case: utf8 + "file-names", Says: "all entries", Also: names,
			Fault: lists(func(l *agentv1.FsListResponse) {
				l.Entries = slices.DeleteFunc(l.GetEntries(), func(e *agentv1.FsEntry) bool { return odd(e.GetName()) })
			})},
		{Name: "blames the caller for odd names", Case: never, Says: "got PROTOCOL",
			Fault: fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if oddList(resp) {
					resp.Result, resp.Error = nil, &agentv1.AgentError{Code: protocol}
				}
			})},
		{Name: "keeps silent about odd names", Case: never, Says: "silence", Scale: soon,
			Config: fault.Replies(func(resp *agentv1.ControlResponse) []*agentv1.ControlResponse {
				if oddList(resp) {
					return nil
				}
				return []*agentv1.ControlResponse{resp}
			})},
	}
}

func lists(edit func(*agentv1.FsListResponse)) agent.Middleware {
	return fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if l := resp.GetFsList(); l != nil {
			edit(l)
		}
	})
}

func oddList(resp *agentv1.ControlResponse) bool {
	return slices.ContainsFunc(resp.GetFsList().GetEntries(), func(e *agentv1.FsEntry) bool { return odd(e.GetName()) })
}
