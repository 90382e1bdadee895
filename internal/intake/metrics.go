package intake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/webhook"
)

// Why a webhook went to the spool.
const (
	spilledWaited = "waited" // no start began in time: Temporal is slower than webhooks come
	spilledSlow   = "slow"   // its start took long; it may have succeeded since
	spilledFailed = "failed" // its start failed, or got no answer in time
	spilledAway   = "away"   // Temporal was known not to take webhooks
)

// What became of a start.
const (
	startDone      = "started"
	startDuplicate = "duplicate"
	startRefused   = "refused" // Temporal does not take the group as it is
	startFailed    = "failed"
	startGaveUp    = "no_answer"
)

type metrics struct {
	aside prometheus.Counter
}

// A laneMetrics is what is counted of one lane.
type laneMetrics struct {
	outcomes map[string]prometheus.Counter
	spilled  map[string]prometheus.Counter
	drained  prometheus.Counter
	size     prometheus.Observer
	wait     prometheus.Observer
	seconds  prometheus.Observer
}

func newMetrics(reg prometheus.Registerer, in *Intake) (*metrics, error) {
	var (
		starts = prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_intake_starts_total", Help: "Starts of workflows, by what became of them: started, duplicate, refused, failed, no_answer.",
		}, []string{"lane", "outcome"})
		spilled = prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_intake_spooled_total", Help: "Webhooks that went to the spool, by why: no start began in time (waited), it was slow, it failed, or Temporal was away.",
		}, []string{"lane", "why"})
		drained = prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_intake_drained_total", Help: "Webhooks of the spool that were started or set aside.",
		}, []string{"lane"})
		size = prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "holdfast_intake_group_webhooks", Help: "Webhooks in a start.", Buckets: []float64{1, 2, 5, 10, 20, 50, 100},
		}, []string{"lane"})
		wait = prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "holdfast_intake_wait_seconds", Help: "Time that a webhook waited for its start to begin.",
			Buckets: []float64{.0001, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1},
		}, []string{"lane"})
		seconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "holdfast_intake_start_seconds", Help: "Duration of a start.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"lane"})
		aside = prometheus.NewCounter(prometheus.CounterOpts{
			Name: "holdfast_intake_set_aside_total", Help: "Webhooks that Temporal does not take as they are, which wait in the spool for somebody to look.",
		})
		away = prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "holdfast_intake_breaker_open", Help: "1 while Temporal does not take webhooks and all go to the spool.",
		}, func() float64 {
			if in.breaker.reason() != "" {
				return 1
			}
			return 0
		})
	)
	var err error
	for _, c := range []prometheus.Collector{starts, spilled, drained, size, wait, seconds, aside, away} {
		err = errors.Join(err, reg.Register(c))
	}
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	for _, l := range []*lane{in.urgent, in.bulk} {
		l.metrics = &laneMetrics{
			outcomes: map[string]prometheus.Counter{}, spilled: map[string]prometheus.Counter{},
			drained: drained.WithLabelValues(l.name), size: size.WithLabelValues(l.name),
			wait: wait.WithLabelValues(l.name), seconds: seconds.WithLabelValues(l.name),
		}
		for _, o := range []string{startDone, startDuplicate, startRefused, startFailed, startGaveUp} {
			l.metrics.outcomes[o] = starts.WithLabelValues(l.name, o)
		}
		for _, why := range []string{spilledWaited, spilledSlow, spilledFailed, spilledAway} {
			l.metrics.spilled[why] = spilled.WithLabelValues(l.name, why)
		}
	}
	return &metrics{aside: aside}, nil
}

func (m *laneMetrics) started(err error, webhooks int, took time.Duration) {
	outcome := startFailed
	switch {
	case err == nil:
		outcome = startDone
	case errors.Is(err, webhook.ErrDuplicate):
		outcome = startDuplicate
	case errors.Is(err, webhook.ErrUnprocessable):
		outcome = startRefused
	case errors.Is(err, context.DeadlineExceeded):
		outcome = startGaveUp
	}
	m.outcomes[outcome].Inc()
	m.size.Observe(float64(webhooks))
	m.seconds.Observe(took.Seconds())
}
