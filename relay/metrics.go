package relay

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are a relay's own; nothing goes to the global registry.
type metrics struct {
	registry *prometheus.Registry

	agentToViewer prometheus.Counter
	viewerToAgent prometheus.Counter
	spliced       prometheus.Counter
	accepted      prometheus.Counter
	rejected      prometheus.Counter
	reconnects    prometheus.Counter
	rateDrops     prometheus.Counter
	bufferDrops   prometheus.Counter
}

func newMetrics(highWater, liveChannels func() float64) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "opengeni_relay_" + name, Help: help})
		m.registry.MustRegister(c)
		return c
	}
	gauge := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{Name: "opengeni_relay_" + name, Help: help}, value))
	}
	m.agentToViewer = counter("bytes_agent_to_viewer_total", "Frame data handed to viewers, in bytes.")
	m.viewerToAgent = counter("bytes_viewer_to_agent_total", "Frame data handed to agents, in bytes.")
	m.spliced = counter("frames_spliced_total", "Frames and inputs handed from one side to the other.")
	m.accepted = counter("opens_accepted_total", "Handshakes that were accepted.")
	m.rejected = counter("opens_rejected_total", "Handshakes that were rejected or ran out of time.")
	m.reconnects = counter("reconnects_total", "Handshakes that were accepted on a channel where the role had been before.")
	m.rateDrops = counter("rate_limit_drops_total", "Pictures skipped because a connection was over its rate.")
	m.bufferDrops = counter("buffer_drops_total", "Frames and inputs that were dropped before anybody took them.")
	gauge("buffer_high_water", "The most that all rings held at once, in bytes.", highWater)
	gauge("live_channels", "Channels with a producer or a viewer.", liveChannels)
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
