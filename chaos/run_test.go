package chaos

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"holdfast/internal/config"
	"holdfast/internal/webhook"
)

// A run is everything that is known of what became of a script: what was acknowledged, what is in the state, what every
// destination saw. It is what the invariants are checked on, all of it.
type run struct {
	script   *script
	sent     []time.Time // of each delivery
	acked    []time.Time
	log      []logged
	facts    []fact
	owed     []string             // workflow and destination
	tellings map[string][]telling // by destination, in order
	patterns map[string][]string  // the events that each destination asks for
	crashes  []crash
	attempts int // of the provider
	refused  int // of those: answered 503
	cut      int // of those: not answered
}

// logged is a row of the event log.
type logged struct {
	id      string
	typ     webhook.Type
	account string
	at      time.Time
	outcome webhook.Outcome
}

// fact is a row of the facts: all of it.
type fact struct {
	Entity, Aspect, Parent, Value string
	Time, Safety                  int64
	Event                         string
}

// look reads all that is known. The database must be up.
func (w *world) look() *run {
	w.t.Helper()
	r := &run{script: w.provider.script, tellings: map[string][]telling{}, patterns: map[string][]string{}}
	w.provider.mu.Lock()
	r.sent, r.acked = slices.Clone(w.provider.sent), slices.Clone(w.provider.acked)
	r.attempts, r.refused, r.cut = w.provider.attempts, w.provider.refused, w.provider.cut
	w.provider.mu.Unlock()
	w.mu.Lock()
	r.crashes = slices.Clone(w.crashes)
	w.mu.Unlock()

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, w.pgState.url("holdfast"))
	if err != nil {
		w.t.Fatalf("read the state: %v", err)
	}
	defer conn.Close(ctx)
	// One moment for all tables. The destinations are looked at after it: who is settled there was told before.
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, "SELECT 'evt_' || encode(id, 'hex'), type, account, time, outcome FROM events ORDER BY id") // its error is in rows
		r.log, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (logged, error) {
			var l logged
			var at int64
			err := row.Scan(&l.id, &l.typ, &l.account, &at, &l.outcome)
			l.at = time.UnixMicro(at).UTC()
			return l, err
		})
		if err != nil {
			return err
		}
		rows, _ = tx.Query(ctx, "SELECT entity, aspect, parent, value, time, safety, event FROM facts ORDER BY entity COLLATE \"C\", aspect COLLATE \"C\"")
		if r.facts, err = pgx.CollectRows(rows, pgx.RowToStructByPos[fact]); err != nil {
			return err
		}
		rows, _ = tx.Query(ctx, "SELECT destination || ' by ' || workflow FROM outbox WHERE settled_at IS NULL ORDER BY 1")
		r.owed, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		w.t.Fatalf("read the state: %v", err)
	}
	for _, s := range w.sinks {
		r.tellings[s.name], r.patterns[s.name] = s.all(), s.events
	}
	return r
}

// asks reports whether a destination asks for a type of event.
func (r *run) asks(destination string, t webhook.Type) bool {
	return config.Destination{Events: r.patterns[destination]}.Wants(t)
}

// canonical is a JSON value written in one way.
func canonical(text string) string {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return text
	}
	return compact(v)
}
