package clientfault

func operations() []Fault {
	const (
		execFile, files = "session/exec.go", "session/files.go"
		image           = "session.op.view-image/by-its-bytes"
		streams         = "session.op.exec/streams-and-exit-code"
		write           = "session.op.write-file/append-and-parents"
	)
	return []Fault{
		lie("mixes errors into the output", streams, "want output",
			Edit{execFile, "Session.Exec", `Output: stdout`, `Output: stdout + string(r.GetStderr())`}),
		lie("loses exit codes", streams, "the exit code 3",
			Edit{execFile, "Session.Exec", `ExitCode: int(r.GetExitCode())`, `ExitCode: 0`}),
		lie("runs a line without a shell", "session.op.exec/is-a-shell-line", "a command to succeed",
			Edit{execFile, "Session.Exec", `Shell: true`, `Shell: false`}),
		lie("makes text of output", "session.op.strings-as-bytes/output-and-content", "the command's output",
			Edit{execFile, "Session.Exec", `string(r.GetStdout())`, `string([]rune(string(r.GetStdout())))`}),
		lie("reads whole files whatever it is asked for", "session.op.read-file/max-bytes", "the first bytes",
			Edit{files, "Session.ReadFile", `Length: p.MaxBytes`, `Length: 0`}),
		lie("makes parents that nobody wants", write, "ErrNotExist; got none",
			Edit{files, "Session.WriteFile", `!p.NoParents`, `true`}),
		lie("overwrites what it should add to", write, "the file's content",
			Edit{files, "Session.WriteFile", `Append: p.Append`, `Append: false`}),
		lie("takes links for files", "session.op.list-dir/types", "the type of link",
			Edit{files, "entryType", `return EntryOther`, `return EntryFile`}),
		lie("finds every path", "session.op.path-exists/yes-and-no", "there false",
			Edit{files, "Session.StatFile", `Exists: r.GetExists()`, `Exists: true`}),
		lie("makes a media type of a picture's name", image, "the media type",
			Edit{"session/image.go", "Session.ViewImage", `MediaType: mediaType`, `MediaType: "image/" + strings.TrimPrefix(path.Ext(p.Path), ".")`}),
		lie("shows whatever it is asked for as a picture", image, "an error for a file that is no picture",
			Edit{"session/image.go", "ImageType", `return "", false`, `return "application/octet-stream", true`}),
		lie("counts silence as an answer", "session.op.ping/true-and-false", "Ping of nobody false",
			Edit{"session/desktop.go", "Session.Ping", `err == nil`, `true`}),
		lie("counts an agent that is offline as one that answers", "session.rpc.offline/no-such-agent", "Ping false",
			Edit{"session/desktop.go", "Session.Ping", `err == nil`, `err == nil || errors.Is(err, ErrAgentOffline)`}),
		late(lie("counts a broker that is away as an agent that answers", "session.rpc.offline/broker-away", "the session to notice that its broker is away",
			Edit{"session/desktop.go", "Session.Ping", `err == nil`, `err == nil || errors.Is(err, ErrAgentOffline) || errors.Is(err, ErrReconnecting)`})),
	}
}

func editors() []Fault {
	const (
		file    = "session/editor.go"
		editor  = "session.editor."
		updates = "Editor.UpdateFile"
	)
	return []Fault{
		lie("makes no parents of a new file", editor+"create/new-file-with-parents", "a create to succeed",
			Edit{file, "Editor.CreateFile", `WriteFileParams{Path: p.Path, Content: []byte(content)}`,
				`WriteFileParams{Path: p.Path, Content: []byte(content), NoParents: true}`}),
		lie("creates files that exist", editor+"create/refuses-an-existing-path", "fs.ErrExist",
			Edit{file, "Editor.CreateFile", "if exists { return fmt.Errorf(\"create %s: %w\", p.Path, fs.ErrExist) }", ``}),
		lie("writes a file back as it was", editor+"update/applies-the-diff", "the file's content",
			Edit{file, "Editor.apply", `return text, nil`, `return string(data), nil`}),
		lie("says nothing of a diff that does not apply", editor+"all-or-nothing/keeps-the-file", "an error for a diff that does not apply",
			Edit{file, updates, `return fmt.Errorf("update %s: %w", p.Path, err)`, `return nil`}),
		lie("copies where it should move", editor+"move/leaves-one-file", "nothing at the old path",
			Edit{file, updates, `e.target(dest) == e.target(p.Path)`, `true`}),
		lie("knows a file by one spelling", editor+"move/onto-itself-is-none", "a file where the mapping leads",
			Edit{file, updates, `e.target(dest) == e.target(p.Path)`, `dest == p.Path`}),
		lie("puts a name in double quotes", editor+"delete/odd-names-and-only-them", "the file deleted",
			Edit{file, "Editor.DeleteFile", `shellQuote(rel)`, `"\"" + rel + "\""`}),
		// It keeps what it is asked to delete: the machine is a real one.
		lie("says nothing of a delete that it refuses", editor+"refused-path/never-the-project", "to be refused",
			Edit{file, "Editor.DeleteFile",
				`return fmt.Errorf("delete %q: refused: it is, or holds, the working directory", p.Path)`, `return nil`}),
		lie("deletes a file of what it refuses to delete", editor+"refused-path/never-the-project", "a file where the mapping leads",
			Edit{file, "Editor.DeleteFile",
				`return fmt.Errorf("delete %q: refused: it is, or holds, the working directory", p.Path)`,
				`_, _ = e.s.Exec(ctx, ExecParams{Cmd: "rm -f keep"}); return errors.New("refused")`}),
	}
}

func endpoints() []Fault {
	const (
		file     = "session/endpoint.go"
		resolves = "Session.endpoint"
		terminal = "session.endpoint.query/terminal-routing-key"
		query    = `"ws=%s&agent=%s&port=%d&channel=%s"`
		inOrder  = "ws, agent, port, channel in this order"
	)
	return []Fault{
		lie("swaps the workspace and the agent", terminal, inOrder,
			Edit{file, resolves, query, `"ws=%[2]s&agent=%[1]s&port=%[3]d&channel=%[4]s"`}),
		lie("names the agent first", terminal, inOrder,
			Edit{file, resolves, query, `"agent=%[2]s&ws=%[1]s&port=%[3]d&channel=%[4]s"`}),
		lie("names no port", terminal, inOrder,
			Edit{file, resolves, query, `"ws=%[1]s&agent=%[2]s&channel=%[4]s"`}),
		lie("leaves the slash off the path", terminal, "the path",
			Edit{file, resolves, `e.Path = RelayPath`, `e.Path = strings.TrimPrefix(RelayPath, "/")`}),
		lie("calls a terminal a desktop", terminal, "the protocol",
			Edit{file, resolves, `e.Protocol = ProtocolPTY`, `e.Protocol = ProtocolVNC`}),
		lie("names no channel", terminal, "a channel that decodes",
			Edit{file, resolves, `encodeURIComponent(channel)`, `""`}),
		lie("names a channel after its port", "session.endpoint.fresh-terminal/two-calls-two-terminals", "two channels",
			Edit{file, resolves, `ch.GetChannelId()`, `""`}),
		lie("looks for the desktop where terminals are", "session.endpoint.query/desktop-routing-key", inOrder,
			Edit{file, "Session.resolvePort", `s.endpoint(port, resp.GetDesktopEnsure().GetChannel())`, `s.endpoint(TerminalPort, resp.GetDesktopEnsure().GetChannel())`}),
	}
}
