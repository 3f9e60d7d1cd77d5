package transcript_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"agentproof/suite/transcript"
)

const header = `{"schema":"agentproof/transcript/v1","case":"a.b/c"}` + "\n"

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	want := &transcript.Transcript{
		Header: transcript.Header{Schema: transcript.Schema, Case: "fs.read.whole/empty", Clause: "fs.read.whole", Status: "fail", Base: "agent.{workspace}.{agent}", Revision: "r0.2"},
		Messages: []transcript.Message{
			{Micros: 10, Kind: transcript.Request, Dir: transcript.ToAgent, ID: 1, Subject: "s", Header: map[string][]string{"K": {"v"}}, Size: 2, Message: json.RawMessage(`{"ping":{}}`), Raw: []byte{0x52, 0}},
			{Micros: 20, Kind: transcript.Reply, Dir: transcript.FromAgent, To: 1, Size: 3, Message: json.RawMessage(`"<&>"`), Notes: []string{"n"}},
			{Micros: 30, Kind: transcript.Request, ID: 2, Empty: true},
			{Micros: 40, Kind: transcript.Silence, To: 2, Text: "no reply"},
			{Micros: 50, Kind: transcript.Cut, Count: 7},
		},
	}
	report := t.TempDir()
	name, err := want.Save(report)
	if err != nil || name != "transcripts/fs.read.whole+empty.ndjson" {
		t.Fatalf("Save = %q, %v", name, err)
	}
	got, err := transcript.Load(filepath.Join(report, name))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := transcript.Clear(report); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(report, name)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Stat after Clear: %v", err)
	}
	if err := transcript.Clear(filepath.Join(report, "nowhere")); err != nil {
		t.Errorf("Clear of nothing: %v", err)
	}
}

func TestWhatIsNoTranscriptSaysWhy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", "it is empty"},
		{"another file", "<html>", "its first line"},
		{"another schema", `{"schema":"agentproof/run/v1"}`, `names the schema "agentproof/run/v1"`},
		{"no case", `{"schema":"agentproof/transcript/v1"}`, "names no case"},
		{"a line that is no JSON", header + "\n{", "line 3"},
		{"a line without a kind", header + "{}", "it has no kind"},
		{"a request without an id", header + `{"kind":"request"}`, "the request's id 0 is not its own"},
		{"two requests with one id", header + strings.Repeat(`{"kind":"request","id":1}`+"\n", 2), "line 3: the request's id 1 is not its own"},
		{"a reply to nothing", header + `{"kind":"reply"}`, "a reply to no request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := transcript.Read(strings.NewReader(tt.text))
			if !errors.Is(err, transcript.ErrNotTranscript) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want one about %q", err, tt.want)
			}
		})
	}
}

func TestALineWithoutEndIsNotReadForEver(t *testing.T) {
	t.Parallel()
	_, err := transcript.Read(strings.NewReader(header + strings.Repeat(" ", 16<<20)))
	if err == nil {
		t.Error("a line of 16 MiB was read")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(header))
	f.Add([]byte(header + `{"us":1,"kind":"request","id":1,"raw":"UgA=","message":{"a":1}}` + "\n" + `{"kind":"reply","to":1,"message":"x"}`))
	f.Add([]byte(header + `{"kind":"cut","count":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := transcript.Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := got.Write(&again); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		second, err := transcript.Read(&again)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if len(second.Messages) != len(got.Messages) || second.Case != got.Case {
			t.Errorf("%d messages of %q became %d of %q", len(got.Messages), got.Case, len(second.Messages), second.Case)
		}
	})
}
