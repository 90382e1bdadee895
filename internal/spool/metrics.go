package spool

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A metrics is what a spool counts.
type metrics struct {
	appended *prometheus.CounterVec
	failures *prometheus.CounterVec
	sync     prometheus.Histogram
	damaged  prometheus.Counter
}

func newMetrics() *metrics {
	m := &metrics{
		appended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_spool_appended_total",
			Help: "Entries made durable on disk, by queue.",
		}, []string{"queue"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_spool_append_failures_total",
			Help: "Writes that made nothing durable, by queue and reason: full, or io for all other errors of the disk.",
		}, []string{"queue", "reason"}),
		sync: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "holdfast_spool_fsync_seconds",
			Help:    "Time that the disk took to make a batch durable.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}),
		damaged: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "holdfast_spool_damaged_total",
			Help: "Parts of segments that were found unreadable; 'holdfast spool verify' lists them.",
		}),
	}
	for _, queue := range names() {
		m.appended.WithLabelValues(queue)
		for _, reason := range []string{"full", "io"} {
			m.failures.WithLabelValues(queue, reason)
		}
	}
	return m
}

// register registers the metrics, unless there is nowhere to.
func (m *metrics) register(r prometheus.Registerer, queues []*Queue) error {
	if r == nil {
		return nil
	}
	list := []prometheus.Collector{m.appended, m.failures, m.sync, m.damaged}
	for _, q := range queues {
		of := prometheus.Labels{"queue": q.name}
		list = append(list,
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "holdfast_spool_entries", ConstLabels: of,
				Help: "Entries on disk that wait to be started, by queue; in aside, for an operator.",
			}, func() float64 { return float64(q.Stats().Entries) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "holdfast_spool_bytes", ConstLabels: of,
				Help: "Bytes of a queue's files.",
			}, func() float64 { return float64(q.Stats().Bytes) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "holdfast_spool_oldest_seconds", ConstLabels: of,
				Help: "Age of the oldest entry of a queue; 0 if it is empty.",
			}, func() float64 { return q.age().Seconds() }))
	}
	for _, c := range list {
		if err := r.Register(c); err != nil {
			return fmt.Errorf("register metrics: %w", err)
		}
	}
	return nil
}

// age is that of the oldest entry, to the second.
func (q *Queue) age() time.Duration {
	oldest := q.Stats().Oldest
	if oldest.IsZero() {
		return 0
	}
	return max(0, q.spool.options.Now().Sub(oldest))
}

func (m *metrics) failed(queue string, err error) {
	reason := "io"
	if errors.Is(err, ErrFull) {
		reason = "full"
	}
	m.failures.WithLabelValues(queue, reason).Inc()
}
