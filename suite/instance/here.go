package instance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// outputDelay is how long RunHere waits for output after the program has ended.
const outputDelay = time.Second

// RunHere runs a program without the agent, in a directory that is absolute or
// relative to the local root, and returns what an exec would. Of its user it sees as
// little as the agent. The error is for a program that could not be run or did not end
// in time.
func (i *Instance) RunHere(ctx context.Context, dir string, argv ...string) (*agentv1.ExecResponse, error) {
	if i.local == "" {
		return nil, errors.New("the agent's files are not on this machine")
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	if cmd.Dir = dir; !filepath.IsAbs(dir) {
		cmd.Dir = filepath.Join(i.local, filepath.FromSlash(dir))
	}
	cmd.Env = i.beside
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = outputDelay
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("run %s: %w", argv[0], context.Cause(ctx))
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		return nil, fmt.Errorf("run %s: %w", argv[0], err)
	} else if ok && exit.ExitCode() < 0 {
		return nil, fmt.Errorf("run %s: %w", argv[0], err)
	}
	return &agentv1.ExecResponse{
		ExitCode: int32(cmd.ProcessState.ExitCode()), Stdout: stdout.Bytes(), Stderr: stderr.Bytes(),
	}, nil
}
