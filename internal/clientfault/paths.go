package clientfault

func paths() []Fault {
	const (
		file   = "session/path.go"
		mapped = "ToMachinePath"
		leads  = "a file where the mapping leads"
		bounds = "session.path.boundaries/"
	)
	return []Fault{
		lie("joins the working directory twice", "session.path.under-root/write-lands-under-the-working-dir", leads,
			Edit{file, mapped, `base + "/" + p`, `base + "/" + base + "/" + p`}),
		lie("takes the root for the agent's own", "session.path.root/lists-the-working-dir", "the working directory's one file listed",
			Edit{file, mapped, `return base`, `return ""`}),
		lie("leaves relative paths to the agent", "session.path.relative/lands-under-the-working-dir", leads,
			Edit{file, mapped, `strings.HasPrefix(p, "/")`, `true`}),
		lie("puts absolute paths below the working directory", "session.path.absolute/stays-as-it-is", "a read to succeed",
			Edit{file, mapped, `strings.HasPrefix(p, "/")`, `false`}),
		lie("knows the root by its first letters", "session.path.absolute/a-name-that-begins-like-the-root", "ErrNotExist; got none",
			Edit{file, mapped, `VirtualRoot+"/"`, `VirtualRoot`}),
		lie("makes an absolute working directory relative", "session.path.working-dir/absolute", leads,
			Edit{file, "baseOf", `strings.TrimSuffix(workingDir, "/")`, `strings.Trim(workingDir, "/")`}),
		lie("takes no working directory for one of the root's name", "session.path.empty-working-dir/means-the-agents-root", leads,
			Edit{file, mapped, "if base == \"\" { return p }", `if base == "" { return VirtualRoot[1:] + "/" + p }`}),
		lie("cleans paths", "session.path.textual/parent-is-left-to-the-machine", leads,
			Edit{file, "Session.machinePath", `ToMachinePath(p, s.cfg.WorkingDir)`, `(&Editor{s}).target(p)`}),
		lie("runs every line in the working directory", bounds+"exec-runs-where-files-are", `for "/workspace/sub" the directory`,
			Edit{"session/exec.go", "Session.Exec", `s.machinePath(p.Workdir)`, `s.machinePath("")`}),
		lie("forgets to map the paths that it reads", bounds+"every-file-call", "a read to succeed",
			Edit{"session/files.go", "Session.ReadFile", `s.machinePath(p.Path)`, `p.Path`}),
		lie("asks whether paths exist that it has mapped twice", bounds+"every-file-call", "PathExists true",
			Edit{"session/files.go", "Session.PathExists", `Path: path`, `Path: s.machinePath(path)`}),
		lie("finds nothing where it looks closely", bounds+"every-file-call", "StatFile to find the file true",
			Edit{"session/files.go", "Session.StatFile", `s.machinePath(p.Path)`, `p.Path`}),
	}
}
