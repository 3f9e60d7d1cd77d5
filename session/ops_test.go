package session_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
	"agentproof/session/internal/machine"
)

// Each call is looked at on the wire, as the machine got it, and in what it
// gives its caller.
func TestOperations(t *testing.T) {
	t.Parallel()
	execReq := func(cmd, cwd string) *agentv1.ControlRequest {
		return &agentv1.ControlRequest{Op: &agentv1.ControlRequest_Exec{Exec: &agentv1.ExecRequest{
			Command: []string{cmd}, Shell: true, Cwd: cwd,
		}}}
	}
	readReq := func(r *agentv1.FsReadRequest) *agentv1.ControlRequest {
		return &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsRead{FsRead: r}}
	}
	writeReq := func(r *agentv1.FsWriteRequest) *agentv1.ControlRequest {
		return &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsWrite{FsWrite: r}}
	}
	listReq := func(r *agentv1.FsListRequest) *agentv1.ControlRequest {
		return &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsList{FsList: r}}
	}
	statReq := func(path string) *agentv1.ControlRequest {
		return &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsStat{FsStat: &agentv1.FsStatRequest{Path: path}}}
	}
	execResp := &agentv1.ControlResponse{Result: &agentv1.ControlResponse_Exec{Exec: &agentv1.ExecResponse{
		ExitCode: 3, Stdout: []byte("out\x00\xff"), Stderr: []byte("err\xfe"), TimedOut: true, DurationMs: 1500,
	}}}
	readResp := &agentv1.ControlResponse{Result: &agentv1.ControlResponse_FsRead{FsRead: &agentv1.FsReadResponse{Content: []byte("\x89PNG\x00\xff"), TotalSize: 6}}}
	writeResp := &agentv1.ControlResponse{Result: &agentv1.ControlResponse_FsWrite{FsWrite: &agentv1.FsWriteResponse{BytesWritten: 5}}}
	entries := []*agentv1.FsEntry{
		{Name: "d", Path: "d", Kind: agentv1.FsEntryKind_FS_ENTRY_KIND_DIRECTORY},
		{Name: "f", Path: "d/f", Kind: agentv1.FsEntryKind_FS_ENTRY_KIND_FILE, Size: 5, ModifiedMs: 7, Mode: 0o100644},
		{Name: "l", Path: "l", Kind: agentv1.FsEntryKind_FS_ENTRY_KIND_SYMLINK},
		{Name: "u", Path: "u"},
		{Name: "n", Path: "n", Kind: 9},
	}
	listResp := &agentv1.ControlResponse{Result: &agentv1.ControlResponse_FsList{FsList: &agentv1.FsListResponse{Entries: entries}}}
	statResp := func(exists bool) *agentv1.ControlResponse {
		r := &agentv1.FsStatResponse{Exists: exists}
		if exists {
			r.Entry = entries[1]
		}
		return &agentv1.ControlResponse{Result: &agentv1.ControlResponse_FsStat{FsStat: r}}
	}
	shotResp := func(r *agentv1.DesktopScreenshotResponse) *agentv1.ControlResponse {
		return &agentv1.ControlResponse{Result: &agentv1.ControlResponse_DesktopScreenshot{DesktopScreenshot: r}}
	}
	shotReq := &agentv1.ControlRequest{Op: &agentv1.ControlRequest_DesktopScreenshot{DesktopScreenshot: &agentv1.DesktopScreenshotRequest{}}}
	click := &agentv1.DesktopInputRequest{Event: &agentv1.DesktopInputRequest_Pointer{
		Pointer: &agentv1.PointerEvent{X: 1, Y: 2, Action: agentv1.PointerAction_POINTER_ACTION_CLICK},
	}}
	inputResp := &agentv1.ControlResponse{Result: &agentv1.ControlResponse_DesktopInput{DesktopInput: &agentv1.DesktopInputResponse{}}}

	tests := map[string]struct {
		call func(context.Context, *session.Session) (any, error)
		req  *agentv1.ControlRequest
		resp *agentv1.ControlResponse
		want any
	}{
		"Exec": {
			func(ctx context.Context, s *session.Session) (any, error) {
				return s.Exec(ctx, session.ExecParams{Cmd: "make && ls", Workdir: "/workspace/src"})
			},
			execReq("make && ls", "/home/me/project/src"), execResp,
			session.ExecResult{Output: "out\x00\xff", Stdout: "out\x00\xff", Stderr: "err\xfe", ExitCode: 3, TimedOut: true, Duration: 1500 * time.Millisecond},
		},
		"Exec in the working directory, with what has no effect": {
			func(ctx context.Context, s *session.Session) (any, error) {
				r, err := s.Exec(ctx, session.ExecParams{Cmd: "true", Shell: "zsh", Login: true, TTY: true})
				return r.ExitCode, err
			},
			execReq("true", "/home/me/project"), execResp, 3,
		},
		"ExecCommand": {
			func(ctx context.Context, s *session.Session) (any, error) {
				return s.ExecCommand(ctx, session.ExecCommandParams{Cmd: "ls", Workdir: "/tmp"})
			},
			execReq("ls", "/tmp"), execResp, "out\x00\xff",
		},
		"ReadFile": {
			func(ctx context.Context, s *session.Session) (any, error) {
				return s.ReadFile(ctx, session.ReadFileParams{Path: "a"})
			},
			readReq(&agentv1.FsReadRequest{Path: "/home/me/project/a"}), readResp, []byte("\x89PNG\x00\xff"),
		},
		"ReadFile with a bound": {
			func(ctx context.Context, s *session.Session) (any, error) {
				return s.ReadFile(ctx, session.ReadFileParams{Path: "/etc/a", MaxBytes: math.MaxUint64})
			},
			readReq(&agentv1.FsReadRequest{Path: "/etc/a", Length: math.MaxUint64}), readResp, []byte("\x89PNG\x00\xff"),
		},
		"WriteFile creates parents": {
			func(ctx context.Context, s *session.Session) (any, error) {
				return s.WriteFile(ctx, session.WriteFileParams{Path: "/workspace/a", Content: []byte("\x00\xff")})
			},
			writeReq(&agentv1.FsWriteRequest{Path: "/home/me/project/a", Content: []byte("\x00\xff"), CreateParents: true}), writeResp, uint64(5),
		},
		"WriteFile that appends, without parents": {
			func(ctx context.Context, s *session.Session) (any, error) {
				return s.WriteFile(ctx, session.WriteFileParams{Path: "a", Content: []byte("b"), NoParents: true, Append: true})
			},
			writeReq(&agentv1.FsWriteRequest{Path: "/home/me/project/a", Content: []byte("b"), Append: true}), writeResp, uint64(5),
		},
		"ListFiles": {
			func(ctx context.Context, s *session.Session) (any, error) {
				return s.ListFiles(ctx, session.ListFilesParams{Path: "/workspace", Recursive: true})
			},
			listReq(&agentv1.FsListRequest{Path: "/home/me/project", Recursive: true}), listResp, entries,
		},
		"ListDir": {
			func(ctx context.Context, s *session.Session) (any, error) {
				return s.ListDir(ctx, session.ListDirParams{Path: "sub"})
			},
			listReq(&agentv1.FsListRequest{Path: "/home/me/project/sub"}), listResp,
			[]session.DirEntry{
				{Name: "d", Path: "d", Type: "dir"}, {Name: "f", Path: "d/f", Type: "file"},
				{Name: "l", Path: "l", Type: "other"}, {Name: "u", Path: "u", Type: "other"}, {Name: "n", Path: "n", Type: "other"},
			},
		},
		"StatFile": {
			func(ctx context.Context, s *session.Session) (any, error) {
				return s.StatFile(ctx, session.StatFileParams{Path: "a"})
			},
			statReq("/home/me/project/a"), statResp(true), session.FileStat{Exists: true, Entry: entries[1]},
		},
		"StatFile of nothing": {
			func(ctx context.Context, s *session.Session) (any, error) {
				return s.StatFile(ctx, session.StatFileParams{Path: "a"})
			},
			statReq("/home/me/project/a"), statResp(false), session.FileStat{},
		},
		"PathExists": {
			func(ctx context.Context, s *session.Session) (any, error) { return s.PathExists(ctx, "/a") },
			statReq("/a"), statResp(true), true,
		},
		"PathExists of nothing": {
			func(ctx context.Context, s *session.Session) (any, error) { return s.PathExists(ctx, "/a") },
			statReq("/a"), statResp(false), false,
		},
		"ViewImage": {
			func(ctx context.Context, s *session.Session) (any, error) {
				return s.ViewImage(ctx, session.ViewImageParams{Path: "a.jpg"})
			},
			readReq(&agentv1.FsReadRequest{Path: "/home/me/project/a.jpg"}), readResp,
			session.Image{Type: "image", Data: []byte("\x89PNG\x00\xff"), MediaType: "image/png"},
		},
		"DesktopInput": {
			func(ctx context.Context, s *session.Session) (any, error) { return nil, s.DesktopInput(ctx, click) },
			&agentv1.ControlRequest{Op: &agentv1.ControlRequest_DesktopInput{DesktopInput: click}}, inputResp, nil,
		},
		"DesktopInput without an event": {
			func(ctx context.Context, s *session.Session) (any, error) { return nil, s.DesktopInput(ctx, nil) },
			&agentv1.ControlRequest{Op: &agentv1.ControlRequest_DesktopInput{DesktopInput: &agentv1.DesktopInputRequest{}}}, inputResp, nil,
		},
		"Screenshot": {
			func(ctx context.Context, s *session.Session) (any, error) { return s.Screenshot(ctx) },
			shotReq, shotResp(&agentv1.DesktopScreenshotResponse{Png: []byte("p"), Width: 8, Height: 6}),
			session.Screenshot{PNG: []byte("p"), Width: 8, Height: 6, NativeWidth: 8, NativeHeight: 6},
		},
		"Screenshot that was shrunk": {
			func(ctx context.Context, s *session.Session) (any, error) { return s.Screenshot(ctx) },
			shotReq, shotResp(&agentv1.DesktopScreenshotResponse{Png: []byte("p"), Width: 8, Height: 6, NativeWidth: 16, NativeHeight: 12}),
			session.Screenshot{PNG: []byte("p"), Width: 8, Height: 6, NativeWidth: 16, NativeHeight: 12},
		},
		"Ping": {
			func(ctx context.Context, s *session.Session) (any, error) { return s.Ping(ctx, 1<<60), nil },
			&agentv1.ControlRequest{Op: &agentv1.ControlRequest_Ping{Ping: &agentv1.PingRequest{Nonce: 1 << 60}}},
			&agentv1.ControlResponse{Result: &agentv1.ControlResponse_Ping{Ping: &agentv1.PingResponse{Nonce: 1 << 60}}}, true,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config()
			cfg.Environment = map[string]string{"SECRET": "never sent"}
			s, m := newSession(t, cfg, answer(tc.resp))
			got, err := tc.call(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, protocmp.Transform()); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			sent := m.Requests()[0]
			sent.RequestId = ""
			if diff := cmp.Diff(tc.req, sent, protocmp.Transform()); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnOperationsErrorSaysWhatWasTried(t *testing.T) {
	t.Parallel()
	s, _ := newSession(t, config(), answer(machine.Error(agentv1.ErrorCode_ERROR_CODE_OS, "no luck")))
	ctx := t.Context()
	for want, call := range map[string]func() error{
		"exec: os: no luck":        func() error { _, err := s.Exec(ctx, session.ExecParams{Cmd: "x"}); return err },
		"read /workspace/a: os":    func() error { _, err := s.ReadFile(ctx, session.ReadFileParams{Path: "/workspace/a"}); return err },
		"write a: os":              func() error { _, err := s.WriteFile(ctx, session.WriteFileParams{Path: "a"}); return err },
		"list a: os":               func() error { _, err := s.ListDir(ctx, session.ListDirParams{Path: "a"}); return err },
		"stat a: os":               func() error { _, err := s.PathExists(ctx, "a"); return err },
		"view image: read a: os":   func() error { _, err := s.ViewImage(ctx, session.ViewImageParams{Path: "a"}); return err },
		"desktop input: os":        func() error { return s.DesktopInput(ctx, nil) },
		"screenshot: os":           func() error { _, err := s.Screenshot(ctx); return err },
		"resolve port 6080: os":    func() error { _, err := s.ResolveExposedPort(ctx, 6080); return err },
		"resolve port 7681: os":    func() error { _, err := s.ResolveExposedPort(ctx, 7681); return err },
		"create a: stat a: os":     func() error { return s.CreateEditor().CreateFile(ctx, session.CreateFileParams{Path: "a"}) },
		"update: read a: os":       func() error { return s.CreateEditor().UpdateFile(ctx, session.UpdateFileParams{Path: "a"}) },
		"delete a: exec: os: no l": func() error { return s.CreateEditor().DeleteFile(ctx, session.DeleteFileParams{Path: "a"}) },
	} {
		err := call()
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("err = %v, want %q…", err, want)
		}
		if _, ok := errors.AsType[*session.ControlError](err); !ok {
			t.Errorf("err = %v, want a *ControlError in it", err)
		}
	}
	if s.Ping(ctx, 0) {
		t.Error("Ping = true though the agent sent an error")
	}
}

func TestCallsThatSendNothing(t *testing.T) {
	t.Parallel()
	s, m := newSession(t, config(), machine.Pong)
	if s.SupportsPTY() {
		t.Error("SupportsPTY = true")
	}
	if err := s.MaterializeEntry(t.Context(), "/workspace/a", "entry"); err != nil {
		t.Errorf("MaterializeEntry = %v", err)
	}
	if got := s.SerializeState(); got != (session.SerializedState{AgentID: machine.AgentID}) {
		t.Errorf("SerializeState = %+v", got)
	}
	if _, err := s.Exec(t.Context(), session.ExecParams{Cmd: "id", RunAs: "root"}); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "root") {
		t.Errorf("Exec as another user: %v", err)
	}
	if _, err := s.ExecCommand(t.Context(), session.ExecCommandParams{Cmd: "id", RunAs: "root"}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("ExecCommand as another user: %v", err)
	}
	if got := m.Requests(); len(got) != 0 {
		t.Errorf("sent %v", got)
	}
}

func TestPingIsNeverAnError(t *testing.T) {
	t.Parallel()
	for name, resp := range map[string]*agentv1.ControlResponse{
		"an error":         machine.Error(agentv1.ErrorCode_ERROR_CODE_DRAINING, ""),
		"nothing":          {},
		"another op's":     {Result: &agentv1.ControlResponse_Metrics{Metrics: &agentv1.MetricsSample{}}},
		"error and result": {Error: &agentv1.AgentError{}, Result: &agentv1.ControlResponse_Ping{Ping: &agentv1.PingResponse{}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newSession(t, config(), answer(resp))
			if s.Ping(t.Context(), 1) {
				t.Error("Ping = true")
			}
		})
	}
	t.Run("a cancelled context", func(t *testing.T) {
		t.Parallel()
		s, _ := newSession(t, config(), machine.Pong)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if s.Ping(ctx, 1) {
			t.Error("Ping = true")
		}
	})
}

func TestRandomNoncesStayExactInADouble(t *testing.T) {
	t.Parallel()
	s, m := newSession(t, config(), machine.Pong)
	for range 20 {
		s.Ping(t.Context(), 0)
	}
	seen := map[uint64]bool{}
	for _, req := range m.Requests() {
		nonce := req.GetPing().GetNonce()
		if nonce == 0 || nonce >= 1<<53 || seen[nonce] {
			t.Errorf("nonce %d", nonce)
		}
		seen[nonce] = true
	}
}

func TestAnEmptyPictureIsAnError(t *testing.T) {
	t.Parallel()
	s, _ := newSession(t, config(), answer(&agentv1.ControlResponse{Result: &agentv1.ControlResponse_DesktopScreenshot{
		DesktopScreenshot: &agentv1.DesktopScreenshotResponse{Width: 1, Height: 1},
	}}))
	if shot, err := s.Screenshot(t.Context()); err == nil {
		t.Errorf("Screenshot = %+v", shot)
	}
}

func TestADurationBeyondGosIsTheLongest(t *testing.T) {
	t.Parallel()
	s, _ := newSession(t, config(), answer(&agentv1.ControlResponse{Result: &agentv1.ControlResponse_Exec{
		Exec: &agentv1.ExecResponse{DurationMs: math.MaxUint64},
	}}))
	r, err := s.Exec(t.Context(), session.ExecParams{Cmd: "true"})
	if err != nil || r.Duration < 290*365*24*time.Hour {
		t.Errorf("Duration = %v, %v", r.Duration, err)
	}
}

func TestOpName(t *testing.T) {
	t.Parallel()
	reqs := (&agentv1.ControlRequest{}).ProtoReflect().Descriptor().Oneofs().ByName("op").Fields()
	for i := range reqs.Len() {
		req := &agentv1.ControlRequest{}
		m := req.ProtoReflect()
		m.Set(reqs.Get(i), m.NewField(reqs.Get(i)))
		if got := session.OpName(proto.CloneOf(req)); got != string(reqs.Get(i).Name()) {
			t.Errorf("OpName = %q, want %q", got, reqs.Get(i).Name())
		}
	}
	if got := session.OpName(&agentv1.ControlRequest{}); got != "" {
		t.Errorf("OpName without an op = %q", got)
	}
}
