package notify

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/notify/sender"
	"holdfast/internal/webhook"
)

// A destination is one system that is told, ready to be used.
type destination struct {
	config  config.Destination // with defaults filled in
	policy  webhook.Policy
	line    *line
	places  chan struct{} // holds one for each attempt under way in this process, over all tables
	metrics destinationMetrics
}

// newDestination checks again what the configuration file's reader has checked, for those who have no file. The error
// holds nothing of the settings. Where the one before it would be told in the same way, its line is used on.
func newDestination(name string, c config.Destination, agent string, before *destination) (*destination, error) {
	c.Type = cmp.Or(c.Type, config.DefaultType)
	c.Retry.Timeout = cmp.Or(c.Retry.Timeout, config.DefaultTimeout)
	c.Retry.For = cmp.Or(c.Retry.For, config.DefaultHorizon)
	c.Concurrency = cmp.Or(c.Concurrency, config.DefaultConcurrency)
	c.Parallel = cmp.Or(c.Parallel, config.DefaultParallel)
	d := &destination{config: c, places: make(chan struct{}, c.Concurrency)}
	if before != nil && cap(before.places) == c.Concurrency {
		d.places = before.places
	}
	if before != nil && alike(before.config, c) {
		d.line = before.line
	} else if err := d.open(name, agent); err != nil {
		return nil, err
	}
	d.policy = webhook.Policy{
		Timeout: c.Retry.Timeout, Horizon: c.Retry.For, Batch: 1,
		Own: c.Own(), Ordered: c.Ordered, Parallel: c.Parallel, Rate: float64(c.Rate),
	}
	if b, ok := d.line.sender.(sender.Batcher); ok {
		d.policy.Batch = max(1, b.Batch())
	}
	return d, nil
}

func alike(a, b config.Destination) bool {
	return a.Type == b.Type && a.Retry.Timeout == b.Retry.Timeout && a.Concurrency == b.Concurrency && reflect.DeepEqual(a.Options, b.Options)
}

func (d *destination) open(name, agent string) error {
	types := Types()
	i := slices.IndexFunc(types, func(t sender.Type) bool { return t.Name == d.config.Type })
	if i < 0 {
		return errors.New("unknown type")
	}
	if d.config.Options == nil {
		d.config.Options = types[i].Options()
	}
	if problems := types[i].Check(d.config.Options); len(problems) > 0 {
		return errors.New(problems[0].Setting + " " + problems[0].Text)
	}
	s, err := types[i].Open(d.config.Options, sender.Context{
		Destination: name, Agent: agent, Timeout: d.config.Retry.Timeout, Concurrency: d.config.Concurrency,
	})
	if err != nil {
		return err
	}
	d.line = &line{sender: s}
	return nil
}

// A line is a sender that may be closed while attempts are under way: the last of them closes it.
type line struct {
	sender  sender.Sender
	mu      sync.Mutex
	using   int
	retired bool
}

func (l *line) use() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.using++
}

func (l *line) done() {
	l.mu.Lock()
	l.using--
	last := l.retired && l.using == 0
	l.mu.Unlock()
	if last {
		l.sender.Close()
	}
}

// retire closes it once nobody uses it. It may be used after that, which closes it once more.
func (l *line) retire() {
	l.mu.Lock()
	idle := l.using == 0 && !l.retired
	l.retired = true
	l.mu.Unlock()
	if idle {
		l.sender.Close()
	}
}

// placeWait is how long an attempt waits for a place among those under way. Where answers come, one is free far sooner.
const placeWait = 250 * time.Millisecond

// enter takes a place among the attempts under way, and waits a moment for one if all are taken.
func (d *destination) enter(ctx context.Context) bool {
	select {
	case d.places <- struct{}{}:
		d.metrics.inFlight.Inc()
		return true
	default:
	}
	patience := time.NewTimer(placeWait)
	defer patience.Stop()
	select {
	case d.places <- struct{}{}:
		d.metrics.inFlight.Inc()
		return true
	case <-patience.C:
	case <-ctx.Done():
	}
	return false
}

func (d *destination) leave() {
	d.metrics.inFlight.Dec()
	<-d.places
}
