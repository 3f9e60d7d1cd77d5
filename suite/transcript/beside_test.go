package transcript_test

import (
	"maps"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/transcript"
)

func TestWhatProtojsonEncodesOrLeavesOutStandsBeside(t *testing.T) {
	t.Parallel()
	output := func(stdout string) []byte {
		return encode(t, &agentv1.ControlResponse{Result: &agentv1.ControlResponse_Exec{Exec: &agentv1.ExecResponse{Stdout: []byte(stdout)}}})
	}
	// Fields 77 to 79 of the metrics are not in the schema.
	fields := protowire.AppendVarint(protowire.AppendTag(nil, 77, protowire.VarintType), 7)
	fields = protowire.AppendString(protowire.AppendTag(fields, 78, protowire.BytesType), "new")
	fields = protowire.AppendFixed64(protowire.AppendTag(fields, 79, protowire.Fixed64Type), 255)
	metrics := protowire.AppendBytes(protowire.AppendTag(nil, (&agentv1.ControlResponse{}).ProtoReflect().Descriptor().Fields().ByName("metrics").Number(), protowire.BytesType), fields)

	for _, tt := range []struct {
		name string
		data []byte
		want map[string]string
	}{
		{"text", output("one\ntwo\n"), map[string]string{"exec.stdout": `"one\ntwo\n"`}},
		{"no text", output("\x00\x01\xff"), nil},
		{"nothing", output(""), nil},
		{"a helper's report", output(`{"cwd": "/a", "env": ["A=1","B=2","C=3","D=4","E=5","F=6","G=7"], "n": 18446744073709551615}` + "\n"),
			map[string]string{"exec.stdout": `{"cwd":"/a","env":["A=1","B=2","C=3","D=4","E=5","… and 2 more"],"n":18446744073709551615}`}},
		{"a list is no report", output("[1]\n"), map[string]string{"exec.stdout": `"[1]\n"`}},
		{"a secret of the mask", output("it is TOKENTOKEN"), map[string]string{"exec.stdout": `"it is {secret}"`}},
		{"a secret in a report", output(`{"env":["A_TOKEN=abcdefgh"]}`), map[string]string{"exec.stdout": `{"env":["A_TOKEN={secret}"]}`}},
		{"unknown fields", metrics, map[string]string{"metrics.unknown": `77: 7, 78: "new", 79: 0xff`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			mask := &transcript.Mask{}
			mask.AddSecret("{secret}", "TOKENTOKEN")
			got := transcript.Render(tt.data, &agentv1.ControlResponse{}, transcript.Limits{Bytes: 120, Items: 20, Mask: mask})
			if !maps.Equal(got.Beside, tt.want) {
				t.Errorf("got %q, want %q", got.Beside, tt.want)
			}
		})
	}
	t.Run("long text is cut", func(t *testing.T) {
		t.Parallel()
		got := transcript.Render(output(strings.Repeat("日本", 5000)), &agentv1.ControlResponse{}, transcript.Limits{Bytes: 120, Items: 20})
		if text := got.Beside["exec.stdout"]; len(text) > 700 || !strings.HasPrefix(text, `"日本日`) || !strings.Contains(text, "(30000 bytes)") {
			t.Errorf("got %d bytes: %s", len(text), text)
		}
	})
}
