package state

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/webhook"
)

// replayWindow is how many events of the log one step of a selection looks at, whether or not they are selected. It bounds
// how long a statement takes that looks for what is rare.
const replayWindow = 10000

// Replay makes a destination be told of events of the log once more, or now that it exists: the next of those that s selects,
// at most limit, in the order in which they were recorded. They are owed, and handed over, as by a workflow that is named after
// owner and their place. After is where the portion before ended: empty for the first, then next of the one before, which is
// empty at the end. A portion may have no events although it is not the last. Repeated, a portion adds nothing and gives the
// same answer.
//
// Events that were not told because they were no news are never selected. An event by its id is looked up; any other
// selection walks through the log from Since to Until, so that it takes as long as there are events between.
func (s *Store) Replay(ctx context.Context, sel webhook.Selection, to webhook.Route, owner, after string, limit int) (n int, next string, err error) {
	from, err := parsePlace(after)
	if err != nil {
		return 0, "", fmt.Errorf("replay: %w", err)
	}
	err = s.write(ctx, func(c conn) error {
		found, end, err := s.selectEvents(ctx, sel, from, limit)
		if err != nil {
			return err
		}
		n, next = len(found), end.String()
		if n == 0 {
			return nil
		}
		return replay(ctx, c, found, to, owner+"/"+from.String())
	})
	if err != nil {
		return 0, "", fmt.Errorf("replay: %w", err)
	}
	return n, next, nil
}

// A logPlace is where an event is in the order of the log. The zero value is before all.
type logPlace struct {
	recorded int64
	key      []byte
}

func (p logPlace) String() string {
	if p.recorded == 0 {
		return ""
	}
	return strconv.FormatInt(p.recorded, 10) + "." + hex.EncodeToString(p.key)
}

func parsePlace(text string) (p logPlace, err error) {
	if text == "" {
		return logPlace{key: []byte{}}, nil
	}
	recorded, key, _ := strings.Cut(text, ".")
	if p.recorded, err = strconv.ParseInt(recorded, 10, 64); err == nil {
		p.key, err = hex.DecodeString(key)
	}
	if err != nil {
		return p, errors.New("this is no place in the log")
	}
	return p, nil
}

// A logEntry is an event that was selected.
type logEntry struct {
	logPlace
	volume int64
}

// replay writes what is owed. It waits for others who do the same for this destination, whose rows it sees then.
func replay(ctx context.Context, c conn, found []logEntry, to webhook.Route, workflow string) error {
	holdVolume(c)
	open := map[int64]bool{}
	c.queue("SELECT volume FROM volumes WHERE closing = 0", nil, func(r row) error {
		var volume int64
		err := r.Scan(&volume)
		open[volume] = true
		return err
	})
	if err := c.flush(ctx); err != nil {
		return err
	}
	ids := make([]string, len(found))
	for i, e := range found {
		if !open[e.volume] { // moved, or going, since it was read
			return errAgain
		}
		ids[i] = unpackEvent(e.key)
	}
	now := time.Now().UnixMicro()
	takeSequences(c, []string{to.Destination}, now)
	c.queue(`INSERT INTO outbox (workflow, destination, seq, events, created_at, handed_at, origin)
		SELECT CAST(? AS TEXT), destination, last, CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS BIGINT), '' FROM sequences
		WHERE destination = ? AND NOT EXISTS (SELECT 1 FROM outbox WHERE workflow = ? AND destination = ?)`,
		[]any{workflow, encodeIDs(ids), now, now, to.Destination, workflow, to.Destination}, nil)
	return nil
}

// selectEvents reads the next events of a selection, at most limit, and returns where to go on; the zero value at the end.
func (s *Store) selectEvents(ctx context.Context, sel webhook.Selection, from logPlace, limit int) ([]logEntry, logPlace, error) {
	where, args := conditions(sel)
	var found []logEntry
	scan := func(r row) error {
		var e logEntry
		err := r.Scan(&e.recorded, &e.key, &e.volume)
		found = append(found, e)
		return err
	}
	c := s.read()
	if sel.Event != "" {
		query := "SELECT recorded_at, id, volume FROM events WHERE id = ? AND " + where
		err := c.each(ctx, query, append([]any{packEvent(sel.Event)}, args...), scan)
		return found, logPlace{}, err
	}
	first, until := max(from.recorded, since(sel)), until(sel)
	last, more := until-1, false
	// Without an upper bound: the planner would think that it leaves few events, and sort them all.
	query := fmt.Sprintf("SELECT recorded_at FROM events WHERE recorded_at >= ? ORDER BY recorded_at LIMIT 1 OFFSET %d", replayWindow)
	err := c.each(ctx, query, []any{first}, func(r row) error {
		var bound int64
		err := r.Scan(&bound)
		if bound < last {
			last, more = bound, true
		}
		return err
	})
	if err != nil {
		return nil, logPlace{}, err
	}
	query = `SELECT recorded_at, id, volume FROM events WHERE recorded_at >= ? AND recorded_at <= ? AND (recorded_at, id) > (?, ?)
		AND ` + where + " ORDER BY recorded_at, id LIMIT ?"
	err = c.each(ctx, query, append(append([]any{first, last, from.recorded, from.key}, args...), limit), scan)
	switch {
	case len(found) == limit:
		return found, found[limit-1].logPlace, err
	case more:
		return found, logPlace{recorded: last + 1, key: []byte{}}, err // before all that were recorded then
	}
	return found, logPlace{}, err
}

func since(sel webhook.Selection) int64 {
	if sel.Since.IsZero() {
		return 0
	}
	return sel.Since.UnixMicro()
}

func until(sel webhook.Selection) int64 {
	if sel.Until.IsZero() {
		return math.MaxInt64
	}
	return sel.Until.UnixMicro()
}

// Count returns how many events s selects. It reads the log from Since to Until.
func (s *Store) Count(ctx context.Context, sel webhook.Selection) (int, error) {
	where, args := conditions(sel)
	n := 0
	query := "SELECT count(*) FROM events WHERE recorded_at >= ? AND recorded_at < ? AND " + where
	window := []any{since(sel), until(sel)}
	if sel.Event != "" {
		query, window = "SELECT count(*) FROM events WHERE id = ? AND "+where, []any{packEvent(sel.Event)}
	}
	err := s.read().each(ctx, query, append(window, args...), func(r row) error { return r.Scan(&n) })
	if err != nil {
		return 0, fmt.Errorf("count events: %w", err)
	}
	return n, nil
}

// conditions are what a selection asks for, but for the event and the times.
func conditions(sel webhook.Selection) (where string, args []any) {
	where = "outcome IN ('" + strings.Join([]string{string(webhook.Fresh), string(webhook.Late), string(webhook.Test)}, "', '") + "')"
	is := func(column string, values []string) {
		where += " AND " + column + " IN (" + marks(len(values)) + ")"
		for _, v := range values {
			args = append(args, text(v))
		}
	}
	if len(sel.Types) > 0 {
		is("type", types(sel.Types))
	}
	if len(sel.Sources) > 0 {
		is("source", sel.Sources)
	}
	if len(sel.Accounts) > 0 {
		is("account || ''", sel.Accounts) // not by its index: an account may have most of the log
	}
	if sel.Workflow != "" {
		is("workflow", []string{sel.Workflow})
	}
	if sel.Webhook != "" {
		where += " AND webhook = ?"
		args = append(args, packWebhook(sel.Webhook))
	}
	if sel.Unrouted {
		where += " AND routes = ''"
	}
	return where, args
}

// types are the types that patterns mean.
func types(patterns []string) []string {
	var all []string
	for _, e := range webhook.Catalog() {
		if webhook.Wanted(patterns, e.Type) {
			all = append(all, string(e.Type))
		}
	}
	if len(all) == 0 {
		return []string{""} // none has this type
	}
	return all
}
