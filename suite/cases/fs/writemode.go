package fs

import (
	"context"
	"fmt"
	"strconv"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

func writeModeCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "fs.write.creation-mode/under-the-umask",
			Clause:  "fs.write.creation-mode",
			Needs:   needs,
			Explain: "A key is written 0600 and a script 0755; what the machine's owner masks stays masked.",
			Run:     creationMode,
		},
		{
			ID:      "fs.write.creation-mode/append-creates",
			Clause:  "fs.write.creation-mode",
			Needs:   needs,
			Explain: "An upload in pieces creates its file by appending, and the program it uploads must be executable all the same.",
			Run:     creationModeOfAppend,
		},
		{
			ID:      "fs.write.creation-mode/new-files-only",
			Clause:  "fs.write.creation-mode",
			Needs:   needs,
			Explain: "A mode in a write to an existing file must not open it to others, or take its executable bit.",
			Run:     modeOfExistingFile,
		},
		{
			ID:      "fs.write.keeps-mode/of-an-existing-file",
			Clause:  "fs.write.keeps-mode",
			Needs:   needs,
			Explain: "Editing a script must leave it executable, and editing a secret must leave it secret.",
			Try:     "chmod 755 run.sh && fakeagent call write run.sh < new.sh && ls -l run.sh",
			Run:     keepsMode,
		},
	}
}

// umask is the agent's, which its commands inherit.
func umask(ctx context.Context, t *engine.T) uint32 {
	return engine.Decode[helper.Report](t, t.Given().Run(ctx, "report")).Umask
}

// wantFileMode checks the permission bits that a file has.
func wantFileMode(ctx context.Context, t *engine.T, what, name string, want uint32) {
	wantMode(t, "as permissions of "+what, wantType(ctx, t, name, "file").Mode&0o777, want)
}

func creationMode(ctx context.Context, t *engine.T) {
	mask := umask(ctx, t)
	t.Logf("the agent's umask is %#o", mask)
	for _, mode := range []uint32{0o600, 0o640, 0o755, 0o666, 0o777} {
		name := fmt.Sprintf("created-%#o", mode)
		write(ctx, t, &agentv1.FsWriteRequest{Path: t.Path(ctx, name), Content: []byte("x"), Mode: mode})
		wantFileMode(ctx, t, "a new file with the mode "+fmt.Sprintf("%#o", mode), name, mode&^mask)
	}
}

func creationModeOfAppend(ctx context.Context, t *engine.T) {
	mask := umask(ctx, t)
	write(ctx, t, &agentv1.FsWriteRequest{Path: t.Path(ctx, "tool"), Content: []byte("x"), Append: true, Mode: 0o700})
	wantFileMode(ctx, t, "a file that an append creates", "tool", 0o700&^mask)
	write(ctx, t.Given(), &agentv1.FsWriteRequest{Path: t.Path(ctx, "new/tool"), Content: []byte("x"), CreateParents: true, Mode: 0o700})
	wantFileMode(ctx, t, "a file in a new directory", "new/tool", 0o700&^mask)
}

func modeOfExistingFile(ctx context.Context, t *engine.T) {
	file := t.File(ctx, "file", "old")
	t.Arrange(ctx, "chmod", "640", "file")
	write(ctx, t, &agentv1.FsWriteRequest{Path: file, Content: []byte("new"), Mode: 0o777})
	wantFileMode(ctx, t, "a file that was there before", "file", 0o640)
	write(ctx, t, &agentv1.FsWriteRequest{Path: file, Content: []byte("more"), Append: true, Mode: 0o600})
	wantFileMode(ctx, t, "a file that was appended to", "file", 0o640)
}

func keepsMode(ctx context.Context, t *engine.T) {
	for _, mode := range []uint32{0o755, 0o600, 0o622} {
		name := fmt.Sprintf("with-%#o", mode)
		file := t.File(ctx, name, "old")
		t.Arrange(ctx, "chmod", strconv.FormatUint(uint64(mode), 8), name)
		write(ctx, t, &agentv1.FsWriteRequest{Path: file, Content: []byte("new")})
		wantFileMode(ctx, t, fmt.Sprintf("a file with %#o that was written", mode), name, mode)
		write(ctx, t, &agentv1.FsWriteRequest{Path: file, Content: []byte("er"), Append: true})
		wantFileMode(ctx, t, fmt.Sprintf("a file with %#o that was appended to", mode), name, mode)
	}
}
