// Package notify tells destinations about events over HTTP: as CloudEvents, signed as Standard Webhooks prescribes.
//
// It makes single attempts and says what their failure means. Who tries again, when, and how often, is decided by its
// callers.
package notify

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/config"
	"holdfast/internal/webhook"
)

// A Set is the destinations that are configured. It is safe for concurrent use.
type Set struct {
	agent     string // as the User-Agent header has it
	metrics   *metrics
	transport *http.Transport
	now       func() time.Time

	replacing sync.Mutex // held while table is exchanged, so that two exchanges do not lose counts
	table     atomic.Pointer[table]
}

// Options of a [Set]. The zero value is usable.
type Options struct {
	Version    string                // of this program, for the User-Agent header
	Registerer prometheus.Registerer // of the metrics; nil for none
}

// table is one configuration. It is never changed, so an attempt sees the same from beginning to end.
type table struct {
	names        []string // sorted
	destinations map[string]*destination
}

// New makes a set of destinations. The error names the destination and nothing of its settings.
func New(destinations map[string]config.Destination, o Options) (*Set, error) {
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, err
	}
	s := &Set{agent: "holdfast/" + cmp.Or(o.Version, "unknown"), metrics: m, transport: newTransport(), now: time.Now}
	s.table.Store(new(table))
	if err := s.Replace(destinations); err != nil {
		return nil, err
	}
	return s, nil
}

// Replace exchanges all destinations at once. Attempts under way finish with the settings they began with; a
// destination that keeps its name, and its concurrency, keeps counting them. On an error nothing is exchanged.
func (s *Set) Replace(destinations map[string]config.Destination) error {
	s.replacing.Lock()
	defer s.replacing.Unlock()
	old := s.table.Load()
	next := &table{
		names:        slices.Sorted(maps.Keys(destinations)),
		destinations: make(map[string]*destination, len(destinations)),
	}
	for _, name := range next.names {
		d, err := newDestination(destinations[name], s.agent)
		if err != nil {
			return fmt.Errorf("destination %s: %w", name, err)
		}
		if before, ok := old.destinations[name]; ok && cap(before.places) == cap(d.places) {
			d.places = before.places
		}
		next.destinations[name] = d
	}
	for name, d := range next.destinations {
		d.metrics = s.metrics.of(name)
	}
	s.table.Store(next)
	for _, name := range old.names {
		if _, ok := next.destinations[name]; !ok {
			s.metrics.forget(name)
		}
	}
	return nil
}

// Close gives up the connections that nobody uses. Attempts under way are not harmed.
func (s *Set) Close() { s.transport.CloseIdleConnections() }

// Route returns the names of the destinations that are to be told of an event, sorted: those that ask for its type or,
// if none does, the default ones. None at all means that the event is not routed.
func (s *Set) Route(e webhook.Event) []string {
	t := s.table.Load()
	var asking, fallback []string
	for _, name := range t.names {
		switch d := t.destinations[name].config; {
		case d.Wants(e.Type):
			asking = append(asking, name)
		case d.Default:
			fallback = append(fallback, name)
		}
	}
	if len(asking) > 0 {
		return asking
	}
	return fallback
}

// Policy returns how long one attempt may take and for how long an event is tried again; ok is false for a destination
// that is not configured.
func (s *Set) Policy(destination string) (timeout, horizon time.Duration, ok bool) {
	d, ok := s.table.Load().destinations[destination]
	if !ok {
		return 0, 0, false
	}
	return d.config.Retry.Timeout, d.config.Retry.For, true
}

// Tell makes one attempt to tell a destination of an event. It takes no longer than the destination's time-out or ctx.
// Nil means told; any other error is a [*webhook.Verdict]. After ctx was cancelled that verdict says nothing about the
// destination, and as after every time-out it may have been told.
func (s *Set) Tell(ctx context.Context, destination string, e webhook.Event) error {
	d, ok := s.table.Load().destinations[destination]
	if !ok {
		return &webhook.Verdict{Kind: webhook.Trouble, Reason: "destination is not configured"}
	}
	verdict := s.tell(ctx, d, e)
	d.metrics.count(verdict)
	if verdict != nil { // not returned as it is, because a nil *Verdict is not a nil error
		return verdict
	}
	return nil
}

func (s *Set) tell(ctx context.Context, d *destination, e webhook.Event) *webhook.Verdict {
	if !d.enter(ctx) {
		return &webhook.Verdict{
			Kind:   webhook.Deferred,
			Reason: fmt.Sprintf("%d attempts are under way already", d.config.Concurrency),
		}
	}
	defer d.leave()
	body, err := Encode(e)
	if err != nil { // it quotes what it cannot encode
		return &webhook.Verdict{Kind: webhook.Refused, Reason: "event cannot be encoded"}
	}
	if e.ID == "" {
		return &webhook.Verdict{Kind: webhook.Refused, Reason: "event has no id"}
	}
	start := time.Now()
	defer func() { d.metrics.took(time.Since(start)) }()
	return s.attempt(ctx, d, e.ID, body)
}
