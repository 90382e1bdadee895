package state

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"holdfast/internal/webhook"
)

// Handed returns what was handed over for a destination, recorded before a time and behind a place in its sequence, in the order
// of that sequence: as many debts as have so many events, each whole, so that who goes on behind the last of them leaves
// nothing out. None means that there are no more. What events say that is large is left out: see [Store.Events].
func (s *Store) Handed(ctx context.Context, destination string, before time.Time, after int64, events int) ([]webhook.Debt, error) {
	var debts []webhook.Debt
	var owed [][]string
	var all []string
	// Debts that parted may share a place: those at the last one come together.
	const due = "FROM outbox WHERE destination = ? AND settled_at IS NULL AND handed_at IS NOT NULL AND seq > ? AND seq < ?"
	const query = "SELECT workflow, seq, created_at, handed_at, events " + due + ` AND seq <=
		(SELECT max(seq) FROM (SELECT seq ` + due + " ORDER BY seq LIMIT ?) first) ORDER BY seq, workflow"
	args := []any{destination, after, before.UnixMicro()}
	c := s.read()
	err := c.each(ctx, query, append(slices.Concat(args, args), events), func(r row) error {
		var d webhook.Debt
		var since, at int64
		var text string
		if err := r.Scan(&d.Workflow, &d.Sequence, &since, &at, &text); err != nil {
			return err
		}
		if len(all) >= events && d.Sequence != debts[len(debts)-1].Sequence {
			return nil
		}
		ids, err := decodeIDs(text)
		d.Since, d.Handed = time.UnixMicro(since).UTC(), time.UnixMicro(at).UTC()
		debts, owed, all = append(debts, d), append(owed, ids), append(all, ids...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what was handed over: %w", err)
	}
	log, err := lightByID(ctx, c, all)
	if err != nil {
		return nil, fmt.Errorf("read events that were handed over: %w", err)
	}
	for i := range debts {
		for _, id := range owed[i] {
			if e, ok := log[id]; ok {
				debts[i].Events = append(debts[i].Events, e)
			} else {
				debts[i].Lost = append(debts[i].Lost, id)
			}
		}
	}
	return debts, nil
}

// maxLight is the size up to which an event is handed out as it is, in bytes of JSON. Whoever tells a slow destination keeps
// thousands of them.
const maxLight = 8 << 10

// maxHead is more than an event takes before its data, but for one with something in it that no provider sends.
const maxHead = 2 << 10

// lightByID is eventsByID, without the data of large events.
func lightByID(ctx context.Context, c conn, ids []string) (map[string]webhook.Event, error) {
	keys := make([]any, len(ids))
	for i, id := range ids {
		keys[i] = packEvent(id)
	}
	log := make(map[string]webhook.Event, len(ids))
	var odd []string
	query := fmt.Sprintf(`SELECT id, outcome, length(payload), CASE WHEN length(payload) > %d THEN substr(payload, 1, %d) ELSE payload END
		FROM events WHERE id IN`, maxLight, maxHead)
	c.queueIn(query, nil, keys, func(r row) error {
		var key, payload []byte
		var outcome webhook.Outcome
		var size int64
		if err := r.Scan(&key, &outcome, &size, &payload); err != nil {
			return err
		}
		id := unpackEvent(key)
		var err error
		if size <= maxLight {
			log[id], err = decode(payload, outcome)
			return err
		}
		// Data comes last, and no quotation mark before it is one of a value.
		head, _, found := bytes.Cut(payload, []byte(`,"data":`))
		if !found {
			odd = append(odd, id)
			return nil
		}
		e, err := decode(append(bytes.Clone(head), '}'), outcome)
		e.Data = nil
		log[id] = e
		return err
	})
	if err := c.flush(ctx); err != nil || len(odd) == 0 {
		return log, err
	}
	whole, err := eventsByID(ctx, c, odd)
	for id, e := range whole {
		e.Data = nil
		log[id] = e
	}
	return log, err
}

// Events returns events of the log, in no order; those that are not there are left out.
func (s *Store) Events(ctx context.Context, ids []string) ([]webhook.Event, error) {
	log, err := eventsByID(ctx, s.read(), ids)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return slices.Collect(maps.Values(log)), nil
}

// Give hands what a workflow owes a destination over to the destination's own workflow, held or not, and reports whether it
// is handed over now; not so if nothing is owed.
func (s *Store) Give(ctx context.Context, workflow, destination string) (handed bool, err error) {
	const query = `UPDATE outbox SET handed_at = COALESCE(handed_at, ?) WHERE workflow = ? AND destination = ? AND settled_at IS NULL
		RETURNING workflow`
	err = s.write(ctx, func(c conn) error {
		handed = false
		return c.each(ctx, query, []any{time.Now().UnixMicro(), workflow, destination}, func(row) error {
			handed = true
			return nil
		})
	})
	if err != nil {
		return false, fmt.Errorf("give what is owed: %w", err)
	}
	return handed, nil
}

// Part gives events that a workflow owes a destination to another workflow; or back to that workflow itself, if it had handed
// them over. They keep their place in the sequence, where the other may have a debt already, or had one: events that are
// given back and refused again may part in another company each time. Events that are not owed any more are not given; so it
// may be repeated.
func (s *Store) Part(ctx context.Context, workflow, destination string, events []string, to string) error {
	err := s.write(ctx, func(c conn) error {
		rows, err := lockOwed(ctx, c, workflow, destination)
		if err != nil {
			return err
		}
		var parted []string
		for _, r := range rows {
			gone := slices.DeleteFunc(slices.Clone(events), func(id string) bool { return !slices.Contains(r.events, id) })
			if len(gone) == 0 {
				continue
			}
			parted = append(parted, gone...)
			if to == workflow {
				const query = "UPDATE outbox SET handed_at = NULL, checked_at = NULL WHERE workflow = ? AND destination = ? AND seq = ?"
				c.queue(query, []any{workflow, destination, r.seq}, nil)
				continue
			}
			const query = `INSERT INTO outbox (workflow, destination, seq, events, created_at, origin)
				SELECT CAST(? AS TEXT), destination, seq, CAST(? AS TEXT), created_at, COALESCE(origin, workflow)
				FROM outbox WHERE workflow = ? AND destination = ? AND seq = ?
				ON CONFLICT (workflow, destination, seq) DO UPDATE SET events = CASE WHEN outbox.settled_at IS NULL
						THEN substr(outbox.events, 1, length(outbox.events) - 1) || ',' || substr(excluded.events, 2) ELSE excluded.events END,
					settled_at = NULL, how = '', handed_at = NULL, checked_at = NULL`
			c.queue(query, []any{to, encodeIDs(gone), workflow, destination, r.seq}, nil)
		}
		if to != workflow && len(parted) > 0 {
			settle(c, rows, workflow, destination, webhook.Settlement{Events: parted, How: "parted"})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("part debt: %w", err)
	}
	return nil
}

const dropBatch = 500 // rows

// Drop settles what was handed over for a destination and recorded before a time: nobody will tell it. What workflows see to
// themselves is not touched. It works in small steps, and beat is called between them; what is done when it fails remains done,
// and the result says how much that was. Debts that somebody is settling at this moment are left to him.
func (s *Store) Drop(ctx context.Context, destination string, before time.Time, beat func()) (debts, events int, err error) {
	for {
		beat()
		rows, ids := 0, 0
		err := s.write(ctx, func(c conn) error {
			query := `SELECT workflow, seq, events FROM outbox WHERE destination = ? AND settled_at IS NULL AND handed_at IS NOT NULL
				AND seq < ? ORDER BY seq LIMIT ?`
			if c.numbered {
				query += " FOR UPDATE SKIP LOCKED"
			}
			var found [][]any
			ids = 0
			now := time.Now().UnixMicro()
			err := c.each(ctx, query, []any{destination, before.UnixMicro(), dropBatch}, func(r row) error {
				var workflow, text string
				var seq int64
				if err := r.Scan(&workflow, &seq, &text); err != nil {
					return err
				}
				owed, err := decodeIDs(text)
				ids += len(owed)
				found = append(found, []any{workflow, destination, seq, now})
				return err
			})
			if err != nil {
				return err
			}
			rows = len(found)
			c.queueRows("WITH gone (workflow, destination, seq, at) AS (", found, `)
				UPDATE outbox SET events = '[]', settled_at = gone.at, how = 'dropped' FROM gone
				WHERE outbox.workflow = gone.workflow AND outbox.destination = gone.destination AND outbox.seq = gone.seq`, nil)
			return nil
		})
		if err != nil {
			return debts, events, fmt.Errorf("drop what is owed: %w", err)
		}
		debts, events = debts+rows, events+ids
		if rows < dropBatch {
			return debts, events, nil
		}
	}
}
