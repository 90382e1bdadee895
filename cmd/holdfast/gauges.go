package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"holdfast/internal/webhook"
	"holdfast/workflows"
)

// gauges say how much is waiting, for an operator or for a destination. All workers of an installation say the same. They
// ask now and then, never when somebody scrapes; where nobody answers, the last value stands and the failure is counted.
type gauges struct {
	house    *house
	polling  sync.Mutex
	parked   *prometheus.GaugeVec // without labels, so that there is none before it is known
	owed     *prometheus.GaugeVec
	oldest   *prometheus.GaugeVec
	log      *prometheus.GaugeVec
	volumes  *prometheus.GaugeVec
	held     *prometheus.GaugeVec
	paused   *prometheus.GaugeVec
	failures *prometheus.CounterVec
	seen     map[string]bool // destinations that have a gauge
	// standings are those of the last poll; nil if it failed.
	standings map[string]webhook.Standing
	now       chan struct{} // holds one if somebody wants to be asked about at once
}

const (
	pollEvery  = 30 * time.Second
	pollWithin = 10 * time.Second
)

func newGauges(h *house) (*gauges, error) {
	g := &gauges{
		house: h,
		parked: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_parked_workflows", Help: "Workflows that wait for an operator.",
		}, nil),
		owed: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_owed_notifications", Help: "What workflows owe a destination: recorded, and not settled yet.",
		}, []string{"destination"}),
		oldest: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_owed_oldest_seconds", Help: "For how long the oldest of what is owed has been owed; 0 if nothing is.",
		}, []string{"destination"}),
		log: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_log_oldest_seconds", Help: "How long ago the oldest volume of the event log was opened.",
		}, nil),
		volumes: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_log_volumes", Help: "Volumes of the event log, each a partition in PostgreSQL.",
		}, nil),
		held: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_destination_held", Help: "1 if nobody tells a destination for now, because it is in trouble or paused; 0 if it is told.",
		}, []string{"destination"}),
		paused: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_destination_paused", Help: "1 if nobody tells a destination because an operator said so; 0 otherwise, also if it is in trouble.",
		}, []string{"destination"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_poll_failures_total", Help: "Times that a gauge could not be brought up to date, or a destination's workflow not be reached.",
		}, []string{"of"}),
		seen: map[string]bool{}, now: make(chan struct{}, 1),
	}
	for _, c := range []prometheus.Collector{g.parked, g.owed, g.oldest, g.held, g.paused, g.log, g.volumes, g.failures} {
		if err := h.metrics.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	for name := range h.config.Destinations {
		g.seen[name] = true
	}
	for _, of := range []string{"parked", "owed", "log", "destinations"} {
		g.failures.WithLabelValues(of)
	}
	return g, nil
}

// watch keeps the gauges up to date until ctx is done.
func (g *gauges) watch(ctx context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		g.poll(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-g.now:
		}
	}
}

// soon has watch ask at once: destinations may be told in another way from now on.
func (g *gauges) soon() {
	select {
	case g.now <- struct{}{}:
	default:
	}
}

// poll asks once.
func (g *gauges) poll(ctx context.Context) {
	g.polling.Lock()
	defer g.polling.Unlock()
	for _, p := range []struct {
		of  string
		ask func(context.Context) error
	}{{"parked", g.pollParked}, {"owed", g.pollOwed}, {"log", g.pollLog}, {"destinations", g.tend}} {
		asking, cancel := context.WithTimeout(ctx, pollWithin)
		err := p.ask(asking)
		cancel()
		if err != nil && ctx.Err() == nil {
			g.failures.WithLabelValues(p.of).Inc()
			g.house.log.Debug("Poll failed", "of", p.of, "error", err)
		}
	}
}

// parkedQuery finds the workflows that wait for an operator. A terminated one keeps its stage, and waits for nobody.
var parkedQuery = fmt.Sprintf("%s = '%s' AND ExecutionStatus = '%s'",
	workflows.StageKey.GetName(), workflows.StageParked, enums.WORKFLOW_EXECUTION_STATUS_RUNNING)

func (g *gauges) pollParked(ctx context.Context) error {
	count, err := g.house.temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{
		Namespace: g.house.namespace, Query: parkedQuery,
	})
	if err != nil {
		return fmt.Errorf("count parked workflows: %w", err)
	}
	g.parked.WithLabelValues().Set(float64(count.GetCount()))
	return nil
}

func (g *gauges) pollOwed(ctx context.Context) error {
	standings, err := g.house.store.Load().Standings(ctx, g.house.orphanAge)
	g.standings = standings
	if err != nil {
		return err
	}
	for name := range standings {
		g.seen[name] = true
	}
	for name := range g.seen { // who is owed nothing any more says so
		s := standings[name]
		age, held, paused := 0.0, 0.0, 0.0
		if s.Owed > 0 {
			age = max(0, time.Since(s.Oldest).Seconds())
		}
		if s.Hold != nil {
			held = 1
			if s.Hold.Cause == webhook.ByOperator {
				paused = 1
			}
		}
		g.owed.WithLabelValues(name).Set(float64(s.Owed))
		g.oldest.WithLabelValues(name).Set(age)
		g.held.WithLabelValues(name).Set(held)
		g.paused.WithLabelValues(name).Set(paused)
	}
	return nil
}

func (g *gauges) pollLog(ctx context.Context) error {
	volumes, err := g.house.store.Load().Volumes(ctx)
	if err != nil || len(volumes) == 0 {
		return err
	}
	g.volumes.WithLabelValues().Set(float64(len(volumes)))
	g.log.WithLabelValues().Set(max(0, time.Since(volumes[0].Opened).Seconds()))
	return nil
}

// tend has destinations looked after, as they were found to stand.
func (g *gauges) tend(ctx context.Context) error {
	if g.standings == nil {
		return nil
	}
	return g.house.tend(ctx, g.standings)
}
