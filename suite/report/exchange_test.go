package report_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/report"
	"agentproof/suite/verdict"
	"agentproof/suite/wire"
)

func TestExchangeIsShortened(t *testing.T) {
	t.Parallel()
	b64 := base64.StdEncoding.EncodeToString
	long := bytes.Repeat([]byte("abc"), 100)
	entries := make([]*agentv1.FsEntry, 25)
	for i := range entries {
		entries[i] = &agentv1.FsEntry{Name: fmt.Sprintf("file-%d", i)}
	}
	for _, tt := range []struct {
		name  string
		op    proto.Message
		want  []string // in the request's JSON
		not   []string
		notes []string
	}{
		{"short fields stay whole", &agentv1.FsWriteRequest{Path: "a", Content: long[:120]},
			[]string{`"path":"a"`, `"` + b64(long[:120]) + `"`}, []string{"…"}, nil},
		{"long bytes keep their head and tell their size", &agentv1.FsWriteRequest{Content: long[:121]},
			[]string{`"` + b64(long[:120]) + `… (121 bytes)"`}, []string{b64(long[:121])}, nil},
		{"long text is cut between characters", &agentv1.FsReadRequest{Path: strings.Repeat("日", 50)},
			[]string{strings.Repeat("日", 40) + "… (150 bytes)"}, []string{strings.Repeat("日", 41)}, nil},
		{"text is cut before a character that does not fit", &agentv1.FsReadRequest{Path: "a" + strings.Repeat("日", 50)},
			[]string{`"a` + strings.Repeat("日", 39) + "… (151 bytes)"}, nil, nil},
		{"every word of a list is shortened", &agentv1.ExecRequest{Command: []string{"echo", string(long)}},
			[]string{`"echo"`, string(long[:120]) + "… (300 bytes)"}, nil, nil},
		{"every value of a map is shortened", &agentv1.ExecRequest{Env: map[string]string{"K": string(long)}},
			[]string{`"K":"` + string(long[:120]) + "… (300 bytes)"}, nil, nil},
		{"a long list is cut and says so", &agentv1.ExecRequest{Command: strings.Fields(strings.Repeat("w ", 25))},
			[]string{strings.Repeat(`"w",`, 19) + `"w"]`}, nil, []string{"command: the first 20 of 25"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			payload := marshal(t, wire.NewRequest(tt.op))
			x := report.NewExchange(verdict.Exchange{Request: payload, Response: payload})
			if !json.Valid(x.Request) {
				t.Fatalf("no JSON: %s", x.Request)
			}
			for _, want := range tt.want {
				if !strings.Contains(string(x.Request), want) {
					t.Errorf("%s\nlacks\n%s", x.Request, want)
				}
			}
			for _, not := range tt.not {
				if strings.Contains(string(x.Request), not) {
					t.Errorf("%s\nholds\n%s", x.Request, not)
				}
			}
			if strings.Join(x.Notes, "\n") != strings.Join(tt.notes, "\n") {
				t.Errorf("notes %q, want %q", x.Notes, tt.notes)
			}
		})
	}
	t.Run("nested messages are shortened", func(t *testing.T) {
		t.Parallel()
		entries[0].Path = string(long)
		resp := &agentv1.ControlResponse{Result: &agentv1.ControlResponse_FsList{FsList: &agentv1.FsListResponse{Entries: entries}}}
		x := report.NewExchange(verdict.Exchange{Response: marshal(t, resp)})
		if got := string(x.Response); !strings.Contains(got, "… (300 bytes)") || strings.Contains(got, "file-20") {
			t.Errorf("got %s", got)
		}
		if len(x.Notes) != 1 || x.Notes[0] != "entries: the first 20 of 25" {
			t.Errorf("notes %q", x.Notes)
		}
	})
	t.Run("two results in one message tell their own sizes", func(t *testing.T) {
		t.Parallel()
		resp := &agentv1.ControlResponse{Result: &agentv1.ControlResponse_Exec{Exec: &agentv1.ExecResponse{Stdout: long, Stderr: long[:200]}}}
		got := string(report.NewExchange(verdict.Exchange{Response: marshal(t, resp)}).Response)
		for _, want := range []string{`"stdout":"` + b64(long[:120]) + `… (300 bytes)"`, `"stderr":"` + b64(long[:120]) + `… (200 bytes)"`} {
			if !strings.Contains(got, want) {
				t.Errorf("%s\nlacks\n%s", got, want)
			}
		}
	})
}

func TestExchangeWithoutAnAnswerSaysWhy(t *testing.T) {
	t.Parallel()
	x := report.NewExchange(verdict.Exchange{Subject: "s", Err: errors.New("no reply"), Took: 1234567 * time.Microsecond})
	if x.Error != "no reply" || x.Response != nil || string(x.Request) != "{}" || x.Seconds != 1.235 {
		t.Errorf("got %+v", x)
	}
}

func TestExchangeShowsBytesThatDoNotDecode(t *testing.T) {
	t.Parallel()
	x := report.NewExchange(verdict.Exchange{Request: []byte("\xff\x00\x1b"), Response: bytes.Repeat([]byte{0xff}, 1000)})
	if got, want := string(x.Request), `"3 bytes that do not decode: \"\\xff\\x00\\x1b\""`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := string(x.Response); !strings.HasPrefix(got, `"1000 bytes that do not decode`) || len(got) > 1000 {
		t.Errorf("got %s", got)
	}
}

// FuzzExchange feeds it what agents could answer with.
func FuzzExchange(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte("\xff\x00"))
	f.Add([]byte("\n\x02id\x12\x00"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		x := report.NewExchange(verdict.Exchange{Request: payload, Response: payload})
		if !json.Valid(x.Request) || !json.Valid(x.Response) {
			t.Errorf("no JSON: %s and %s", x.Request, x.Response)
		}
	})
}
