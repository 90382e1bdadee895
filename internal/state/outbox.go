package state

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"holdfast/internal/webhook"
)

// writeOutbox notes who is to be told of the fresh events. A workflow that owes a destination something already, because
// it records webhook by webhook or a newer version found more in a webhook, owes it more, in another row.
func (g *group) writeOutbox(c conn) {
	routes, fresh := map[string]webhook.Route{}, map[string][]string{}
	for _, e := range g.entries {
		if !e.fresh || !e.outcome.Told() {
			continue
		}
		for _, route := range e.Destinations {
			ids := fresh[route.Destination]
			if n := len(ids); n == 0 || ids[n-1] != e.Event.ID { // named twice
				routes[route.Destination], fresh[route.Destination] = route, append(ids, e.Event.ID)
			}
		}
	}
	var free, ordered [][]any
	var counters []string
	for _, destination := range slices.Sorted(maps.Keys(fresh)) {
		route, own := routes[destination], int64(0)
		if route.Own {
			own = 1
		}
		row := []any{g.workflow, destination, encodeIDs(fresh[destination]), g.now, own}
		if route.Ordered {
			ordered, counters = append(ordered, row), append(counters, destination)
		} else {
			free = append(free, row)
		}
	}
	insertOwed(c, free, ownSequence)
	takeSequences(c, counters, g.now)
	insertOwed(c, ordered, nextSequence)
}

// insertOwed queues rows of what is owed. Each is handed over at once if the destination is always told by its own workflow,
// or is held; the subquery looks for the hold, so that this takes no statement more. What the workflow owes already is told by
// whoever tells it now, and the new row with it; it stays as it is until then.
func insertOwed(c conn, rows [][]any, sequence string) {
	earlier := "FROM outbox earlier WHERE earlier.workflow = fresh.workflow AND earlier.destination = fresh.destination AND settled_at IS NULL"
	kept := ""
	if c.numbered {
		kept = " FOR SHARE"
	}
	c.queueRows("WITH fresh (workflow, destination, events, created_at, own) AS (", rows, `)
		INSERT INTO outbox (workflow, destination, seq, events, created_at, handed_at)
		SELECT workflow, destination, `+sequence+`, events, created_at, CASE WHEN own = 1 THEN created_at
			WHEN EXISTS (SELECT 1 `+earlier+kept+`) THEN (SELECT CASE WHEN count(handed_at) = count(*) THEN min(handed_at) END `+earlier+`)
			ELSE (SELECT fresh.created_at FROM holds WHERE holds.destination = fresh.destination`+c.locking()+`) END
		FROM fresh WHERE true ORDER BY destination`, nil)
}

// owedBy reads what a workflow owes, with what it owes a destination in order.
func owedBy(c conn, workflow string, into *[]webhook.Owed) {
	const query = `SELECT destination, events, handed_at IS NOT NULL FROM outbox WHERE workflow = ? AND settled_at IS NULL
		ORDER BY destination, seq`
	c.queue(query, []any{workflow}, func(r row) error {
		var o webhook.Owed
		var events string
		if err := r.Scan(&o.Destination, &events, &o.Handed); err != nil {
			return err
		}
		var err error
		if o.Events, err = decodeIDs(events); err != nil {
			return err
		}
		if n := len(*into); n > 0 && (*into)[n-1].Destination == o.Destination {
			last := &(*into)[n-1]
			last.Events = append(last.Events, o.Events...)
			last.Handed = last.Handed && o.Handed // else the workflow sees to it, and hands all of it over
			return nil
		}
		*into = append(*into, o)
		return nil
	})
}

// Owed returns the events that a workflow owes a destination, in the order in which they are to be told; none if that is
// settled or was never owed. An event that is no longer in the log cannot be told: it is left out, and remains owed until
// it is settled.
func (s *Store) Owed(ctx context.Context, workflow, destination string) ([]webhook.Event, error) {
	c := s.read()
	var owed []string
	const query = "SELECT events FROM outbox WHERE workflow = ? AND destination = ? AND settled_at IS NULL ORDER BY seq"
	err := c.each(ctx, query, []any{workflow, destination}, func(r row) error {
		var text string
		if err := r.Scan(&text); err != nil {
			return err
		}
		ids, err := decodeIDs(text)
		owed = append(owed, ids...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	log, err := eventsByID(ctx, c, owed)
	if err != nil {
		return nil, fmt.Errorf("read events that are owed: %w", err)
	}
	events := make([]webhook.Event, 0, len(owed))
	for _, id := range owed {
		if e, ok := log[id]; ok {
			events = append(events, e)
		}
	}
	return events, nil
}

func encodeIDs(ids []string) string {
	if len(ids) == 0 {
		return "[]"
	}
	data, _ := json.Marshal(ids) // strings always can be
	return string(data)
}

func decodeIDs(data string) ([]string, error) {
	var ids []string
	if err := json.Unmarshal([]byte(data), &ids); err != nil {
		return nil, fmt.Errorf("outbox row: %w", err)
	}
	return ids, nil
}
