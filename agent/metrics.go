package agent

import (
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// sample describes the machine now (metrics.sample).
func (a *Agent) sample() *agentv1.MetricsSample {
	return &agentv1.MetricsSample{SampledAtMs: time.Now().UnixMilli()}
}
