package state

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast/internal/webhook"
)

// writeEvents claims the events that nobody has recorded and finds out what became of the others.
func (g *group) writeEvents(ctx context.Context, c conn) error {
	rows := make([][]any, len(g.ids))
	for i, id := range g.ids {
		e := g.byID[id]
		e.fresh, e.outcome = false, provisional(e.Event)
		rows[i] = []any{
			e.key, string(e.Event.Type), e.source, text(e.Event.Account), e.Event.Time.UnixMicro(), g.now + e.position,
			e.webhook, g.workflow, string(e.outcome), e.payload, e.routes,
		}
	}
	// An insert that meets the row of a transaction under way waits for its end. So what is not fresh here is committed.
	const columns = "type, source, account, time, recorded_at, webhook, workflow, outcome, payload, routes"
	c.queueRows("WITH fresh (id, "+columns+") AS (", rows, `) INSERT INTO events (id, volume, `+columns+`)
		SELECT id, `+currentVolume+`, `+columns+` FROM fresh
		WHERE (SELECT volume FROM events known WHERE known.id = fresh.id AND known.volume < `+currentVolume+` LIMIT 1) IS NULL
		ORDER BY id ON CONFLICT DO NOTHING RETURNING id, volume`, func(r row) error {
		var key []byte
		if err := r.Scan(&key, &g.volume); err != nil {
			return err
		}
		g.byID[unpackEvent(key)].fresh = true
		return nil
	})
	if err := c.flush(ctx); err != nil {
		return err
	}
	return g.readKnown(ctx, c)
}

func (g *group) readKnown(ctx context.Context, c conn) error {
	var known []any
	for _, id := range g.ids {
		if e := g.byID[id]; !e.fresh {
			known = append(known, e.key)
		}
	}
	found := 0
	c.queueIn("SELECT id, workflow, webhook, outcome FROM events WHERE id IN", nil, known, func(r row) error {
		var key, from []byte
		var workflow string
		var outcome webhook.Outcome
		if err := r.Scan(&key, &workflow, &from, &outcome); err != nil {
			return err
		}
		e := g.byID[unpackEvent(key)]
		// Another webhook of this workflow counts as another owner, so that a group recorded webhook by webhook has the
		// outcomes that it has when recorded at once.
		if workflow != g.workflow || !bytes.Equal(from, e.webhook) {
			outcome = webhook.Duplicate
		}
		e.outcome = outcome
		found++
		return nil
	})
	err := c.flush(ctx)
	if err == nil && found < len(known) { // pruned between the two statements
		return errAgain
	}
	return err
}

// provisional is the outcome of a fresh event as far as it can be known without what else is known.
func provisional(e webhook.Event) webhook.Outcome {
	switch {
	case e.Test:
		return webhook.Test
	case e.Stale:
		return webhook.Stale
	}
	return webhook.Fresh
}

// writeOutcomes corrects what turned out to be other than provisional. Few do.
func (g *group) writeOutcomes(c conn) {
	for _, outcome := range []webhook.Outcome{webhook.Unchanged, webhook.Late} {
		var keys []any
		for _, id := range g.ids {
			if e := g.byID[id]; e.fresh && e.outcome == outcome {
				keys = append(keys, e.key)
			}
		}
		c.queueIn("UPDATE events SET outcome = ? WHERE volume = ? AND id IN", []any{string(outcome), g.volume}, keys, nil)
	}
}

// eventsByID reads events of the log, in no order; those that are not there are left out.
func eventsByID(ctx context.Context, c conn, ids []string) (map[string]webhook.Event, error) {
	keys := make([]any, len(ids))
	for i, id := range ids {
		keys[i] = packEvent(id)
	}
	log := make(map[string]webhook.Event, len(ids))
	c.queueIn("SELECT id, outcome, payload FROM events WHERE id IN", nil, keys, func(r row) error {
		var key, payload []byte
		var outcome webhook.Outcome
		if err := r.Scan(&key, &outcome, &payload); err != nil {
			return err
		}
		var err error
		log[unpackEvent(key)], err = decode(payload, outcome)
		return err
	})
	return log, c.flush(ctx)
}

// A Logged event is an entry of the log.
type Logged struct {
	Event    webhook.Event
	Outcome  webhook.Outcome
	Workflow string // that recorded it
	Recorded time.Time
	Routes   []string // names of the destinations that were to be told, sorted; nil if that is not known
}

// EventsOf returns the latest events of an account, latest first, at most limit.
func (s *Store) EventsOf(ctx context.Context, account string, limit int) ([]Logged, error) {
	var log []Logged
	const query = "SELECT " + logged + " FROM events WHERE account = ? ORDER BY time DESC, id LIMIT ?"
	err := s.read().each(ctx, query, []any{text(account), limit}, func(r row) error {
		e, err := scanLogged(r)
		log = append(log, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read events of account: %w", err)
	}
	return log, nil
}

// EventByID returns an event of the log; the zero value if it is not there.
func (s *Store) EventByID(ctx context.Context, id string) (Logged, error) {
	var e Logged
	const query = "SELECT " + logged + " FROM events WHERE id = ?"
	err := s.read().each(ctx, query, []any{packEvent(id)}, func(r row) error {
		var err error
		e, err = scanLogged(r)
		return err
	})
	if err != nil {
		return Logged{}, fmt.Errorf("read event: %w", err)
	}
	return e, nil
}

const logged = "payload, outcome, workflow, recorded_at, routes"

func scanLogged(r row) (Logged, error) {
	var e Logged
	var payload []byte
	var recorded int64
	var routes sql.NullString
	if err := r.Scan(&payload, &e.Outcome, &e.Workflow, &recorded, &routes); err != nil {
		return Logged{}, err
	}
	if routes.Valid {
		e.Routes = strings.FieldsFunc(routes.String, func(r rune) bool { return r == ',' })
	}
	e.Recorded = time.UnixMicro(recorded).UTC()
	var err error
	e.Event, err = decode(payload, e.Outcome)
	return e, err
}

// decode reads an event of the log. That it was late is known only after its payload is written, so the outcome says it.
func decode(payload []byte, outcome webhook.Outcome) (webhook.Event, error) {
	var e webhook.Event
	if err := json.Unmarshal(payload, &e); err != nil {
		return webhook.Event{}, err
	}
	e.Late = outcome == webhook.Late
	return e, nil
}

// text makes a lookup key of what a provider sent. PostgreSQL takes no NUL and nothing that is not UTF-8, and no index
// takes what is very long; what any provider means by an id or a number is neither. The payload has it as it came.
func text(s string) string {
	const longest = 1000
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) <= longest {
		return s
	}
	end := longest
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
