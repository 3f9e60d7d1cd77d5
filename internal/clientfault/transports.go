package clientfault

const (
	rpcFile  = "session/natsrpc/natsrpc.go"
	linkFile = "session/natsrpc/link.go"
	muxFile  = "session/natsrpc/mux.go"
)

func transports() []Fault {
	const (
		nobody   = "session.rpc.offline/no-such-agent"
		away     = "session.rpc.offline/broker-away"
		cancel   = "session.rpc.cancelled/returns-at-once"
		oversize = "session.rpc.oversize-request/refused-and-alive"
		timeout  = "session.rpc.timeout/is-reconnecting-and-runs-once"
		buffer   = "session.rpc.no-buffering/nothing-runs-after-the-outage"
		offline  = "an error that is ErrAgentOffline"
	)
	return []Fault{
		lie("takes a notice that nobody listens for a reply", nobody, offline,
			Edit{muxFile, "mux.request", `reply.Header.Get("Status") == "503"`, `false`}),
		lie("takes a lost broker for a broken protocol", away, offline,
			Edit{linkFile, "link.attempt", `err = errDisconnected`, `err = &protocolError{"no connection", err}`}),
		late(lie("keeps requests for a later connection", buffer, offline,
			Edit{linkFile, "link.connect", `opts.ReconnectBufSize = -1`, `opts.ReconnectBufSize = nats.DefaultReconnectBufSize`})),
		// The worst of all: the caller was told that nothing would happen.
		lie("keeps requests that it has refused", buffer, "nothing written after the refusal",
			Edit{linkFile, "link.connect", `opts.ReconnectBufSize = -1`, `opts.ReconnectBufSize = nats.DefaultReconnectBufSize`},
			Edit{muxFile, "mux.request", "if err := m.nc.PublishMsg(msg); err != nil { m.forget(msg.Reply, w) return nil, err }", `
				connected := m.nc.IsConnected()
				err := m.nc.PublishMsg(msg)
				if err == nil && !connected {
					err = nats.ErrReconnectBufExceeded
				}
				if err != nil {
					m.forget(msg.Reply, w)
					return nil, err
				}`}),
		late(lie("waits an hour before it connects again", "session.rpc.redial/works-after-the-outage", "the same session to work after the outage",
			Edit{linkFile, "reconnectDelay", `return d/2 + rand.N(d/2)`, `return time.Hour`})),
		lie("calls a timeout final", timeout, "retryable true",
			Edit{"session/errors.go", "conditionOf",
				`condition{ReasonAgentReconnecting, ErrReconnecting, true, true, "the machine's agent did not answer in time"}`,
				`condition{ReasonAgentReconnecting, ErrReconnecting, true, false, "the machine's agent did not answer in time"}`}),
		lie("sends a request again that was not answered in time", timeout, "what the command wrote",
			Edit{muxFile, "mux.request", `return nil, context.DeadlineExceeded`, "_ = m.nc.PublishMsg(msg)\nreturn nil, context.DeadlineExceeded"}),
		lie("refuses what waited for its connection", cancel, "Ping true",
			Edit{linkFile, "link.acquire", `return d.mux, nil`, "l.release()\nreturn nil, errDisconnected"}),
		lie("waits for a reply to a caller that has left", cancel, "a cancelled call to return at once",
			Edit{muxFile, "mux.request", `ctx.Done()`, `nil`}),
		lie("tells a caller that has left of a timeout", cancel, "context.Canceled",
			Edit{rpcFile, "tracer.Request", `return nil, err`, `return timedOut(req, &x), nil`}),
		lie("closes its connection under a cancelled call", cancel, "Ping over the same connection true",
			Edit{rpcFile, "tracer.Request", `return nil, err`, "_ = t.link.close()\nreturn nil, err"}),
		lie("calls the agent offline for a request that is too large", oversize, "the code",
			Edit{linkFile, "link.attempt", `errors.Is(err, nats.ErrMaxPayload)`, `false`}),
		lie("tells no operation of a request that is too large", oversize, "the detail op",
			Edit{rpcFile, "refused", `session.OpName(req)`, `""`}),
		lie("takes what it would send for what may be sent", oversize, "the detail max_payload",
			Edit{rpcFile, "refused", `strconv.FormatInt(tooLarge.limit, 10)`, `strconv.FormatInt(tooLarge.size, 10)`}),
		lie("counts a request that is too large in kilobytes", oversize, "the detail encoded_bytes",
			Edit{rpcFile, "refused", `strconv.FormatInt(tooLarge.size, 10)`, `strconv.FormatInt(tooLarge.size>>10, 10)`}),
		lie("closes its connection after a refusal", oversize, "Ping over the same connection true",
			Edit{rpcFile, "tracer.Request", `return refused(req, &x, err), nil`, "_ = t.link.close()\nreturn refused(req, &x, err), nil"}),
		late(lie("has few subjects for replies", "session.op.concurrent/many-callers", "every caller to get its own answer",
			Edit{muxFile, "mux.newReply", `rand.Uint64()`, `rand.Uint64N(8)`})),
	}
}

func clients() []Fault {
	const build = "session.client.build/one-construction"
	return []Fault{
		lie("cannot do without a state", build, "a session built without asking the broker",
			Edit{"session/client.go", "Client.Deserialize", `len(state) > 0`, `true`}),
		lie("persists the workspace for the agent", build, "the persisted state",
			Edit{"session/state.go", "Session.SerializeState", `AgentID: s.cfg.AgentID`, `AgentID: s.cfg.WorkspaceID`}),
		lie("resumes its own agent whatever the state says", build, "the agent of the state in a resumed session",
			Edit{"session/client.go", "Client.Resume", `st.AgentID`, `c.cfg.AgentID`}),
	}
}
