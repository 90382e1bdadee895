package ingress

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A metrics is what the ingress counts. Labels are closed sets: configured sources and "unknown", outcomes, reasons.
type metrics struct {
	webhooks  *prometheus.CounterVec
	refusals  *prometheus.CounterVec
	tooLarge  *prometheus.CounterVec
	ack       *prometheus.HistogramVec
	bodyBytes prometheus.Histogram
	last      *prometheus.GaugeVec
}

// newMetrics makes the metrics and registers them, unless reg is nil.
func newMetrics(reg prometheus.Registerer, held *budget, connections *atomic.Int64) (*metrics, error) {
	m := &metrics{
		webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_ingress_webhooks_total",
			Help: "POST requests, by source and what became of them: accepted, duplicate, refused, too_large, unavailable.",
		}, []string{"source", "outcome"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_ingress_refused_total",
			Help: "Requests of any method that were not answered 200, by source and reason.",
		}, []string{"source", "reason"}),
		tooLarge: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_ingress_too_large_total",
			Help: "Webhooks answered 413, which are lost unless a limit is raised: over the source's limit, or too large for a workflow.",
		}, []string{"source"}),
		ack: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "holdfast_ingress_ack_seconds",
			Help:    "Time from a request's headers to its 200: reading, verifying and making durable.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"source"}),
		bodyBytes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "holdfast_ingress_body_bytes",
			Help:    "Size of the bodies of authentic webhooks.",
			Buckets: prometheus.ExponentialBuckets(256, 4, 8), // 256 B … 4 MiB
		}),
		last: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_ingress_last_webhook_timestamp_seconds",
			Help: "When the last webhook of a source was answered 200; absent until there is one.",
		}, []string{"source"}),
	}
	inFlight := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "holdfast_ingress_in_flight_bytes",
		Help: "What requests under way count for in memory: their bodies, at least 8 KiB each.",
	}, func() float64 { return float64(held.used.Load()) })
	open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "holdfast_ingress_connections",
		Help: "Open connections. Once they are as many as are allowed, further ones wait unanswered.",
	}, func() float64 { return float64(connections.Load()) })
	if reg == nil {
		return m, nil
	}
	var err error
	for _, c := range []prometheus.Collector{m.webhooks, m.refusals, m.tooLarge, m.ack, m.bodyBytes, m.last, inFlight, open} {
		err = errors.Join(err, reg.Register(c))
	}
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return m, nil
}

// A sourceMetrics is what is counted of one source, looked up once.
type sourceMetrics struct {
	outcomes map[outcome]prometheus.Counter
	ack      prometheus.Observer
	last     func() prometheus.Gauge // makes the series when it is first asked: 0 would say 1970
}

// of makes the series of a source, so that they are there, at zero, before anything happens.
func (m *metrics) of(source string) *sourceMetrics {
	s := &sourceMetrics{
		outcomes: make(map[outcome]prometheus.Counter),
		ack:      m.ack.WithLabelValues(source),
		last:     sync.OnceValue(func() prometheus.Gauge { return m.last.WithLabelValues(source) }),
	}
	for _, o := range outcomes {
		s.outcomes[o] = m.webhooks.WithLabelValues(source, string(o))
	}
	m.tooLarge.WithLabelValues(source)
	return s
}

// forget ends the series that would accuse a source which is no more of being silent. Its counters stay as they are.
func (m *metrics) forget(previous, next map[string]*source) {
	kept := make(map[string]bool)
	for _, s := range next {
		kept[s.Name] = true
	}
	for _, s := range previous {
		if !kept[s.Name] {
			m.last.DeleteLabelValues(s.Name)
		}
	}
}

// acknowledged counts a webhook that was answered 200.
func (s *sourceMetrics) acknowledged(o outcome, took time.Duration, received time.Time) {
	s.outcomes[o].Inc()
	s.ack.Observe(took.Seconds())
	s.last().Set(float64(received.UnixMilli()) / 1000)
}

// rejected counts a request that was not; only a POST is a webhook.
func (m *metrics) rejected(source string, why reason, isWebhook bool) {
	m.refusals.WithLabelValues(source, string(why)).Inc()
	o := why.outcome()
	if isWebhook {
		m.webhooks.WithLabelValues(source, string(o)).Inc()
	}
	if o == tooLarge {
		m.tooLarge.WithLabelValues(source).Inc()
	}
}
