package relaysuite_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"agentproof/docs/spec"
	"agentproof/relay"
	"agentproof/stream"
	"agentproof/suite/engine"
	"agentproof/suite/relaysuite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func load(tb testing.TB) *spec.Spec {
	tb.Helper()
	s, err := spec.Load()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestTheBundledRelayIsConformant(t *testing.T) {
	t.Parallel()
	r, stop, err := relaysuite.Bundled()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	rep, err := relaysuite.Run(t.Context(), r, relaysuite.Options{Spec: load(t)})
	if err != nil {
		t.Fatal(err)
	}
	for _, res := range rep.Results {
		if res.Status != engine.Pass {
			t.Errorf("%s is %s: %s\n%s", res.ID, res.Status, res.Reason, strings.Join(res.Notes, "\n"))
		}
	}
	if !rep.Certifies() {
		t.Errorf("the bundled relay is %s", rep.Verdict())
	}
}

func TestTheCasesAreFitToRunAndTryEveryClause(t *testing.T) {
	t.Parallel()
	s, cases := load(t), relaysuite.Cases(nil)
	if err := engine.Validate(s, cases); err != nil {
		t.Error(err)
	}
	tried := map[string]bool{
		"relay.idle": true, // it needs two minutes of silence: the relay's own tests try it with a clock
	}
	for _, c := range cases {
		tried[c.Clause] = true
	}
	for _, c := range s.Clauses() {
		if strings.HasPrefix(c.ID, "relay.") && !tried[c.ID] {
			t.Errorf("%s:%d: no case tries %s", c.File, c.Line, c.ID)
		}
	}
}

// TestWrongRelaysAreNoticed shows that cases can fail: each relay has one
// fault.
func TestWrongRelaysAreNoticed(t *testing.T) {
	t.Parallel()
	const secret stream.Secret = "one for both"
	for _, tt := range []struct {
		name, cases, says string
		fault             func(http.Handler) http.Handler
	}{
		{"answers a plain GET", "relay.dial.upgrade/plain-get*", "want HTTP status 400 or 426; got 200", answering("/stream", "a page")},
		{"upgrades whatever the query says", "relay.dial.query/missing", "want HTTP status 400", withQuery("ws=w&agent=a&port=1")},
		{"is never healthy", "relay.healthz/*", "got 503", failing("/healthz")},
		{"has no metrics", "relay.metrics/*", "none of that name", answering("/metrics", "")},
	} {
		t.Run("the relay "+tt.name, func(t *testing.T) {
			t.Parallel()
			inner, err := relay.New(relay.Config{ViewerSecret: secret})
			if err != nil {
				t.Fatal(err)
			}
			srv := httptest.NewServer(tt.fault(inner))
			defer srv.Close()
			defer inner.Close()
			wantBroken(t, &relaysuite.Relay{
				Name: "a wrong relay", URL: "ws" + strings.TrimPrefix(srv.URL, "http") + stream.Path, ViewerSecret: secret,
			}, tt.cases, tt.says)
		})
	}
}

func wantBroken(t *testing.T, r *relaysuite.Relay, cases, says string) {
	t.Helper()
	rep, err := relaysuite.Run(t.Context(), r, relaysuite.Options{
		Spec: load(t), Selection: engine.Selection{Cases: []string{cases}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, res := range rep.Results {
		if res.Status == engine.NotSelected {
			continue
		}
		if res.Status != engine.Fail && res.Status != engine.Warn || !strings.Contains(res.Reason, says) {
			t.Errorf("%s is %s, want it broken with %q: %s", res.ID, res.Status, says, res.Reason)
		}
	}
}

func answering(path, body string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path == path && req.Header.Get("Upgrade") == "" {
				_, _ = w.Write([]byte(body))
				return
			}
			next.ServeHTTP(w, req)
		})
	}
}

func withQuery(query string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			req.URL.RawQuery = query
			next.ServeHTTP(w, req)
		})
	}
}

func failing(path string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path == path {
				http.Error(w, "not today", http.StatusServiceUnavailable)
				return
			}
			next.ServeHTTP(w, req)
		})
	}
}

// TestARelayWithOtherSecretsIsNotJudgedByItsTokens shows what a wrong
// --viewer-secret looks like: nothing can be arranged, nothing passes for it.
func TestARelayWithOtherSecretsIsNotJudgedByItsTokens(t *testing.T) {
	t.Parallel()
	r, stop, err := relaysuite.Bundled()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	r.ViewerSecret, r.ProducerSecret, r.Start = "wrong", "wrong", nil
	rep, err := relaysuite.Run(t.Context(), r, relaysuite.Options{
		Spec: load(t), Selection: engine.Selection{Cases: []string{"relay.token.scope/*", "relay.close/*", "relay.token.secret/*"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, res := range rep.Results {
		want := engine.Blocked
		switch {
		case res.Status == engine.NotSelected:
			continue
		case res.Clause == "relay.token.secret":
			want = engine.Untestable
		}
		if res.Status != want {
			t.Errorf("%s is %s, want %s: %s", res.ID, res.Status, want, res.Reason)
		}
	}
	if rep.ExitCode() == 0 {
		t.Error("the exit code is 0")
	}
}
