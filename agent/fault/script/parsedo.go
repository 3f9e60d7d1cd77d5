package script

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"agentproof/agent/internal/operr"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// actions reads the do of a rule: one action that needs no more words, or a
// mapping of several.
func (r *reader) actions(n *yaml.Node) (a actions) {
	fields := []field{
		{"delay", func(key string, n *yaml.Node) { a.delayRequest, a.delayReply = r.delay(key, n) }},
		{disconnect, func(key string, n *yaml.Node) { a.upset = r.disconnect(key, n) }},
		{drain, func(key string, n *yaml.Node) { a.upset = r.drain(key, n) }},
		{offline, func(key string, n *yaml.Node) { a.upset = r.offline(key, n) }},
		{"error", func(key string, n *yaml.Node) { a.outcome, a.err = fail, r.agentError(key, n) }},
		{"drop", func(key string, n *yaml.Node) {
			a.outcome = dropRequest
			if r.choice(key, n, []string{"request", "reply"}) == "reply" {
				a.outcome = dropReply
			}
		}},
		{"oversize", func(key string, n *yaml.Node) { a.outcome = oversize; r.affirmed(key, n) }},
		{"duplicate", func(key string, n *yaml.Node) { a.duplicate = r.affirmed(key, n) }},
	}
	if n.Kind != yaml.ScalarNode {
		r.combined(n, r.mapping(n, "do", fields), &a)
		return a
	}
	alone := []string{drain, offline, "oversize", "duplicate"}
	switch {
	case slices.Contains(alone, n.Value):
		reading(fields, n.Value)(n.Value, &yaml.Node{Kind: yaml.ScalarNode, Value: "true", Line: n.Line})
	case slices.Contains(keys(fields), n.Value):
		r.fail(n, "do: %s needs a value, as in do: {%s}", n.Value, example(n.Value))
	default:
		r.fail(n, "do takes %s, or a mapping of actions, not %q", listed(alone, "or"), n.Value)
	}
	return a
}

func example(action string) string {
	switch action {
	case "delay":
		return "delay: 3s"
	case disconnect:
		return "disconnect: 5s"
	case "drop":
		return "drop: reply"
	default:
		return "error: OS"
	}
}

// combined refuses actions that make no sense together.
func (r *reader) combined(n *yaml.Node, present map[string]bool, a *actions) {
	if len(present) == 0 && n.Kind == yaml.MappingNode {
		r.fail(n, "do says nothing")
	}
	for _, rivals := range [][]string{{"error", "drop", "oversize"}, {disconnect, drain, offline}, {"drop", "duplicate"}} {
		both := slices.DeleteFunc(rivals, func(key string) bool { return !present[key] })
		if len(both) > 1 {
			r.fail(n, "do: %s exclude each other", listed(both, "and"))
			return
		}
	}
	if present["drop"] && !a.delayReply.none() {
		r.fail(n, "do: there is no reply to delay, since it is dropped")
	}
}

// delay reads how long to wait before the operation, and before its reply.
func (r *reader) delay(key string, n *yaml.Node) (request, reply span) {
	if n.Kind == yaml.ScalarNode {
		return r.span(key, n), span{}
	}
	if len(r.mapping(n, key, []field{
		{"request", func(key string, n *yaml.Node) { request = r.span(key, n) }},
		{"reply", func(key string, n *yaml.Node) { reply = r.span(key, n) }},
	})) == 0 && n.Kind == yaml.MappingNode {
		r.fail(n, "delay takes a duration, or one for the request or the reply, as in {reply: 3s}")
	}
	return request, reply
}

func (r *reader) disconnect(key string, n *yaml.Node) upset {
	u := upset{kind: disconnect}
	if n.Kind == yaml.ScalarNode {
		u.length = r.span(key, n)
		return u
	}
	if present := r.mapping(n, key, []field{r.inField(&u), r.forField(&u)}); !present["for"] && n.Kind == yaml.MappingNode {
		r.fail(n, "disconnect needs for, which says how long")
	}
	return u
}

func (r *reader) drain(key string, n *yaml.Node) upset {
	u := upset{kind: drain}
	if n.Kind == yaml.ScalarNode {
		r.affirmed(key, n)
		return u
	}
	r.mapping(n, key, []field{r.inField(&u)})
	return u
}

func (r *reader) offline(key string, n *yaml.Node) upset {
	u := upset{kind: offline}
	if n.Kind == yaml.ScalarNode {
		if n.Value != "true" {
			u.length = r.span(key, n)
		}
		return u
	}
	r.mapping(n, key, []field{
		r.inField(&u),
		{"drain", func(key string, n *yaml.Node) { u.drain = r.span(key, n) }},
		r.forField(&u),
		{"reason", func(key string, n *yaml.Node) {
			const prefix = "GOING_OFFLINE_REASON_"
			reason := r.choice(key, n, names(agentv1.GoingOfflineReason_name, prefix))
			u.reason = agentv1.GoingOfflineReason(agentv1.GoingOfflineReason_value[prefix+reason])
		}},
	})
	return u
}

func (r *reader) inField(u *upset) field {
	return field{"in", func(key string, n *yaml.Node) { u.in = r.span(key, n) }}
}

func (r *reader) forField(u *upset) field {
	return field{"for", func(key string, n *yaml.Node) { u.length = r.span(key, n) }}
}

// agentError reads an error in place of the agent's: its code, or all of it.
func (r *reader) agentError(key string, n *yaml.Node) *agentv1.AgentError {
	e := new(agentv1.AgentError)
	code := func(key string, n *yaml.Node) {
		const prefix = "ERROR_CODE_"
		e.Code = agentv1.ErrorCode(agentv1.ErrorCode_value[prefix+r.choice(key, n, names(agentv1.ErrorCode_name, prefix))])
	}
	var present map[string]bool
	if n.Kind == yaml.ScalarNode {
		code(key, n)
	} else {
		present = r.mapping(n, key, []field{
			{"code", code},
			{"message", func(key string, n *yaml.Node) { e.Message, _ = r.text(key, n, "a text") }},
			{"retryable", func(key string, n *yaml.Node) { e.Retryable = r.choice(key, n, []string{"true", "false"}) == "true" }},
			{"detail", func(key string, n *yaml.Node) { e.Detail = r.detail(key, n) }},
		})
		if !present["code"] && n.Kind == yaml.MappingNode {
			r.fail(n, "error needs a code, as in {code: OS}")
		}
	}
	if e.Message == "" {
		e.Message = "a script refused the operation"
	}
	if !present["retryable"] {
		e.Retryable = operr.New(e.GetCode(), "").Retryable // as agents say of the code
	}
	return e
}

// detail reads a mapping whose keys are the script's own.
func (r *reader) detail(key string, n *yaml.Node) map[string]string {
	if n.Kind != yaml.MappingNode {
		r.fail(n, "%s takes texts by name, as in {errno: \"28\"}", key)
		return nil
	}
	detail := make(map[string]string)
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := resolve(n.Content[i]), resolve(n.Content[i+1])
		if name.Kind != yaml.ScalarNode || value.Kind != yaml.ScalarNode {
			r.fail(n.Content[i], "%s takes texts by name, as in {errno: \"28\"}", key)
			continue
		}
		if _, twice := detail[name.Value]; twice {
			r.fail(n.Content[i], "%s: %q is there twice", key, name.Value)
		}
		detail[name.Value] = value.Value
	}
	return detail
}

// names are the values of an enum as scripts write them, without the one that
// says nothing.
func names(enum map[int32]string, prefix string) []string {
	var words []string
	for _, number := range slices.Sorted(maps.Keys(enum)) {
		if number != 0 {
			words = append(words, strings.TrimPrefix(enum[number], prefix))
		}
	}
	return words
}
