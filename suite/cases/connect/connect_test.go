package connect_test

import (
	"net/url"
	"os"
	"testing"

	"github.com/nats-io/nats.go"

	"agentproof/agent"
	"agentproof/internal/trial"
	"agentproof/suite/cases/connect"
	"agentproof/suite/helper"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	os.Exit(m.Run())
}

func TestCasesNoticeAWrongWayToTheBroker(t *testing.T) {
	t.Parallel()
	trial.Noticed(t, connect.Cases(), []trial.Mutant{
		{Name: "escapes its bearer", Case: "connect.token/verbatim", Says: "another token, or none",
			Config: func(cfg *agent.Config) { cfg.Token = url.QueryEscape(cfg.Token) }},
		{Name: "forgets its bearer", Case: "connect.token/on-every-connection", Says: "another token, or none",
			Config: func(cfg *agent.Config) {
				connections := 0
				cfg.NATSOptions = append(cfg.NATSOptions, func(o *nats.Options) error {
					if connections++; connections > 1 {
						o.Token = ""
					}
					return nil
				})
			}},
		{Name: "tries one URL only", Case: "connect.urls/next-after-a-dead-one", Says: "the second of two nats URLs",
			Config: func(cfg *agent.Config) { cfg.URLs = cfg.URLs[:1] }},
	})
}
