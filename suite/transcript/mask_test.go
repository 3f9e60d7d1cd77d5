package transcript_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/transcript"
)

func requests() protoreflect.MessageDescriptor {
	return (&agentv1.ControlRequest{}).ProtoReflect().Descriptor()
}

func encode(tb testing.TB, m proto.Message) []byte {
	tb.Helper()
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func exec(req *agentv1.ExecRequest) *agentv1.ControlRequest {
	return &agentv1.ControlRequest{RequestId: "id", Op: &agentv1.ControlRequest_Exec{Exec: req}}
}

func masks() *transcript.Mask {
	m := &transcript.Mask{}
	m.Add("{root}", "/tmp/agentproof-1")
	m.Add("{case-dir}", "agentproof/exec.cwd+x")
	m.AddSecret("{token}", "TOKENTOKEN")
	m.Add("{never}", "abc") // too short to be told from other text
	m.AddSecrets([]string{"HOME=/home/somebody", "DEPLOY_TOKEN=hunter2hunter2", "API_KEY=short"})
	return m
}

func TestHideAndFill(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, hidden, filled string }{
		{"nothing to hide", "abc /home/somebody", "abc /home/somebody", ""},
		{"a path below the root", "/tmp/agentproof-1/agentproof/exec.cwd+x/file", "{root}/{case-dir}/file", ""},
		{"the agent's token", "bearer TOKENTOKEN.", "bearer {token}.", ""},
		{"a secret of the runner's", "says hunter2hunter2", "says {secret}", "says {secret}"},
		{"a secret in a list of variables", `["A=1","X_SECRET_KEY=s3cr3t!","B=2"]`, `["A=1","X_SECRET_KEY={secret}","B=2"]`, `["A=1","X_SECRET_KEY={secret}","B=2"]`},
		{"a known secret there", "T_TOKEN=TOKENTOKEN", "T_TOKEN={token}", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := masks()
			text := []byte(tt.text)
			hidden := m.Hide(text)
			if string(hidden) != tt.hidden || string(text) != tt.text {
				t.Errorf("Hide(%q) = %q, want %q", text, hidden, tt.hidden)
			}
			want := tt.filled
			if want == "" {
				want = tt.text
			}
			if got := string(m.Fill(hidden)); got != want {
				t.Errorf("Fill = %q, want %q", got, want)
			}
		})
	}
}

func TestAMessageIsMaskedFieldByField(t *testing.T) {
	t.Parallel()
	m := masks()
	req := exec(&agentv1.ExecRequest{
		Command: []string{"cat", "/tmp/agentproof-1/x"}, Cwd: "agentproof/exec.cwd+x", Stdin: []byte("\xffTOKENTOKEN\x00"),
		Env: map[string]string{"PLAIN": "/tmp/agentproof-1", "DB_PASSWORD": "pg"}, TimeoutMs: 7,
	})
	want := exec(&agentv1.ExecRequest{
		Command: []string{"cat", "{root}/x"}, Cwd: "{case-dir}", Stdin: []byte("\xff{token}\x00"),
		Env: map[string]string{"PLAIN": "{root}", "DB_PASSWORD": "{secret}"}, TimeoutMs: 7,
	})
	hidden := m.HideMessage(encode(t, req), requests())
	got := &agentv1.ControlRequest{}
	if err := proto.Unmarshal(hidden, got); err != nil || !proto.Equal(got, want) {
		t.Fatalf("HideMessage = %v, %v, want %v", got, err, want)
	}
	req.GetExec().Env["DB_PASSWORD"] = "{secret}"
	if filled := m.FillMessage(hidden, requests()); !bytes.Equal(filled, encode(t, req)) {
		t.Errorf("FillMessage = %q, want %q", filled, encode(t, req))
	}
}

func TestWhatNoSchemaKnowsSurvives(t *testing.T) {
	t.Parallel()
	inner := encode(t, &agentv1.FsReadRequest{Path: "/tmp/agentproof-1/a"})
	inner = protowire.AppendBytes(protowire.AppendTag(inner, 1900, protowire.BytesType), []byte("unknown"))
	data := protowire.AppendBytes(protowire.AppendTag(nil, 2047, protowire.BytesType), []byte("no op"))
	data = protowire.AppendBytes(protowire.AppendTag(data, 14, protowire.BytesType), inner)
	data = protowire.AppendBytes(protowire.AppendTag(data, 10, protowire.BytesType), nil)
	data = protowire.AppendString(protowire.AppendTag(data, 1, protowire.BytesType), "first")
	data = protowire.AppendString(protowire.AppendTag(data, 1, protowire.BytesType), "second")
	m := masks()
	hidden := m.HideMessage(data, requests())
	if bytes.Contains(hidden, []byte("/tmp/agentproof-1")) || !bytes.Contains(hidden, []byte("{root}/a")) {
		t.Errorf("the root is not hidden: %q", hidden)
	}
	if got := m.FillMessage(hidden, requests()); !bytes.Equal(got, data) {
		t.Errorf("what was hidden and filled again is\n%q, want\n%q", got, data)
	}
}

func TestBytesThatDoNotDecodeAreMaskedAsText(t *testing.T) {
	t.Parallel()
	m := masks()
	data := []byte("\xff\xffTOKENTOKEN")
	if got := string(m.HideMessage(data, requests())); got != "\xff\xff{token}" {
		t.Errorf("HideMessage = %q", got)
	}
	text := transcript.Render(data, &agentv1.ControlRequest{}, transcript.Limits{Bytes: 99, Items: 9, Mask: m}).JSON
	if strings.Contains(string(text), "TOKENTOKEN") {
		t.Errorf("Render shows the token: %s", text)
	}
}

func TestASecretAcrossACutIsNotShownInPart(t *testing.T) {
	t.Parallel()
	m := masks()
	for pad := range 12 {
		req := exec(&agentv1.ExecRequest{Stdin: []byte(strings.Repeat("x", 299-pad) + "TOKENTOKEN" + strings.Repeat("y", 300))})
		text := transcript.Render(encode(t, req), &agentv1.ControlRequest{}, transcript.Limits{Bytes: 300, Items: 9, Digest: true, Mask: m}).JSON
		head := stdin(t, text)
		if strings.Contains(head, "TO") {
			t.Errorf("with %d bytes before the cut it shows %q", pad, head[290:])
		}
		if !strings.Contains(string(text), "609") && !strings.Contains(string(text), "bytes, sha256:") {
			t.Errorf("neither size nor digest in %s", text)
		}
	}
}

// FuzzMask feeds it whatever cases send.
func FuzzMask(f *testing.F) {
	f.Add(encode(f, exec(&agentv1.ExecRequest{Command: []string{"TOKENTOKEN"}, Env: map[string]string{"A_TOKEN": "x"}})))
	f.Add([]byte{0x6a, 0})
	f.Add([]byte{0x6a, 5, 0xa})
	f.Fuzz(func(t *testing.T, data []byte) {
		m := masks()
		hidden := m.HideMessage(data, requests())
		if bytes.Contains(hidden, []byte("TOKENTOKEN")) && known(data) {
			t.Errorf("%q still shows the token", hidden)
		}
		if shown := m.ShowsSecret(hidden); shown != bytes.Contains(hidden, []byte("TOKENTOKEN")) {
			t.Errorf("ShowsSecret(%q) = %v", hidden, shown)
		}
		shown := transcript.Render(data, &agentv1.ControlRequest{}, transcript.Limits{Bytes: 3, Items: 2, Mask: m})
		if text := fmt.Sprint(string(shown.JSON), shown.Beside); strings.Contains(text, "TOKENTOKEN") {
			t.Errorf("%s shows the token", text)
		}
		if proto.Unmarshal(data, &agentv1.ControlRequest{}) == nil {
			if err := proto.Unmarshal(hidden, &agentv1.ControlRequest{}); err != nil {
				t.Errorf("%q does not decode any more: %v", hidden, err)
			}
		}
	})
}

// known tells whether all of a message is known to the schema, which is what
// is masked. Entries of maps could hide what is not.
func known(data []byte) bool {
	m := &agentv1.ControlRequest{}
	if proto.Unmarshal(data, m) != nil {
		return false
	}
	ok := true
	var look func(protoreflect.Message)
	look = func(m protoreflect.Message) {
		ok = ok && len(m.GetUnknown()) == 0
		m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			switch {
			case f.IsMap():
				ok = false
			case f.Message() != nil && !f.IsList():
				look(v.Message())
			}
			return true
		})
	}
	look(m.ProtoReflect())
	return ok
}
