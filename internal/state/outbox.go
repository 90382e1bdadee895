package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"holdfast/internal/webhook"
)

// writeOutbox notes who is to be told of the fresh events. A workflow that owes a destination something already, because
// it records webhook by webhook or a newer version found more in a webhook, owes it more.
func (g *group) writeOutbox(c conn) {
	fresh := map[string][]string{}
	for _, e := range g.entries {
		if !e.fresh || !e.outcome.Told() {
			continue
		}
		for _, route := range e.Destinations {
			destination := route.Destination
			ids := fresh[destination]
			if n := len(ids); n == 0 || ids[n-1] != e.Event.ID { // named twice
				fresh[destination] = append(ids, e.Event.ID)
			}
		}
	}
	destinations := slices.Sorted(maps.Keys(fresh))
	rows := make([][]any, len(destinations))
	for i, destination := range destinations {
		rows[i] = []any{g.workflow, destination, encodeIDs(fresh[destination]), g.now}
	}
	// What a held destination is owed is handed over at once: the subquery looks for the hold, so that this takes no statement
	// more. What the workflow owes already is told by whoever tells it now; what was settled begins anew. Both lists of
	// events are JSON arrays, and the new one is not empty.
	c.queueRows("WITH fresh (workflow, destination, events, created_at) AS (", rows, `)
		INSERT INTO outbox (workflow, destination, events, created_at, handed_at)
		SELECT workflow, destination, events, created_at,
			(SELECT fresh.created_at FROM holds WHERE holds.destination = fresh.destination`+c.locking()+`)
		FROM fresh WHERE true ORDER BY destination
		ON CONFLICT (workflow, destination) DO UPDATE SET settled_at = NULL, how = '', events =
		CASE outbox.events WHEN '[]' THEN excluded.events
		ELSE substr(outbox.events, 1, length(outbox.events) - 1) || ',' || substr(excluded.events, 2) END,
		handed_at = CASE WHEN outbox.settled_at IS NULL THEN outbox.handed_at ELSE excluded.handed_at END`, nil)
}

// owedBy reads the unsettled rows of a workflow, in no order.
func owedBy(c conn, workflow string, into *[]webhook.Owed) {
	const query = "SELECT destination, events, handed_at IS NOT NULL FROM outbox WHERE workflow = ? AND settled_at IS NULL"
	c.queue(query, []any{workflow}, func(r row) error {
		var o webhook.Owed
		var events string
		if err := r.Scan(&o.Destination, &events, &o.Handed); err != nil {
			return err
		}
		var err error
		o.Events, err = decodeIDs(events)
		*into = append(*into, o)
		return err
	})
}

// Owed returns the events that a workflow owes a destination, in the order in which they are to be told; none if that is
// settled or was never owed. An event that is no longer in the log cannot be told: it is left out, and remains owed until
// it is settled.
func (s *Store) Owed(ctx context.Context, workflow, destination string) ([]webhook.Event, error) {
	c := s.read()
	d, err := readDebt(ctx, c, "SELECT events FROM outbox WHERE workflow = ? AND destination = ? AND settled_at IS NULL", workflow, destination)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	log, err := eventsByID(ctx, c, d)
	if err != nil {
		return nil, fmt.Errorf("read events that are owed: %w", err)
	}
	events := make([]webhook.Event, 0, len(d))
	for _, id := range d {
		if e, ok := log[id]; ok {
			events = append(events, e)
		}
	}
	return events, nil
}

// Settle takes events off what a workflow owes a destination. When none is left, it is settled; how says in a word why.
// Events that are not owed, or a destination that is owed nothing, change nothing: it may be repeated, also by an
// attempt that was thought dead.
func (s *Store) Settle(ctx context.Context, workflow, destination string, settled webhook.Settlement) error {
	events, how := settled.Events, settled.How
	if len(events) == 0 {
		return nil
	}
	// Nearly always all of it was told, in order; that takes one statement. Any other case, or an error, takes the long way.
	c := s.alone()
	const all = `UPDATE outbox SET events = '[]', settled_at = ?, how = ?
		WHERE workflow = ? AND destination = ? AND settled_at IS NULL AND events = ? RETURNING workflow`
	done := false
	err := c.each(ctx, all, []any{time.Now().UnixMicro(), how, workflow, destination, encodeIDs(events)}, func(row) error {
		done = true
		return nil
	})
	if err == nil && done {
		return nil
	}
	if err := s.write(ctx, func(c conn) error { return settle(ctx, c, workflow, destination, events, how) }); err != nil {
		return fmt.Errorf("settle outbox: %w", err)
	}
	return nil
}

func settle(ctx context.Context, c conn, workflow, destination string, events []string, how string) error {
	// An update that changes nothing locks the row in both databases.
	left, err := readDebt(ctx, c, `UPDATE outbox SET workflow = workflow
		WHERE workflow = ? AND destination = ? AND settled_at IS NULL RETURNING events`, workflow, destination)
	if err != nil || len(left) == 0 {
		return err
	}
	told := make(map[string]bool, len(events))
	for _, id := range events {
		told[id] = true
	}
	left = slices.DeleteFunc(left, func(id string) bool { return told[id] })
	var settled sql.NullInt64
	if len(left) == 0 {
		settled = sql.NullInt64{Int64: time.Now().UnixMicro(), Valid: true}
	} else {
		how = ""
	}
	return c.exec(ctx, "UPDATE outbox SET events = ?, settled_at = ?, how = ? WHERE workflow = ? AND destination = ?",
		encodeIDs(left), settled, how, workflow, destination)
}

// readDebt reads the ids of one row; none if the query finds none.
func readDebt(ctx context.Context, c conn, query, workflow, destination string) ([]string, error) {
	var ids []string
	err := c.each(ctx, query, []any{workflow, destination}, func(r row) error {
		var events string
		if err := r.Scan(&events); err != nil {
			return err
		}
		var err error
		ids, err = decodeIDs(events)
		return err
	})
	return ids, err
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
