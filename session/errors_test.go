package session_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
	"agentproof/session/internal/machine"
	"agentproof/session/natsrpc"
)

var sentinels = []error{
	session.ErrAgentOffline, session.ErrReconnecting, session.ErrFenced,
	session.ErrDraining, session.ErrConsentRequired, session.ErrNotExist,
}

// Each row is asked twice, with retryable sent true and false.
func TestWireErrorsBecomeControlErrors(t *testing.T) {
	t.Parallel()
	const asSent, no, yes = "as sent", "no", "yes"
	tests := []struct {
		code      agentv1.ErrorCode
		retryable string
		want      session.ControlError
		is        error
		sentence  string
	}{
		{agentv1.ErrorCode_ERROR_CODE_AGENT_OFFLINE, no, session.ControlError{Reason: "agent_offline", AgentOffline: true}, session.ErrAgentOffline, "offline"},
		{agentv1.ErrorCode_ERROR_CODE_TIMEOUT, yes, session.ControlError{Reason: "agent_reconnecting"}, session.ErrReconnecting, "in time"},
		{agentv1.ErrorCode_ERROR_CODE_CONSENT_REQUIRED, no, session.ControlError{Reason: "consent_required"}, session.ErrConsentRequired, "consent"},
		{agentv1.ErrorCode_ERROR_CODE_DRAINING, yes, session.ControlError{Draining: true}, session.ErrDraining, "draining"},
		{agentv1.ErrorCode_ERROR_CODE_FENCED, yes, session.ControlError{Fenced: true}, session.ErrFenced, "epoch"},
		{agentv1.ErrorCode_ERROR_CODE_NOT_FOUND, asSent, session.ControlError{OSNotFound: true}, session.ErrNotExist, "no such file"},
		{agentv1.ErrorCode_ERROR_CODE_UNSPECIFIED, asSent, session.ControlError{}, nil, "code 0"},
		{agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED, asSent, session.ControlError{}, nil, "not support"},
		{agentv1.ErrorCode_ERROR_CODE_OS, asSent, session.ControlError{}, nil, "operating system"},
		{agentv1.ErrorCode_ERROR_CODE_PROTOCOL, asSent, session.ControlError{}, nil, "understand"},
		{agentv1.ErrorCode_ERROR_CODE_STREAM, asSent, session.ControlError{}, nil, "stream"},
		{agentv1.ErrorCode_ERROR_CODE_PAYLOAD_TOO_LARGE, asSent, session.ControlError{}, nil, "larger"},
		{agentv1.ErrorCode(99), asSent, session.ControlError{}, nil, "code 99"},
	}
	for _, tc := range tests {
		t.Run(tc.code.String(), func(t *testing.T) {
			t.Parallel()
			for _, sent := range []bool{true, false} {
				message := ""
				if sent {
					message = "the agent's own words"
				}
				detail := map[string]string{"context": "open x"}
				s, _ := newSession(t, config(), answer(&agentv1.ControlResponse{Error: &agentv1.AgentError{
					Code: tc.code, Message: message, Retryable: sent, Detail: detail,
				}}))
				_, err := s.ReadFile(t.Context(), session.ReadFileParams{Path: "x"})
				got, ok := errors.AsType[*session.ControlError](err)
				if !ok {
					t.Fatalf("err = %v, want a *ControlError", err)
				}
				want := tc.want
				want.Code, want.Message, want.Detail = tc.code, message, detail
				want.Retryable = tc.retryable == yes || tc.retryable == asSent && sent
				if message == "" {
					want.Message = got.Message
					if !strings.Contains(got.Message, tc.sentence) {
						t.Errorf("an empty message became %q, want one about %q", got.Message, tc.sentence)
					}
				}
				if diff := cmp.Diff(want, *got); diff != "" {
					t.Errorf("error (-want +got):\n%s", diff)
				}
				wantSentinel(t, err, tc.is)
			}
		})
	}
}

func wantSentinel(t *testing.T, err, want error) {
	t.Helper()
	for _, s := range sentinels {
		if errors.Is(err, s) != (s == want) {
			t.Errorf("errors.Is(%v, %v) = %v", err, s, s != want)
		}
	}
	if errors.Is(err, fs.ErrNotExist) != (want == session.ErrNotExist) {
		t.Errorf("errors.Is(%v, fs.ErrNotExist) is wrong", err)
	}
	if session.IsProviderNotFound(err) {
		t.Errorf("IsProviderNotFound(%v) = true", err)
	}
}

func TestAMissingMachineIsOfflineAndNeverNotFound(t *testing.T) {
	t.Parallel()
	s, err := session.New(natsrpc.New(natsrpc.Config{}), config())
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Exec(t.Context(), session.ExecParams{Cmd: "true"})
	wantSentinel(t, err, session.ErrAgentOffline)
}

func TestNoErrorMeansThatTheBoxIsGone(t *testing.T) {
	t.Parallel()
	for _, err := range append(sentinels, nil, fs.ErrNotExist, errors.New("not found")) {
		if session.IsProviderNotFound(err) {
			t.Errorf("IsProviderNotFound(%v) = true", err)
		}
	}
	if err := fmt.Errorf("wrapped: %w", session.ErrNotExist); !errors.Is(err, fs.ErrNotExist) {
		t.Error("ErrNotExist does not match fs.ErrNotExist")
	}
}

func TestResponsesThatAreNotOneResultOfTheOp(t *testing.T) {
	t.Parallel()
	pong := &agentv1.ControlResponse_Ping{Ping: &agentv1.PingResponse{}}
	t.Run("an empty response is a protocol error", func(t *testing.T) {
		t.Parallel()
		s, _ := newSession(t, config(), answer(&agentv1.ControlResponse{}))
		_, err := s.Exec(t.Context(), session.ExecParams{Cmd: "true"})
		got, ok := errors.AsType[*session.ControlError](err)
		if !ok {
			t.Fatalf("err = %v, want a *ControlError", err)
		}
		want := session.ControlError{
			Code:    agentv1.ErrorCode_ERROR_CODE_PROTOCOL,
			Message: "agent returned an empty control response",
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
	})
	t.Run("an error beside a result counts", func(t *testing.T) {
		t.Parallel()
		resp := machine.Error(agentv1.ErrorCode_ERROR_CODE_FENCED, "stale")
		resp.Result = pong
		s, _ := newSession(t, config(), answer(resp))
		if s.Ping(t.Context(), 0) {
			t.Error("Ping = true")
		}
		_, err := s.Exec(t.Context(), session.ExecParams{Cmd: "true"})
		wantSentinel(t, err, session.ErrFenced)
	})
	t.Run("a result of a request without an op is one too", func(t *testing.T) {
		t.Parallel()
		s, _ := newSession(t, config(), answer(&agentv1.ControlResponse{Result: pong}))
		if resp, err := s.Do(t.Context(), &agentv1.ControlRequest{}); err == nil || !strings.Contains(err.Error(), "no op") {
			t.Errorf("Do = %v, %v, want an error that names the missing op", resp, err)
		}
	})
	t.Run("a result of another op is a plain error that names both", func(t *testing.T) {
		t.Parallel()
		s, _ := newSession(t, config(), answer(&agentv1.ControlResponse{Result: pong}))
		_, err := s.StatFile(t.Context(), session.StatFileParams{Path: "x"})
		if err == nil || !strings.Contains(err.Error(), "fs_stat") || !strings.Contains(err.Error(), "ping") {
			t.Errorf("err = %v, want one that names fs_stat and ping", err)
		}
		if _, ok := errors.AsType[*session.ControlError](err); ok {
			t.Errorf("err = %v, a *ControlError", err)
		}
	})
}
