package machine

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Host handles exec, fs_read, fs_write and fs_stat in a directory of this
// machine, with sh as the shell.
func Host(root string) Handler {
	h := host{root}
	return func(req *agentv1.ControlRequest) *agentv1.ControlResponse {
		resp, err := h.handle(req)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return Error(agentv1.ErrorCode_ERROR_CODE_NOT_FOUND, err.Error())
		case err != nil:
			return Error(agentv1.ErrorCode_ERROR_CODE_OS, err.Error())
		}
		return resp
	}
}

type host struct{ root string }

func (h host) handle(req *agentv1.ControlRequest) (*agentv1.ControlResponse, error) {
	switch op := req.GetOp().(type) {
	case *agentv1.ControlRequest_Exec:
		return h.exec(op.Exec)
	case *agentv1.ControlRequest_FsRead:
		data, err := os.ReadFile(h.path(op.FsRead.GetPath()))
		return &agentv1.ControlResponse{Result: &agentv1.ControlResponse_FsRead{
			FsRead: &agentv1.FsReadResponse{Content: data, TotalSize: uint64(len(data))},
		}}, err
	case *agentv1.ControlRequest_FsWrite:
		return h.write(op.FsWrite)
	case *agentv1.ControlRequest_FsStat:
		_, err := os.Lstat(h.path(op.FsStat.GetPath()))
		exists := err == nil
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return &agentv1.ControlResponse{Result: &agentv1.ControlResponse_FsStat{
			FsStat: &agentv1.FsStatResponse{Exists: exists},
		}}, err
	default:
		return nil, errors.ErrUnsupported
	}
}

// path joins as agents do, leaving ".." to the system.
func (h host) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return h.root + "/" + p
}

func (h host) exec(op *agentv1.ExecRequest) (*agentv1.ControlResponse, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.Command("sh", "-c", op.GetCommand()[0])
	cmd.Dir, cmd.Stdout, cmd.Stderr = h.path(op.GetCwd()), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok {
			return nil, err
		}
	}
	return &agentv1.ControlResponse{Result: &agentv1.ControlResponse_Exec{Exec: &agentv1.ExecResponse{
		ExitCode: int32(cmd.ProcessState.ExitCode()), Stdout: stdout.Bytes(), Stderr: stderr.Bytes(),
	}}}, nil
}

func (h host) write(op *agentv1.FsWriteRequest) (*agentv1.ControlResponse, error) {
	path := h.path(op.GetPath())
	if op.GetCreateParents() {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(path, op.GetContent(), 0o644); err != nil {
		return nil, err
	}
	return &agentv1.ControlResponse{Result: &agentv1.ControlResponse_FsWrite{
		FsWrite: &agentv1.FsWriteResponse{BytesWritten: uint64(len(op.GetContent()))},
	}}, nil
}
