// Package notify tells destinations about events: who is told of what, and by which sender.
//
// It makes single attempts and says what their failure means. Who tries again, when, and how often, is decided by its
// callers.
package notify

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/cloudevent"
	"holdfast/internal/config"
	"holdfast/internal/notify/sender"
	"holdfast/internal/routing"
	"holdfast/internal/webhook"
)

// A Set is the destinations that are configured. It is safe for concurrent use.
type Set struct {
	agent   string // as the User-Agent header has it
	link    func(workflow string) string
	log     *slog.Logger
	metrics *metrics
	now     func() time.Time

	replacing sync.Mutex // held while table is exchanged, so that two exchanges do not lose counts
	table     atomic.Pointer[table]
}

// Options of a [Set]. The zero value is usable.
type Options struct {
	Version    string                       // of this program, for the User-Agent header
	Registerer prometheus.Registerer        // of the metrics; nil for none
	Accounts   map[string]config.Account    // what is known of accounts, by id
	Link       func(workflow string) string // leads a person to a workflow; nil where there is no Temporal UI
	Logger     *slog.Logger                 // nil for none
}

// table is one configuration. It is never changed, so an attempt sees the same from beginning to end.
type table struct {
	names        []string // sorted
	destinations map[string]*destination
	routing      *routing.Table
	accounts     map[string]sender.Account
}

// New makes a set of destinations. The error names the destination and nothing of its settings.
func New(destinations map[string]config.Destination, o Options) (*Set, error) {
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, err
	}
	s := &Set{agent: "holdfast/" + cmp.Or(o.Version, "unknown"), link: o.Link, log: o.Logger, metrics: m, now: time.Now}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.table.Store(new(table))
	if err := s.Replace(destinations, o.Accounts); err != nil {
		return nil, err
	}
	return s, nil
}

// Replace exchanges all destinations and accounts at once. Attempts under way finish with the settings they began with; a
// destination that keeps its name, and its concurrency, keeps counting them. On an error nothing is exchanged.
func (s *Set) Replace(destinations map[string]config.Destination, accounts map[string]config.Account) error {
	s.replacing.Lock()
	defer s.replacing.Unlock()
	old := s.table.Load()
	next := &table{
		names:        slices.Sorted(maps.Keys(destinations)),
		destinations: make(map[string]*destination, len(destinations)),
		accounts:     make(map[string]sender.Account, len(accounts)),
	}
	for id, a := range accounts {
		next.accounts[id] = sender.Account{Name: cmp.Or(a.Name, id), Tenant: a.Tenant, Labels: a.AllLabels()}
	}
	var err error
	if next.routing, err = routing.New(destinations, accounts, s.failing()); err != nil {
		return err
	}
	for _, name := range next.names {
		d, err := newDestination(name, destinations[name], s.agent, old.destinations[name])
		if err != nil {
			next.retire(old)
			return fmt.Errorf("destination %s: %w", name, err)
		}
		next.destinations[name] = d
	}
	for name, d := range next.destinations {
		d.metrics = s.metrics.of(name)
		if d.config.When != "" {
			s.metrics.failures.WithLabelValues(name) // shown from now on, at zero as well
		}
	}
	s.table.Store(next)
	old.retire(next)
	for _, name := range old.names {
		if _, ok := next.destinations[name]; !ok {
			s.metrics.forget(name)
		}
	}
	return nil
}

// retire closes what the other table does not use on.
func (t *table) retire(other *table) {
	for name, d := range t.destinations {
		if kept := other.destinations[name]; kept == nil || kept.line != d.line {
			d.line.retire()
		}
	}
}

// Close gives up all connections, those in use once they are not. It is not to be used after that.
func (s *Set) Close() { s.table.Load().retire(new(table)) }

// failing counts conditions that cannot be evaluated, and logs the first of each destination: the cause is in the configuration,
// and it would be the same for every event of a kind.
func (s *Set) failing() func(destination string, why error) {
	var logged sync.Map
	return func(destination string, why error) {
		s.metrics.failures.WithLabelValues(destination).Inc()
		if _, known := logged.LoadOrStore(destination, nil); !known {
			s.log.Warn("A condition could not be evaluated; the destination is told", "destination", destination, "reason", why)
		}
	}
}

// Route returns the destinations that are to be told of an event, as [routing.Table.Route].
func (s *Set) Route(e webhook.Event) []webhook.Route {
	return s.table.Load().routing.Route(&e)
}

// Policy returns how a destination is told; ok is false for one that is not configured.
func (s *Set) Policy(destination string) (p webhook.Policy, ok bool) {
	d, ok := s.table.Load().destinations[destination]
	if !ok {
		return webhook.Policy{}, false
	}
	return d.policy, true
}

// Tell makes one attempt to tell a destination of events: of one, or of as many as its policy's batch. It takes no longer
// than the destination's time-out or ctx. Nil means told; any other error is a [*webhook.Verdict], for all of them. After ctx
// was cancelled that verdict says nothing about the destination, and as after every time-out it may have been told.
func (s *Set) Tell(ctx context.Context, destination string, batch []webhook.Telling) error {
	t := s.table.Load()
	d, ok := t.destinations[destination]
	if !ok {
		return &webhook.Verdict{
			Kind: webhook.Trouble, Reason: "destination is not configured",
			Advice: "Put it back into the configuration, if only until it is told what it is owed, or drop what it is owed.",
		}
	}
	verdict := s.tell(ctx, t, d, batch)
	d.metrics.count(verdict, len(batch))
	if verdict != nil { // not returned as it is, because a nil *Verdict is not a nil error
		return verdict
	}
	return nil
}

func (s *Set) tell(ctx context.Context, table *table, d *destination, batch []webhook.Telling) *webhook.Verdict {
	if !d.enter(ctx) {
		return &webhook.Verdict{
			Kind:   webhook.Deferred,
			Reason: fmt.Sprintf("%d attempts are under way already", d.config.Concurrency),
		}
	}
	defer d.leave()
	d.line.use()
	defer d.line.done()
	messages := make([]sender.Message, len(batch))
	start := s.now()
	for i, t := range batch {
		if t.Event.ID == "" {
			return &webhook.Verdict{Kind: webhook.Refused, Reason: "event has no id"}
		}
		envelope := cloudevent.Of(t.Event)
		envelope.OutOfOrder = t.OutOfOrder
		messages[i] = sender.Message{Telling: t, CloudEvent: envelope, At: start, Account: table.accounts[t.Event.Account]}
		if s.link != nil && t.Workflow != "" {
			messages[i].Link = s.link(t.Workflow)
		}
	}
	defer func(begun time.Time) { d.metrics.took(time.Since(begun)) }(time.Now())
	attempt, cancel := context.WithTimeout(ctx, d.config.Retry.Timeout)
	defer cancel()
	if len(messages) == 1 {
		return d.line.sender.Send(attempt, messages[0])
	}
	b, ok := d.line.sender.(sender.Batcher)
	if !ok || len(messages) > d.policy.Batch {
		return &webhook.Verdict{Kind: webhook.Retry, Reason: "more events in one attempt than are allowed"}
	}
	return b.SendBatch(attempt, messages)
}
