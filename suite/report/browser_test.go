package report_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

const (
	// browserPatience bounds all of a browser's life, of some ten seconds on an
	// idle machine, and actionPatience what takes a fraction of one.
	browserPatience = 2 * time.Minute
	actionPatience  = 20 * time.Second
)

// browser starts a headless Chromium of its own profile until the test ends.
// Without one the test is skipped, on a CI that can have it it fails.
func browser(t *testing.T) context.Context {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		const missing = "no Chromium on this machine: install the package chromium"
		if os.Getenv("CI") != "" && runtime.GOOS == "linux" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(browserPatience),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	// The test's own context is over before its cleanups.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), browserPatience)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", program, err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("end the browser: %v", err)
		}
	})
	return ctx
}

// tab is a page open in a browser, and what it did that it must not.
type tab struct {
	*testing.T
	ctx context.Context
	url string

	mu       sync.Mutex
	requests []string
	said     []string
}

// open serves a page and opens it in a tab of its own.
func open(t *testing.T, ctx context.Context, html string) *tab {
	t.Helper()
	tb := &tab{T: t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tb.mu.Lock()
		defer tb.mu.Unlock()
		tb.requests = append(tb.requests, r.URL.String())
		w.Header().Set("Content-Type", "text/html") // the charset is the page's to say
		_, _ = w.Write([]byte(html))
	}))
	t.Cleanup(server.Close)
	tb.url = server.URL + "/report.html"
	var cancel context.CancelFunc
	tb.ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	err := chromedp.Listen(tb.ctx, func(event any) {
		said := ""
		switch e := event.(type) {
		case *cdpruntime.EventConsoleAPICalled:
			said = "console." + string(e.Type)
		case *cdpruntime.EventExceptionThrown:
			said = e.ExceptionDetails.Text
		case *log.EventEntryAdded: // also what the security policy refused
			said = e.Entry.Text
		default:
			return
		}
		tb.mu.Lock()
		defer tb.mu.Unlock()
		tb.said = append(tb.said, said)
	})
	if err != nil {
		t.Fatal(err)
	}
	tb.do(chromedp.EmulateViewport(1200, 900), chromedp.Navigate(tb.url))
	return tb
}

func (t *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, actionPatience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

// eval is the value of an expression in the page.
func eval[V any](t *tab, expression string) V {
	t.Helper()
	v, err := chromedp.Run(t.ctx, chromedp.Evaluate[V](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// call sends a command of the browser's protocol.
func call[P, R any](t *tab, command cdp.Command[P, R], params P) {
	t.Helper()
	if _, err := chromedp.Call(t.ctx, command, params); err != nil {
		t.Fatal(err)
	}
}

// quiet checks that the page asked for nothing but itself and said nothing.
func (t *tab) quiet(loads int) {
	t.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.requests) != loads || slices.ContainsFunc(t.requests, func(url string) bool { return url != "/report.html" }) {
		t.Errorf("the page asked for %q", t.requests)
	}
	if len(t.said) > 0 {
		t.Errorf("the page said %q", t.said)
	}
}

// shown are the ids of the cases, or of the findings, that are to be seen.
func (t *tab) shown(selector string) string {
	t.Helper()
	return eval[string](t, `[...document.querySelectorAll("`+selector+`")].filter(e => e.checkVisibility()).map(e => e.id.replace("row-", "")).join(" ")`)
}

// visible tells whether anything of the kind is to be seen.
func (t *tab) visible(selector string) bool {
	t.Helper()
	return eval[bool](t, `[...document.querySelectorAll("`+selector+`")].some(e => e.checkVisibility())`)
}

const (
	rows     = "table.cases tbody tr"
	findings = "article.finding"
	every    = "desktop.screenshot/not-claimed envelope.order/warns exec.cwd/blocked exec.cwd/breaks-the-harness fence.ratchet/recorded " +
		"fs.list.hidden/untestable fs.list.hidden/untestable-too ping.nonce/fails ping.nonce/passes"
)

func (t *tab) wantShown(wantRows, wantFindings, wantCount string) {
	t.Helper()
	if got := t.shown(rows); got != wantRows {
		t.Errorf("cases %q, want %q", got, wantRows)
	}
	if got := t.shown(findings); got != wantFindings {
		t.Errorf("findings %q, want %q", got, wantFindings)
	}
	if got := eval[string](t, `document.getElementById("count").textContent`); got != wantCount {
		t.Errorf("it counts %q, want %q", got, wantCount)
	}
}

// TestThePageInABrowser is what a reader does with the page. One browser serves
// all of it, since a start takes seconds.
func TestThePageInABrowser(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	_, html := evidence(t, everyStatus(t), []byte("{}\n"), picture(t))
	t.Run("search finds words in ids, clauses, reasons and the wire", func(t *testing.T) {
		tb := open(t, ctx, html)
		all := "ping.nonce/fails exec.cwd/breaks-the-harness exec.cwd/blocked envelope.order/warns"
		tb.wantShown(every, all, "9 cases")
		// As a keyboard does it: what is typed follows unless the page says no.
		call(tb, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: "/", Text: "/"})
		tb.do(chromedp.KeyEvent("disk"))
		tb.wantShown("exec.cwd/breaks-the-harness fs.list.hidden/untestable fs.list.hidden/untestable-too", "exec.cwd/breaks-the-harness", "3 of 9 cases")
		tb.do(chromedp.KeyEvent(" SECOND"))
		tb.wantShown("fs.list.hidden/untestable fs.list.hidden/untestable-too", "", "2 of 9 cases")
		if got := eval[string](tb, `document.querySelector("#findings .nothing").innerText`); got != "No finding matches the filter." {
			t.Errorf("it says %q", got)
		}
		tb.do(chromedp.KeyEvent(kb.Escape))
		tb.wantShown(every, all, "9 cases")
		tb.do(chromedp.KeyEvent("NO REPLY WITHIN"))
		tb.wantShown("", "ping.nonce/fails", "0 of 9 cases")
		tb.quiet(1)
	})
	t.Run("filters narrow by status, area and level, and together", func(t *testing.T) {
		tb := open(t, ctx, html)
		tb.do(chromedp.Click(chromedp.CSS(`.chip[data-status="fail"]`)), chromedp.Click(chromedp.CSS(`.chip[data-status="warn"]`)))
		tb.wantShown("envelope.order/warns ping.nonce/fails", "ping.nonce/fails envelope.order/warns", "2 of 9 cases")
		tb.do(chromedp.Focus(chromedp.CSS("#level")), chromedp.KeyEvent("S")) // as a keyboard chooses
		tb.wantShown("envelope.order/warns", "envelope.order/warns", "1 of 9 cases")
		tb.do(chromedp.Click(chromedp.CSS(`button[type="reset"]`)))
		tb.wantShown(every, "ping.nonce/fails exec.cwd/breaks-the-harness exec.cwd/blocked envelope.order/warns", "9 cases")
		tb.do(chromedp.Click(chromedp.CSS(`a[data-area="fs"]`)))
		tb.wantShown("fs.list.hidden/untestable fs.list.hidden/untestable-too", "", "2 of 9 cases")
		tb.do(chromedp.Evaluate[chromedp.Void](`location.hash = "#ping.nonce/fails"`), chromedp.WaitVisible(chromedp.CSS(`[id="ping.nonce/fails"]`)))
		tb.quiet(1)
	})
	t.Run("a keyboard reaches every control", func(t *testing.T) {
		tb := open(t, ctx, html)
		var reached []string
		for range 60 {
			tb.do(chromedp.KeyEvent(kb.Tab))
			reached = append(reached, eval[string](tb, `document.activeElement.className + "#" + document.activeElement.id`))
		}
		all := strings.Join(reached, " ")
		for _, want := range []string{"skip#", "#theme", "#q", "chip s-fail#", "#area", "#level", "quiet#", "anchor#"} {
			if !strings.Contains(all, want) {
				t.Errorf("the tab key does not reach %s: %s", want, all)
			}
		}
		tb.do(chromedp.Focus(chromedp.CSS(`.chip[data-status="fail"]`)), chromedp.KeyEvent(" "))
		if got := tb.shown(rows); got != "ping.nonce/fails" {
			t.Errorf("the space bar does not press: %q", got)
		}
	})
	t.Run("it is light or dark as the system is, and the button decides", func(t *testing.T) {
		tb := open(t, ctx, html)
		background := func() string { return eval[string](tb, `getComputedStyle(document.body).backgroundColor`) }
		scheme := func(s string) {
			call(tb, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: s}}})
		}
		scheme("light")
		light := background()
		scheme("dark")
		dark := background()
		if light == dark {
			t.Fatalf("both are %s", light)
		}
		tb.do(chromedp.Click(chromedp.CSS("#theme")))
		if got := background(); got != light {
			t.Errorf("the button gives %s, want %s", got, light)
		}
		tb.do(chromedp.Reload())
		if got := background(); got != light {
			t.Errorf("after a reload it is %s, want %s still", got, light)
		}
		tb.quiet(2)
	})
	t.Run("without scripts all of it is there and nothing that does nothing", func(t *testing.T) {
		tb := open(t, ctx, html)
		call(tb, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		tb.do(chromedp.Reload())
		if got := tb.shown(rows); got != every {
			t.Errorf("cases %q", got)
		}
		if tb.visible(".js-only") || strings.Count(tb.shown(findings), " ") != 3 {
			t.Errorf("controls: %t, findings %q", tb.visible(".js-only"), tb.shown(findings))
		}
	})
	t.Run("it fits a telephone", func(t *testing.T) {
		tb := open(t, ctx, html)
		tb.do(chromedp.EmulateViewport(400, 800))
		if wide := eval[int](tb, `document.documentElement.scrollWidth`); wide > 400 {
			t.Errorf("it is %d pixels wide", wide)
		}
	})
	t.Run("it prints, without controls and with all that was folded", func(t *testing.T) {
		tb := open(t, ctx, html)
		call(tb, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
		for _, control := range []string{".tools", "#theme", ".anchor", ".bar nav"} {
			if tb.visible(control) {
				t.Errorf("it prints %s", control)
			}
		}
		if !tb.visible(".missing li") {
			t.Error("what is folded is not printed")
		}
		pdf, err := chromedp.Run(tb.ctx, chromedp.PrintToPDF())
		if err != nil || !bytes.HasPrefix(pdf, []byte("%PDF")) {
			t.Errorf("it prints %d bytes that are no PDF (%v)", len(pdf), err)
		}
	})
	t.Run("hostile text stays text", func(t *testing.T) {
		_, html := evidence(t, takenOver(t), []byte(hostile+"\n"), picture(t))
		tb := open(t, ctx, html)
		if eval[bool](tb, `"owned" in window || document.images.length !== 1`) {
			t.Error("the subject took the page over")
		}
		tb.do(chromedp.Click(chromedp.CSS(`.chip[data-status="fail"]`)))
		if got := tb.shown(rows); got != "ping.nonce/fails" {
			t.Errorf("the filter shows %q", got)
		}
		tb.quiet(1)
	})
	t.Run("a green run", func(t *testing.T) {
		r := &verdict.Report{Revision: "r0.2"}
		r.Sum()
		tb := open(t, ctx, render(t, report.New(r), "html"))
		tb.wantShown("", "", "0 cases")
		tb.quiet(1)
	})
}
