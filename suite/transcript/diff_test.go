package transcript_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"agentproof/suite/transcript"
)

// stdin is the head of exec's stdin in a rendered request.
func stdin(t *testing.T, text json.RawMessage) string {
	t.Helper()
	var m struct {
		Exec struct {
			Stdin string `json:"stdin"`
		} `json:"exec"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(m.Exec.Stdin, "…")
	b, err := base64.StdEncoding.DecodeString(head)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDiff(t *testing.T) {
	t.Parallel()
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	stdout := func(op, s string) string { return `{"` + op + `":{"stdout":"` + b64(s) + `"}}` }
	for _, tt := range []struct{ name, want, got, says string }{
		{"the same", `{"requestId":"a","fsStat":{}}`, `{"requestId":"a","fsStat":{}}`, ""},
		{"another value", `{"exec":{"exitCode":1}}`, `{"exec":{"exitCode":2}}`, "exec.exitCode: 1, now 2"},
		{"a value that is gone", `{"exec":{"exitCode":1}}`, `{"exec":{}}`, "exec.exitCode: 1, now nothing"},
		{"an error in place of a result", `{"exec":{}}`, `{"error":{"code":"X"}}`, `error: nothing, now {"code":"X"}|exec: {}, now nothing`},
		{"times", `{"exec":{"durationMs":"7"}}`, `{"exec":{}}`, ""},
		{"the wording of an error", `{"error":{"code":"X","message":"a"}}`, `{"error":{"code":"X","message":"b"}}`, ""},
		{"another code", `{"error":{"code":"X"}}`, `{"error":{"code":"Y"}}`, `error.code: "X", now "Y"`},
		{"lists", `{"fsList":{"entries":[{"name":"a"},{"name":"b"}]}}`, `{"fsList":{"entries":[{"name":"a"},{"name":"c"}]}}`, `fsList.entries[1].name: "b", now "c"`},
		{"a list of another length", `{"l":[1]}`, `{"l":[1,2]}`, "l: [1], now [1,2]"},
		{"output", stdout("exec", "one\n"), stdout("exec", "two\n"), `exec.stdout: "one\n", now "two\n"`},
		{"what a helper reports", stdout("exec", `{"pid":1,"cwd":"/"}`), stdout("exec", `{"pid":2,"cwd":"/"}`), ""},
		{"what it reports and matters", stdout("exec", `{"pid":1,"cwd":"/a"}`), stdout("exec", `{"pid":2,"cwd":"/b"}`), `exec.stdout.cwd: "/a", now "/b"`},
		{"a report in a file", `{"fsRead":{"content":"` + b64(`{"pid":9}`) + `","totalSize":"9"}}`, `{"fsRead":{"content":"` + b64(`{"pid":10}`) + `","totalSize":"10"}}`, ""},
		{"a size without a content", `{"fsRead":{"totalSize":"9"}}`, `{"fsRead":{"totalSize":"10"}}`, `fsRead.totalSize: "9", now "10"`},
		{"the hashes of commits", stdout("git", "commit 1234567 x"), stdout("git", "commit 89abcde x"), ""},
		{"no hash elsewhere", stdout("exec", "1234567"), stdout("exec", "89abcde"), `exec.stdout: "1234567", now "89abcde"`},
		{"output that was cut", `{"exec":{"stdout":"eA==… (9 bytes, sha256:a)"}}`, `{"exec":{"stdout":"eA==… (9 bytes, sha256:b)"}}`,
			"exec.stdout: eA==… (9 bytes, sha256:a), now eA==… (9 bytes, sha256:b)"},
		{"bytes that did not decode", `"3 bytes"`, `"4 bytes"`, `: "3 bytes", now "4 bytes"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var said []string
			for _, d := range transcript.Diff(json.RawMessage(tt.want), json.RawMessage(tt.got)) {
				said = append(said, d.String())
			}
			if got := strings.Join(said, "|"); got != tt.says {
				t.Errorf("Diff says %q, want %q", got, tt.says)
			}
		})
	}
}
