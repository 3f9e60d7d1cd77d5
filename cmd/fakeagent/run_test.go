package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func TestRunAnnouncesHowToReachIt(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "--agent", "laptop", "--password", "hush")
	var labels []string
	for line := range strings.Lines(s.out.String()) {
		if label, _, _ := strings.Cut(strings.TrimSpace(line), " "); !strings.HasPrefix(line, " ") {
			labels = append(labels, label)
		}
	}
	if want := []string{"broker", "control", "token", "relay", "viewers", "subject", "root", "try", "ready"}; !slices.Equal(labels, want) {
		t.Errorf("it announced %q, want %q", labels, want)
	}
	if got := s.told("subject"); got != "agent.local.laptop.rpc" {
		t.Errorf("subject %q", got)
	}
	if root, err := filepath.EvalSymlinks(s.root); err != nil || s.told("root") != root && s.told("root") != s.root {
		t.Errorf("root %q, want %q (%v)", s.told("root"), root, err)
	}
	if want := strings.Replace(s.told("broker"), "nats://", "nats://control-plane:hush@", 1); s.told("control") != want {
		t.Errorf("control %q, want %q", s.told("control"), want)
	}
	// The URLs and the token are good for what they are announced for.
	for _, c := range []struct {
		what string
		url  string
		opt  nats.Option
	}{
		{"the agent's token", s.told("broker"), nats.Token(s.told("token"))},
		{"the control plane's URL", s.told("control"), nil},
	} {
		opts := []nats.Option{}
		if c.opt != nil {
			opts = append(opts, c.opt)
		}
		nc, err := nats.Connect(c.url, opts...)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		nc.Close()
	}
}

func TestRunAnnouncesInJSON(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "--json", "--agent", "laptop", "--workspace", "w")
	got := decoded(t, s.out.String()) // one line, or it would not decode
	for _, key := range []string{"url", "control_url", "token", "root"} {
		if v, ok := got[key].(string); !ok || v == "" {
			t.Errorf("%s is %v", key, got[key])
		}
	}
	if got["workspace_id"] != "w" || got["agent_id"] != "laptop" || got["subject"] != "agent.w.laptop.rpc" || got["ready"] != true {
		t.Errorf("got %v", got)
	}
	if code := s.stop(t, os.Interrupt); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	for line := range strings.Lines(s.log.String()) {
		if entry := decoded(t, line); entry["msg"] == nil || entry["level"] == nil {
			t.Errorf("a line of the log is %q", line)
		}
	}
}

func TestSIGTERMIsAGoodbyeAndExitCode0(t *testing.T) {
	t.Parallel()
	b := theirs(t)
	b.Admit("ws", "secret")
	nc, err := nats.Connect(b.ControlURL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	events, err := nc.SubscribeSync("agent.ws.laptop.events")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	s := start(t, nil, "--nats", b.URL(), "--token", "secret", "--workspace", "ws", "--agent", "laptop")

	// It stops in the middle of work.
	busy, err := proto.Marshal(&agentv1.ControlRequest{RequestId: "busy", Op: &agentv1.ControlRequest_Exec{
		Exec: &agentv1.ExecRequest{Command: []string{"echo $$ > pid; exec sleep 600"}, Shell: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.PublishRequest("agent.ws.laptop.rpc", "_INBOX.nobody", busy); err != nil {
		t.Fatal(err)
	}
	var pid int
	eventually(t, "the command runs", func() bool {
		data, err := os.ReadFile(filepath.Join(s.root, "pid"))
		if err == nil {
			pid, err = strconv.Atoi(strings.TrimSpace(string(data)))
		}
		return err == nil
	})
	if code := s.stop(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d, want 0; it logged\n%s", code, s.log.String())
	}
	for {
		msg, err := events.NextMsg(time.Minute)
		if err != nil {
			t.Fatalf("no goodbye: %v", err)
		}
		event := new(agentv1.AgentEvent)
		if err := proto.Unmarshal(msg.Data, event); err != nil {
			t.Fatal(err)
		}
		if event.GetGoingOffline() != nil {
			break
		}
	}
	eventually(t, "the command is gone", func() bool { return !alive(pid) })
}

func TestRunServesSomebodysBroker(t *testing.T) {
	t.Parallel()
	b := theirs(t)
	b.Admit("ws", "secret")
	withUser := strings.Replace(b.URL(), "nats://", "nats://me:hush@", 1)
	for _, tt := range []struct {
		name    string
		environ []string
		args    []string
		subject string
		broker  string
	}{
		{"named by flags", nil,
			[]string{"--nats", b.URL(), "--token", "secret", "--workspace", "ws", "--agent", "flags"}, "agent.ws.flags.rpc", b.URL()},
		{"beside one that is away", nil,
			[]string{"--nats", "nats://127.0.0.1:1", "--nats", b.URL(), "--token", "secret", "--workspace", "ws", "--agent", "two"},
			"agent.ws.two.rpc", "nats://127.0.0.1:1," + b.URL()},
		{"by websocket", nil,
			[]string{"--nats", b.WebsocketURL(), "--token", "secret", "--workspace", "ws", "--agent", "socket"}, "agent.ws.socket.rpc", b.WebsocketURL()},
		{"told by the environment",
			[]string{"AGENTPROOF_NATS_URL=" + b.URL(), "AGENTPROOF_NATS_TOKEN=secret", "AGENTPROOF_WORKSPACE_ID=ws", "AGENTPROOF_AGENT_ID=told"},
			nil, "agent.ws.told.rpc", b.URL()},
		{"a flag beats the environment",
			[]string{"AGENTPROOF_NATS_URL=" + b.URL(), "AGENTPROOF_NATS_TOKEN=wrong", "AGENTPROOF_WORKSPACE_ID=ws", "AGENTPROOF_AGENT_ID=told"},
			[]string{"--token", "secret", "--agent", "flag"}, "agent.ws.flag.rpc", b.URL()},
		{"told by a deployed agent's credentials",
			[]string{"OPENGENI_CONFIG_DIR=" + filepath.Dir(credentials(t, good(b.URL())))}, nil, "agent.ws.file.rpc", b.URL()},
		{"told by a credentials file",
			nil, []string{"--credentials", credentials(t, good(b.URL()))}, "agent.ws.file.rpc", b.URL()},
		{"a flag beats the credentials",
			nil, []string{"--credentials", credentials(t, good(withUser)), "--agent", "flagged", "--nats", b.URL()}, "agent.ws.flagged.rpc", b.URL()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, tt.environ, tt.args...)
			if s.told("subject") != tt.subject || s.told("broker") != tt.broker || s.told("token")+s.told("control") != "" {
				t.Errorf("it announced %q", s.out)
			}
			nc, err := nats.Connect(b.ControlURL())
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			ping, err := proto.Marshal(&agentv1.ControlRequest{Op: &agentv1.ControlRequest_Ping{Ping: &agentv1.PingRequest{}}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := nc.Request(tt.subject, ping, time.Minute); err != nil {
				t.Error(err)
			}
			if list, err := os.ReadDir(s.home); err != nil || len(list) > 0 {
				t.Errorf("it remembers a broker that is not its own: %v, %v", list, err)
			}
		})
	}
}

func TestRunWaitsForABrokerThatDoesNotKnowIt(t *testing.T) {
	t.Parallel()
	b := theirs(t)
	s := begin(t, nil, "--nats", b.URL(), "--token", "early", "--workspace", "ws", "--agent", "laptop")
	eventually(t, "the broker refuses the agent", func() bool { return b.Rejected() > 0 })
	eventually(t, "the agent says why", func() bool { return strings.Contains(strings.ToLower(s.log.String()), "authorization") })
	b.Admit("ws", "early")
	s.awaitReady(t)
	if strings.Contains(s.log.String(), "early") {
		t.Errorf("the log holds the token:\n%s", s.log.String())
	}
}

func TestRunOnATakenPortIsExitCode1(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	got := invoke(t, nothing(), "run", "--port", port)
	got.want(t, 1, "", "address already in use")
	if strings.Count(got.err, "\n") != 1 || !strings.HasPrefix(got.err, "fakeagent: start the broker: ") || !strings.Contains(got.err, port) {
		t.Errorf("it said %q, want one sentence with the port", got.err)
	}
}

func TestRunOnItsPort(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	s := start(t, nil, "--port", strconv.Itoa(port))
	if want := "nats://127.0.0.1:" + strconv.Itoa(port); s.told("broker") != want {
		t.Errorf("broker %q, want %q", s.told("broker"), want)
	}
}

func TestRunRemembersWhereItIsAsLongAsItRuns(t *testing.T) {
	t.Parallel()
	first := start(t, nil, "--agent", "first")
	name := rememberedFile(t, first.home)
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v; want a file of mode 0600", info, err)
	}
	ask := func(flags ...string) string {
		out, err := program(t, first.home, slices.Concat([]string{"call"}, flags, []string{"exec", "pwd"})...).CombinedOutput()
		if err != nil {
			return err.Error() + ": " + string(out)
		}
		return strings.TrimSpace(string(out))
	}
	reaches := func(r *runner, flags ...string) {
		t.Helper()
		if got := ask(flags...); got != r.told("root") {
			t.Errorf("call %q reached %q, want the agent in %q", flags, got, r.told("root"))
		}
	}
	reaches(first)
	second := start(t, []string{"XDG_RUNTIME_DIR=" + first.home}, "--agent", "second")
	if got := ask(); !strings.Contains(got, "exit status 2") || !strings.Contains(got, "2 agents run here; choose one:") ||
		!strings.Contains(got, "--agent first  (agent first of workspace local in "+first.told("root")) || !strings.Contains(got, "--agent second") {
		t.Errorf("with two agents it said %q", got)
	}
	reaches(first, "--agent", "first")
	reaches(second, "--agent", "second")
	reaches(second, "--nats", second.told("broker"))
	if got := ask("--agent", "third"); !strings.Contains(got, "no agent that runs here is meant") {
		t.Errorf("of an agent that does not run it said %q", got)
	}
	second.stop(t, os.Interrupt)
	reaches(first)
	killed := start(t, []string{"XDG_RUNTIME_DIR=" + first.home}, "--agent", "killed")
	_ = killed.cmd.Process.Kill()
	<-killed.ended
	reaches(first)
	if got := rememberedFile(t, first.home); got != name {
		t.Errorf("%s is left, want %s alone", got, name)
	}
	first.stop(t, os.Interrupt)
	if _, err := os.Stat(name); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", name, err)
	}
	if got := ask(); !strings.Contains(got, "exit status 2") || !strings.Contains(got, "start one with 'fakeagent run'") {
		t.Errorf("without an agent it said %q", got)
	}
}

// good are credentials for a broker.
func good(url string) map[string]any {
	return map[string]any{
		"agent_id": "file", "workspace_id": "ws", "nats_bearer": "secret", "nats_urls": []string{url},
		"consented_screen_control": true, "update_channel": "stable", "last_known_epoch": 4,
	}
}

// credentials writes v, text as it is and anything else as JSON, to a file.
func credentials(t testing.TB, v any) string {
	t.Helper()
	text, ok := v.(string)
	if !ok {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		text = string(data)
	}
	name := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestMalformedCredentialsAreNamedAndLeftAlone(t *testing.T) {
	t.Parallel()
	with := func(key string, value any) map[string]any {
		c := good("nats://127.0.0.1:1")
		c[key] = value
		return c
	}
	for _, tt := range []struct {
		name string
		file any
		want string
	}{
		{"an empty file", "", "it ends before its JSON object does"},
		{"half a file", `{"agent_id": "x"`, "it ends before its JSON object does"},
		{"no JSON", "agent_id: x\n", "not JSON at line 1"},
		{"a list", "[]", "a JSON array where an object is expected"},
		{"two objects", "{}{}", "something follows the JSON object"},
		{"a number for a text", with("agent_id", 5), `key "agent_id" holds a JSON number where a string is expected`},
		{"a missing key", with("workspace_id", ""), `key "workspace_id" is missing or empty`},
		{"no token", with("nats_bearer", ""), `key "nats_bearer" is missing or empty`},
		{"no broker", with("nats_urls", []string{}), `key "nats_urls" is missing or empty`},
		{"a broker that is no list", with("nats_urls", "nats://h"), `key "nats_urls" holds a JSON string where a list of strings is expected`},
		{"a broker over another protocol", with("nats_urls", []string{"http://me:hush@h"}), `key "nats_urls" holds http://`},
		{"an id that is a wildcard", with("agent_id", "*"), `key "agent_id" is "*"`},
		{"an epoch that is negative", with("last_known_epoch", -1), `key "last_known_epoch" holds a JSON number`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			name := credentials(t, tt.file)
			before, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := invoke(t, nothing(), "run", "--credentials", name)
			got.want(t, 2, "", "fakeagent: credentials file "+name+": ")
			got.want(t, 2, "", tt.want)
			if strings.Contains(got.err, "secret") || strings.Contains(got.err, "hush") {
				t.Errorf("it gives a secret away: %s", got.err)
			}
			if after, err := os.ReadFile(name); err != nil || string(after) != string(before) {
				t.Errorf("the file is now %q (%v)", after, err)
			}
		})
	}
}

func TestCredentialsOfAnotherPlaceAreNamedToo(t *testing.T) {
	t.Parallel()
	name := credentials(t, "{")
	cmd := program(t, t.TempDir(), "run")
	cmd.Env = append(cmd.Env, "OPENGENI_CONFIG_DIR="+filepath.Dir(name))
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "credentials file "+name) {
		t.Errorf("%v: %s", err, out)
	}
}
