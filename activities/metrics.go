package activities

import (
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/webhook"
)

// Metrics counts events and holds. Its labels are closed sets: types of the catalog, outcomes, configured sources and
// destinations.
type Metrics struct {
	events       *prometheus.CounterVec
	outcomes     *prometheus.CounterVec
	unrouted     *prometheus.CounterVec
	unrecognized *prometheus.CounterVec
	pruned       *prometheus.CounterVec
	holds        *prometheus.CounterVec
}

// NewMetrics registers the metrics of the activities.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_events_normalized_total", Help: "Events found in webhooks, duplicates and attempts included.",
		},
			[]string{"source", "type"}),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_events_recorded_total", Help: "Events by what became of them when they were recorded.",
		},
			[]string{"type", "outcome"}),
		unrouted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_events_unrouted_total", Help: "Events that no destination wants.",
		},
			[]string{"type", "severity"}),
		unrecognized: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_events_unrecognized_total", Help: "Events that this version does not understand.",
		},
			[]string{"source"}),
		pruned: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_pruned_total", Help: "What was removed because nobody needs it any more.",
		},
			[]string{"what"}),
		holds: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_holds_total", Help: "Times that this process held a destination, for trouble or because an operator said so.",
		},
			[]string{"destination", "cause"}),
	}
	r.MustRegister(m.events, m.outcomes, m.unrouted, m.unrecognized, m.pruned, m.holds)
	return m
}

func (m *Metrics) event(e webhook.Event) {
	m.events.WithLabelValues(e.Source, string(e.Type)).Inc()
	if e.Type == webhook.Unrecognized {
		m.unrecognized.WithLabelValues(e.Source).Inc()
	}
}

func (m *Metrics) outcome(e webhook.Event, o webhook.Outcome, unrouted bool) {
	m.outcomes.WithLabelValues(string(e.Type), string(o)).Inc()
	if unrouted {
		entry, _ := webhook.Lookup(e.Type)
		m.unrouted.WithLabelValues(string(e.Type), string(entry.Severity)).Inc()
	}
}

func (m *Metrics) held(destination string, cause webhook.Cause) {
	m.holds.WithLabelValues(destination, string(cause)).Inc()
}
