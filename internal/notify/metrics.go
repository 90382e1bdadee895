package notify

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/webhook"
)

type metrics struct {
	attempts *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight *prometheus.GaugeVec
	failures *prometheus.CounterVec
}

// newMetrics makes the metrics and registers them, unless there is nowhere to.
func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_notify_attempts_total",
			Help: "Attempts to tell a destination of an event: told, retry, trouble, gone, refused, or deferred, which was none because too many were under way.",
		}, []string{"destination", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "holdfast_notify_duration_seconds",
			Help:    "How long attempts took, whatever came of them.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30, 60},
		}, []string{"destination"}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_notify_in_flight",
			Help: "Attempts under way.",
		}, []string{"destination"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_route_condition_failures_total",
			Help: "Times that the condition of a destination could not be evaluated for an event; the destination is told then.",
		}, []string{"destination"}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.attempts, m.duration, m.inFlight, m.failures} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of notify: %w", err)
		}
	}
	return m, nil
}

// of finds the metrics of a destination, and shows all of them from now on, those at zero as well.
func (m *metrics) of(destination string) destinationMetrics {
	d := destinationMetrics{
		outcomes: make(map[webhook.Kind]prometheus.Counter),
		duration: m.duration.WithLabelValues(destination),
		inFlight: m.inFlight.WithLabelValues(destination),
	}
	for _, outcome := range []webhook.Kind{webhook.Told, webhook.Retry, webhook.Trouble, webhook.Gone, webhook.Refused, webhook.Deferred} {
		d.outcomes[outcome] = m.attempts.WithLabelValues(destination, string(outcome))
	}
	return d
}

// forget shows nothing more of a destination that is gone.
func (m *metrics) forget(destination string) {
	label := prometheus.Labels{"destination": destination}
	m.attempts.DeletePartialMatch(label)
	m.duration.DeletePartialMatch(label)
	m.inFlight.DeletePartialMatch(label)
	m.failures.DeletePartialMatch(label)
}

// destinationMetrics are looked up once, so that an attempt that outlives its destination brings back nothing that was
// forgotten.
type destinationMetrics struct {
	outcomes map[webhook.Kind]prometheus.Counter
	duration prometheus.Observer
	inFlight prometheus.Gauge
}

func (d destinationMetrics) count(v *webhook.Verdict, events int) {
	outcome := webhook.Told
	if v != nil {
		outcome = v.Kind
	}
	d.outcomes[outcome].Add(float64(events))
}

func (d destinationMetrics) took(t time.Duration) { d.duration.Observe(t.Seconds()) }
