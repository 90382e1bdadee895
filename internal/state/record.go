package state

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/internal/webhook"
)

// Record stores the events of a group in one transaction: the event log, what the events change, and who is owed word of
// them. Either all of it is stored or nothing.
//
// An event is recorded once. If the same workflow records the same webhook again, nothing happens and its events have
// the outcomes that they had; this is what makes Record safe to repeat after a crash, a reset, or a redelivery after
// termination. An event that is known from another workflow or another webhook, or that came earlier in the group, is a
// [webhook.Duplicate].
//
// What is fresh is applied in the order of the group. A test beats stale: dashboards send samples with old times.
//
// A workflow may record in several calls; what it owes adds up, and Owed lists all of it. What is owed to a destination that is
// told in order has a higher sequence than all that anybody could see before.
func (s *Store) Record(ctx context.Context, workflow string, records []webhook.Record) (webhook.Recorded, error) {
	g, err := newGroup(workflow, records)
	if err != nil {
		return webhook.Recorded{}, fmt.Errorf("record: %w", err)
	}
	var owed []webhook.Owed
	err = s.write(ctx, func(c conn) error {
		owed = nil
		return g.record(ctx, c, &owed)
	})
	if err != nil {
		return webhook.Recorded{}, fmt.Errorf("record: %w", err)
	}
	// Not by the database, whose collation may be any.
	slices.SortFunc(owed, func(a, b webhook.Owed) int { return strings.Compare(a.Destination, b.Destination) })
	return webhook.Recorded{Outcomes: g.outcomes(), Owed: owed}, nil
}

// A group is what one call records.
type group struct {
	workflow string
	records  []webhook.Record
	entries  []*entry // each event once, in the order of the group
	byID     map[string]*entry
	ids      []string // in the order of their packed form
	volume   int64    // of the log, to which the fresh events went
	now      int64
}

// An entry is an event of a group, where it comes first.
type entry struct {
	*webhook.Candidate
	key     []byte // the id, packed
	webhook []byte // packed
	source  string
	payload []byte
	routes  string // names of its destinations
	fresh   bool   // not in the log before this transaction
	outcome webhook.Outcome
	// position is its place in the group. It is added to the time, so that the log has an order.
	position int64
}

func newGroup(workflow string, records []webhook.Record) (*group, error) {
	g := &group{workflow: workflow, records: records, byID: map[string]*entry{}, now: time.Now().UnixMicro()}
	for i := range records {
		r := &records[i]
		for j := range r.Events {
			candidate := &r.Events[j]
			id := candidate.Event.ID
			if g.byID[id] != nil {
				continue
			}
			payload, err := json.Marshal(candidate.Event)
			if err != nil {
				return nil, fmt.Errorf("event %s: %w: it is not JSON", id, webhook.ErrUnprocessable)
			}
			for _, change := range candidate.Changes {
				if !json.Valid([]byte(change.Value)) {
					return nil, fmt.Errorf("event %s: %w: the value of %s is not JSON", id, webhook.ErrUnprocessable, change.Aspect)
				}
			}
			e := &entry{
				Candidate: candidate, key: packEvent(id), webhook: packWebhook(r.Webhook), source: r.Source, payload: payload,
				routes: names(candidate.Destinations), position: int64(len(g.entries)),
			}
			g.entries, g.byID[id], g.ids = append(g.entries, e), e, append(g.ids, id)
		}
	}
	slices.SortFunc(g.ids, func(a, b string) int { return bytes.Compare(g.byID[a].key, g.byID[b].key) })
	return g, nil
}

// names are those of the destinations, with commas between them.
func names(routes []webhook.Route) string {
	if len(routes) == 1 {
		return routes[0].Destination
	}
	list := make([]string, len(routes))
	for i, r := range routes {
		list[i] = r.Destination
	}
	return strings.Join(slices.Compact(list), ",")
}

// record writes table after table, always in this order: see [conn.queueRows]. It takes two round trips, or three where
// something changes: to claim the events, to read and lock the facts, and to write the rest with the commit.
func (g *group) record(ctx context.Context, c conn, owed *[]webhook.Owed) error {
	holdVolume(c)
	g.writeWebhooks(c)
	if err := g.writeEvents(ctx, c); err != nil {
		return fmt.Errorf("write webhooks and events: %w", err)
	}
	if err := g.writeFacts(ctx, c); err != nil {
		return fmt.Errorf("write facts: %w", err)
	}
	g.writeOutcomes(c)
	g.writeOutbox(c)
	owedBy(c, g.workflow, owed)
	return nil
}

func (g *group) outcomes() [][]webhook.Outcome {
	all := make([][]webhook.Outcome, len(g.records))
	for i := range g.records {
		r := &g.records[i]
		all[i] = make([]webhook.Outcome, len(r.Events))
		for j := range r.Events {
			candidate := &r.Events[j]
			e := g.byID[candidate.Event.ID]
			if e.Candidate != candidate { // came earlier in the group
				all[i][j] = webhook.Duplicate
				continue
			}
			all[i][j] = e.outcome
		}
	}
	return all
}

func (g *group) writeWebhooks(c conn) {
	rows := make([][]any, len(g.records))
	for i, r := range g.records {
		rows[i] = []any{packWebhook(r.Webhook), g.workflow, r.Source, r.Received.UnixMicro()}
	}
	slices.SortFunc(rows, func(a, b []any) int { return bytes.Compare(a[0].([]byte), b[0].([]byte)) })
	c.queueRows("WITH fresh (webhook, workflow, source, received) AS (", rows, `) INSERT INTO webhooks (webhook, volume, workflow, source, received)
		SELECT webhook, `+currentVolume+`, workflow, source, received FROM fresh WHERE true ORDER BY webhook ON CONFLICT DO NOTHING`, nil)
}

// Workflow returns the id of the workflow that recorded a webhook, alone or in a group; "" if none did.
func (s *Store) Workflow(ctx context.Context, webhook string) (string, error) {
	var workflow string
	const query = "SELECT workflow FROM webhooks WHERE webhook = ? ORDER BY volume LIMIT 1"
	err := s.read().each(ctx, query, []any{packWebhook(webhook)}, func(r row) error { return r.Scan(&workflow) })
	if err != nil {
		return "", fmt.Errorf("find workflow of webhook: %w", err)
	}
	return workflow, nil
}
