package storage

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The operations that are counted.
const (
	opStore    = "store"
	opRetrieve = "retrieve"
	opPrune    = "prune"
)

// metrics count objects by operation.
type metrics struct {
	objects, bytes, failures *prometheus.CounterVec
	seconds                  *prometheus.HistogramVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	labels := []string{"operation"}
	m := &metrics{
		objects: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_storage_objects_total", Help: "Payloads too large for a history that were stored, retrieved or pruned.",
		}, labels),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_storage_bytes_total", Help: "Bytes of payloads that were stored or retrieved.",
		}, labels),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_storage_failures_total", Help: "Payloads that could not be stored, retrieved or pruned.",
		}, labels),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "holdfast_storage_seconds", Help: "Time to store or retrieve a payload.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, labels),
	}
	r.MustRegister(m.objects, m.bytes, m.failures, m.seconds)
	for _, op := range []string{opStore, opRetrieve, opPrune} { // so that the first failure is seen as a change
		m.failures.WithLabelValues(op)
	}
	return m
}

func (m *metrics) observe(op string, bytes int, began time.Time, err error) {
	m.seconds.WithLabelValues(op).Observe(time.Since(began).Seconds())
	if err != nil {
		m.failures.WithLabelValues(op).Inc()
		return
	}
	m.objects.WithLabelValues(op).Inc()
	m.bytes.WithLabelValues(op).Add(float64(bytes))
}
