package operr_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"agentproof/agent/internal/operr"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func TestToProto(t *testing.T) {
	t.Parallel()
	const os_, notFound = agentv1.ErrorCode_ERROR_CODE_OS, agentv1.ErrorCode_ERROR_CODE_NOT_FOUND
	_, missing := os.Open("/no/such/file")
	tests := map[string]struct {
		err  error
		want *agentv1.AgentError
	}{
		"a missing file is NOT_FOUND": {
			operr.System("open /no/such/file", missing),
			&agentv1.AgentError{Code: notFound, Message: "open /no/such/file: no such file or directory",
				Detail: map[string]string{"context": "open /no/such/file", "errno": "2"}},
		},
		"another errno is OS": {
			operr.System("open x", &fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}),
			&agentv1.AgentError{Code: os_, Message: "open x: permission denied",
				Detail: map[string]string{"context": "open x", "errno": "13"}},
		},
		"a failure without errno has none": {
			operr.System("read x", errors.New("odd")),
			&agentv1.AgentError{Code: os_, Message: "read x: odd", Detail: map[string]string{"context": "read x"}},
		},
		"a wrapped error keeps its code": {
			fmt.Errorf("while testing: %w", operr.New(agentv1.ErrorCode_ERROR_CODE_FENCED, "stale").With("k", "v")),
			&agentv1.AgentError{Code: agentv1.ErrorCode_ERROR_CODE_FENCED, Message: "stale", Retryable: true,
				Detail: map[string]string{"k": "v"}},
		},
		"the agent's own failure is OS": {
			errors.New("bug"),
			&agentv1.AgentError{Code: os_, Message: "bug"},
		},
		"each bad byte is replaced": {
			operr.New(os_, "a\xff\xfeb").With("k", "\xc3"),
			&agentv1.AgentError{Code: os_, Message: "a\uFFFD\uFFFDb", Detail: map[string]string{"k": "\uFFFD"}},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, operr.ToProto(tc.err), protocmp.Transform()); diff != "" {
				t.Errorf("difference (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRetryableFollowsFromTheCode(t *testing.T) {
	t.Parallel()
	want := map[agentv1.ErrorCode]bool{
		agentv1.ErrorCode_ERROR_CODE_FENCED:   true,
		agentv1.ErrorCode_ERROR_CODE_TIMEOUT:  true,
		agentv1.ErrorCode_ERROR_CODE_DRAINING: true,
	}
	for number := range agentv1.ErrorCode_name {
		code := agentv1.ErrorCode(number)
		if got := operr.New(code, "any").Retryable; got != want[code] {
			t.Errorf("%v retryable is %v", code, got)
		}
	}
}

func TestErrorWrapsItsCause(t *testing.T) {
	t.Parallel()
	if err := operr.System("open x", fs.ErrNotExist); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v does not wrap its cause", err)
	}
}
