package certificate_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"agentproof/docs/spec"
	"agentproof/suite/certificate"
	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

// envelope changes the envelope of a certificate.
func (is *issued) envelope(tb testing.TB, change func(*dsse.Envelope)) {
	tb.Helper()
	var env dsse.Envelope
	if err := json.Unmarshal(is.data, &env); err != nil {
		tb.Fatal(err)
	}
	change(&env)
	data, err := json.MarshalIndent(env, "", "  ")
	if err != nil {
		tb.Fatal(err)
	}
	is.data = append(data, '\n')
}

// statement changes the signed text itself, which a signer could do.
func (is *issued) statement(tb testing.TB, change func(string) string) {
	tb.Helper()
	is.envelope(tb, func(env *dsse.Envelope) {
		payload, err := base64.StdEncoding.DecodeString(env.Payload)
		if err != nil {
			tb.Fatal(err)
		}
		changed := change(string(payload))
		if changed == string(payload) {
			tb.Fatal("nothing was changed")
		}
		sig := ed25519.Sign(is.key, dsse.PAE(env.PayloadType, []byte(changed)))
		env.Payload = base64.StdEncoding.EncodeToString([]byte(changed))
		env.Signatures[0].Sig = base64.StdEncoding.EncodeToString(sig)
	})
}

func TestWhateverIsTouchedIsRefusedForItsOwnReason(t *testing.T) {
	t.Parallel()
	valid := issue(t, nil)
	r := passing(valid.catalog)
	ids := []string{r.Results[0].ID, r.Results[1].ID}
	should := idOf(t, r, spec.Should)
	stranger, strangersKey := newKey(t)
	replace := func(old, with string) func(testing.TB, *issued) {
		return func(tb testing.TB, is *issued) {
			is.statement(tb, func(text string) string { return strings.Replace(text, old, with, 1) })
		}
	}
	for _, tt := range []struct {
		name  string
		touch func(testing.TB, *issued)
		want  string
	}{
		{"another key", func(_ testing.TB, is *issued) { is.pub = stranger }, "the certificate is signed by the key "},
		{"a stranger's signature under the key's id", func(tb testing.TB, is *issued) {
			is.key = strangersKey
			is.statement(tb, func(text string) string { return text + " " })
		}, "the signature does not fit"},
		{"a stranger's id", func(tb testing.TB, is *issued) {
			is.envelope(tb, func(env *dsse.Envelope) { env.Signatures[0].KeyID = certificate.KeyID(stranger) })
		}, "the certificate is signed by the key "},
		{"no id", func(tb testing.TB, is *issued) {
			is.envelope(tb, func(env *dsse.Envelope) { env.Signatures[0].KeyID = "" })
		}, "the certificate is signed by the key , and the given key is "},
		{"another payload type", func(tb testing.TB, is *issued) {
			is.envelope(tb, func(env *dsse.Envelope) { env.PayloadType = "text/plain" })
		}, `the certificate's payload is a "text/plain"`},
		{"no signature", func(tb testing.TB, is *issued) {
			is.envelope(tb, func(env *dsse.Envelope) { env.Signatures = nil })
		}, "the certificate has 0 signatures, and it must have one"},
		{"one signature more", func(tb testing.TB, is *issued) {
			is.envelope(tb, func(env *dsse.Envelope) { env.Signatures = append(env.Signatures, env.Signatures[0]) })
		}, "the certificate has 2 signatures, and it must have one"},
		{"a member twice", func(_ testing.TB, is *issued) {
			is.data = bytes.Replace(is.data, []byte("{"), []byte(`{"payloadType": "text/plain", `), 1)
		}, `the certificate is not a signed envelope: the member "payloadType" is there twice`},
		{"a member in capitals", func(_ testing.TB, is *issued) {
			is.data = bytes.Replace(is.data, []byte(`"payloadType"`), []byte(`"PayloadType"`), 1)
		}, "the certificate is not a signed envelope: its members are not those of its schema"},
		{"a member that nobody knows", func(_ testing.TB, is *issued) {
			is.data = bytes.Replace(is.data, []byte("{"), []byte(`{"note": "", `), 1)
		}, `the certificate is not a signed envelope: json: unknown field "note"`},
		{"an escape in a string", func(_ testing.TB, is *issued) {
			is.data = bytes.Replace(is.data, []byte("application/"), []byte(`application\/`), 1)
		}, "the certificate is not in the form that this suite writes"},
		{"something behind the end", func(_ testing.TB, is *issued) { is.data = append(is.data, "{}"...) },
			"the certificate is not a signed envelope: invalid character '{' after top-level value"},
		{"half of it", func(_ testing.TB, is *issued) { is.data = is.data[:len(is.data)/2] },
			"the certificate is not a signed envelope: unexpected end of JSON input"},
		{"base64 with a line break", func(tb testing.TB, is *issued) {
			is.envelope(tb, func(env *dsse.Envelope) { env.Payload = env.Payload[:8] + "\n" + env.Payload[8:] })
		}, "the certificate's payload is not in base64"},
		{"another report", func(tb testing.TB, is *issued) {
			edit(tb, is.dir+"/report.json", `"verdict": "conformant",`, `"verdict":  "conformant",`)
		}, "report.json was changed after it was certified"},
		{"one byte of run.json", func(tb testing.TB, is *issued) { edit(tb, is.dir+"/run.json", `"seconds": 42`, `"seconds": 41`) },
			"run.json was changed after it was certified"},
		{"a status in the report", func(tb testing.TB, is *issued) {
			r := passing(is.catalog)
			set(tb, r, should, verdict.Warn)
			if err := report.Write(is.dir, r); err != nil {
				tb.Fatal(err)
			}
		}, "report.json: " + should + " is warn there and pass in the certificate"},
		{"a report of another agent", func(tb testing.TB, is *issued) { edit(tb, is.dir+"/report.json", `"1.2.3"`, `"1.2.4"`) },
			`report.json is about "./my-agent <run>" 1.2.4 (linux/x86_64), and the certificate about "./my-agent <run>" 1.2.3`},
		{"a report of a filtered run", func(tb testing.TB, is *issued) {
			edit(tb, is.dir+"/report.json", `"selection": {}`, `"selection": {"level": "must"}`)
		}, "report.json is of a filtered run"},
		{"a report at another revision", func(tb testing.TB, is *issued) { edit(tb, is.dir+"/report.json", `"r0.2"`, `"r0.5"`) },
			"report.json is judged by r0.5, and the certificate by r0.2"},
		{"two transcripts swapped", func(tb testing.TB, is *issued) {
			one, two := transcript(is.dir, ids[0]), transcript(is.dir, ids[1])
			text := get(tb, one)
			put(tb, one, get(tb, two))
			put(tb, two, text)
		}, "transcripts/" + strings.ReplaceAll(ids[0], "/", "+") + ".ndjson was changed"},
		{"a transcript less", func(tb testing.TB, is *issued) {
			if err := os.Remove(transcript(is.dir, ids[1])); err != nil {
				tb.Fatal(err)
			}
		}, "transcripts/" + strings.ReplaceAll(ids[1], "/", "+") + ".ndjson is missing"},
		{"a transcript more", func(tb testing.TB, is *issued) { put(tb, transcript(is.dir, should), "{}\n") },
			"transcripts/" + strings.ReplaceAll(should, "/", "+") + ".ndjson was added"},
		{"another artifact", func(tb testing.TB, is *issued) { is.artifact = artifact(tb, "an agenT") }, "my-agent is not what was certified"},

		// What only the signer could do, by hand.
		{"another statement type", replace("Statement/v1", "Statement/v0.1"), `the statement is a "https://in-toto.io/Statement/v0.1"`},
		{"another predicate type", replace("test-result/v0.1", "test-result/v9"), `the statement is about "https://in-toto.io/attestation/test-result/v9"`},
		{"members named as protobuf has them", replace(`"_type"`, `"type"`), `the statement is not one of this suite: json: unknown field "type"`},
		{"a blank more", func(tb testing.TB, is *issued) {
			is.statement(tb, func(text string) string { return text + "\n" })
		}, "the statement is not in the form that this suite writes"},
		{"a failed case", replace(`"failedTests":[]`, `"failedTests":["exec.cwd/x"]`), "the certificate names a case that failed: exec.cwd/x"},
		{"another result", replace(`"result":"PASSED"`, `"result":"GOOD"`), `the certificate's result is "GOOD"`},
		{"a result that the cases do not give", replace(`"result":"PASSED"`, `"result":"WARNED"`), "the statement is not in the form"},
		{"no word of self-attestation", replace(`"kind":"self-attested"`, `"kind":"audited"`), "the certificate does not say that it is self-attested"},
		{"other totals", replace(`"warn":0`, `"warn":1`), "the certificate counts 1 warn, and names 0"},
		{"a case less", replace(`"passedTests":["`+ids[0]+`",`, `"passedTests":[`), "the certificate names "},
		{"a case twice", replace(`"passedTests":["`+ids[0]+`"`, `"passedTests":["`+ids[1]+`"`), "the certificate names " + ids[1] + " twice"},
		{"a case that does not exist", replace(`"passedTests":["`+ids[0]+`"`, `"passedTests":["no.such/case"`), "the certificate names no.such/case, and this suite has no such case"},
		{"a status that is none", replace(`"notRun":{}`, `"notRun":{"a.b/c":"waived"}`), `the certificate calls a.b/c "waived"`},
		{"a fact that nobody knows", replace(`"configuration":[`, `"configuration":[{"name":"audit","content":"eA=="},`), `the statement's configuration holds "audit"`},
		{"notes without their schema", replace(`"revision":"r0.2"`, `"Revision":"r0.2"`), `the annotations of "specification" in the statement: its members`},
		{"two subjects", replace(`"subject":[`, `"subject":[{"name":"x"},`), "the statement has 2 subjects"},
		{"another profile verdict", replace(`{"name":"core","result":"conformant"}`, `{"name":"core","result":"not-claimed"}`),
			"the certificate says of the profiles core not-claimed, "},
		{"another revision", replace(`"revision":"r0.2"`, `"revision":"r0.0"`), `the certificate is for the revision "r0.0"`},
		{"another report's digest", replace(`"name":"report.json","digest":{"sha256":"`, `"name":"report.json","digest":{"sha256":"0`), "report.json was changed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			is := valid
			is.data = bytes.Clone(valid.data)
			is.dir = t.TempDir()
			if err := os.CopyFS(is.dir, os.DirFS(valid.dir)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := is.verify(t); err != nil {
				t.Fatal(err)
			}
			tt.touch(t, &is)
			_, _, err := is.verify(t)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("it is more than one sentence: %v", err)
			}
		})
	}
}

func TestNoByteOfACertificateCanChange(t *testing.T) {
	t.Parallel()
	// Three cases give an envelope that is small enough to try every byte of.
	c := catalog(t)
	c.Cases = c.Cases[:3]
	is := issued{catalog: c, artifact: artifact(t, "an agent"), dir: write(t, passing(c))}
	is.pub, is.key = newKey(t)
	made, err := is.certify()
	if err != nil {
		t.Fatal(err)
	}
	if is.data, err = certificate.Sign(t.Context(), made, is.key); err != nil {
		t.Fatal(err)
	}
	if _, _, err := is.verify(t); err != nil {
		t.Fatal(err)
	}
	var env dsse.Envelope
	if err := json.Unmarshal(is.data, &env); err != nil {
		t.Fatal(err)
	}
	before := bytes.Index(is.data, []byte(env.Payload))
	after := before + len(env.Payload)
	reasons := make(map[string]int)
	for i := range is.data {
		bits := []int{i % 8}
		if i < before || i >= after {
			bits = append(bits, 5) // the case of a letter in a name
		}
		for _, bit := range bits {
			touched := bytes.Clone(is.data)
			touched[i] ^= 1 << bit
			_, err := certificate.Open(t.Context(), touched, is.pub)
			if err == nil {
				t.Fatalf("bit %d of byte %d was changed, in %q, and nobody noticed", bit, i, is.data[max(0, i-10):min(len(is.data), i+10)])
			}
			reasons[err.Error()]++
		}
	}
	t.Logf("%d bytes, refused for reasons such as %q", len(is.data), slices.Sorted(maps.Keys(reasons))[:5])
}

func FuzzAnEnvelopeIsOpenedOrRefused(f *testing.F) {
	is := issue(f, nil)
	f.Add(is.data)
	f.Add([]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"keyid":"","sig":""}]}`))
	f.Add([]byte("[[[["))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := certificate.Open(t.Context(), data, is.pub)
		if err != nil {
			return
		}
		// Only blanks may differ.
		var got, want bytes.Buffer
		if json.Compact(&got, data) != nil || json.Compact(&want, is.data) != nil || got.String() != want.String() {
			t.Errorf("another envelope was opened: %+v", c)
		}
	})
}

// FuzzAStatementIsReadOrRefused is about what a signer could have written.
func FuzzAStatementIsReadOrRefused(f *testing.F) {
	is := issue(f, nil)
	var env dsse.Envelope
	if err := json.Unmarshal(is.data, &env); err != nil {
		f.Fatal(err)
	}
	payload, err := base64.StdEncoding.DecodeString(env.Payload)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(payload)
	f.Add([]byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[{}],"predicateType":"","predicate":{}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		sig := ed25519.Sign(is.key, dsse.PAE(env.PayloadType, payload))
		data, err := json.Marshal(dsse.Envelope{
			PayloadType: env.PayloadType, Payload: base64.StdEncoding.EncodeToString(payload),
			Signatures: []dsse.Signature{{KeyID: env.Signatures[0].KeyID, Sig: base64.StdEncoding.EncodeToString(sig)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		c, err := certificate.Open(t.Context(), data, is.pub)
		if err != nil {
			return
		}
		again, err := certificate.Sign(t.Context(), c, is.key)
		var compact bytes.Buffer
		if err != nil || json.Compact(&compact, again) != nil || compact.String() != string(data) {
			t.Errorf("what was read is not what was signed (%v)", err)
		}
		_, _ = c.Verify(is.catalog, nil, nil)
	})
}

func FuzzAReportIsReadOrRefused(f *testing.F) {
	c := catalog(f)
	c.Cases = c.Cases[:3]
	dir := write(f, passing(c))
	run := get(f, dir+"/run.json")
	f.Add([]byte(get(f, dir+"/report.json")))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		put(t, dir+"/run.json", run)
		put(t, dir+"/report.json", string(data))
		e, err := certificate.ReadEvidence(dir)
		if err != nil {
			return
		}
		n := 0
		for _, count := range e.Document.Totals {
			n += count
		}
		if n != len(e.Document.Cases) || n != e.Document.Suite.Cases {
			t.Errorf("the totals sum to %d, there are %d cases", n, len(e.Document.Cases))
		}
	})
}
