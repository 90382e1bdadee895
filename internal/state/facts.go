package state

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"holdfast/internal/webhook"
)

// A register names a fact: it holds what was written last, by the events' own time.
type register struct{ entity, aspect string }

func (r register) compare(other register) int {
	return cmp.Or(strings.Compare(r.entity, other.entity), strings.Compare(r.aspect, other.aspect))
}

// A content is what a register holds.
type content struct {
	value   string
	time    int64
	safety  int
	event   string
	changed bool // since it was read
}

// nothing loses against every change.
var nothing = content{time: math.MinInt64, safety: -1}

// writeFacts applies the changes of the fresh events, and finds out what became of those events by that.
func (g *group) writeFacts(ctx context.Context, c conn) error {
	known := map[register]*content{}
	for _, e := range g.entries {
		if !e.fresh || e.outcome != webhook.Fresh {
			continue
		}
		for _, change := range e.Changes {
			known[registerOf(change)] = nil
		}
	}
	registers := slices.SortedFunc(maps.Keys(known), register.compare)
	if err := lock(ctx, c, registers, known); err != nil {
		return err
	}
	for _, e := range g.entries {
		if e.fresh && e.outcome == webhook.Fresh {
			e.outcome = apply(known, e.Event.ID, e.Changes)
		}
	}
	var rows [][]any
	for _, r := range registers {
		if f := known[r]; f.changed {
			rows = append(rows, r.row(*f))
		}
	}
	c.queueRows(intoFacts, rows, `ON CONFLICT (entity, aspect) DO UPDATE
		SET value = excluded.value, time = excluded.time, safety = excluded.safety, event = excluded.event`, nil)
	return nil
}

const intoFacts = "INSERT INTO facts (entity, aspect, parent, value, time, safety, event)"

func (r register) row(f content) []any {
	parent := r.entity[:max(0, strings.LastIndexByte(r.entity, '/'))]
	return []any{r.entity, r.aspect, parent, f.value, f.time, int64(f.safety), f.event}
}

// lock reads the registers and keeps them for this transaction. It is an upsert that changes nothing, so that of two
// transactions that meet at a register nobody has written yet, one waits for the other. It writes [nothing] in those;
// apply replaces that within the transaction.
func lock(ctx context.Context, c conn, registers []register, known map[register]*content) error {
	rows := make([][]any, len(registers))
	for i, r := range registers {
		rows[i] = r.row(nothing)
	}
	c.queueRows(intoFacts, rows, `ON CONFLICT (entity, aspect) DO UPDATE SET aspect = excluded.aspect
		RETURNING entity, aspect, value, time, safety, event`, func(row row) error {
		var r register
		var f content
		if err := row.Scan(&r.entity, &r.aspect, &f.value, &f.time, &f.safety, &f.event); err != nil {
			return err
		}
		known[r] = &f
		return nil
	})
	return c.flush(ctx)
}

func registerOf(change webhook.Change) register {
	return register{text(change.Entity), text(change.Aspect)}
}

// apply writes what changes are later than what is known, or as late and safer. The outcome is
//
//   - Fresh if that makes a difference to any value, or if there are no changes, or if another value of the same time is as
//     safe;
//   - else Late if any change lost to something later, or to something safer of the same time;
//   - else Unchanged: every value is known already. The fact is as of the later time then.
func apply(known map[register]*content, event string, changes []webhook.Change) webhook.Outcome {
	fresh, late := len(changes) == 0, false
	for _, change := range changes {
		f := known[registerOf(change)]
		at := change.Time.UnixMicro()
		same := f.value == change.Value
		switch cmp.Or(cmp.Compare(at, f.time), cmp.Compare(change.Safety, f.safety)) {
		case 1:
			fresh = fresh || !same
			*f = content{value: change.Value, time: at, safety: change.Safety, event: event, changed: true}
		case 0:
			// Neither is later or safer. Both are news; which of them stays does not depend on who comes first.
			fresh = fresh || !same
			if change.Value > f.value {
				*f = content{value: change.Value, time: at, safety: change.Safety, event: event, changed: true}
			}
		default:
			late = late || !same || at < f.time
		}
	}
	switch {
	case fresh:
		return webhook.Fresh
	case late:
		return webhook.Late
	}
	return webhook.Unchanged
}

// A Fact is what is known of one aspect of an account, a phone, a template or a contact.
type Fact struct {
	Entity string          `json:"entity"` // see [webhook.AccountEntity], [webhook.PhoneEntity], [webhook.TemplateEntity], [webhook.ContactEntity]
	Aspect string          `json:"aspect"`
	Value  json.RawMessage `json:"value"`
	Time   time.Time       `json:"time"`  // of the event
	Event  string          `json:"event"` // id of the event that says so
}

// Facts returns what is known of an entity and of the entities right below it, by entity and aspect, at most limit facts.
// Below account are all accounts, below phone/{account} its phones, below template/{account} its templates, below
// contact/{phone} its contacts.
func (s *Store) Facts(ctx context.Context, entity string, limit int) ([]Fact, error) {
	var facts []Fact
	const query = `SELECT entity, aspect, value, time, event FROM facts
		WHERE entity = ? OR parent = ? ORDER BY entity, aspect LIMIT ?`
	err := s.read().each(ctx, query, []any{text(entity), text(entity), limit}, func(r row) error {
		var f Fact
		var at int64
		if err := r.Scan(&f.Entity, &f.Aspect, (*[]byte)(&f.Value), &at, &f.Event); err != nil {
			return err
		}
		f.Time = time.UnixMicro(at).UTC()
		facts = append(facts, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read facts: %w", err)
	}
	return facts, nil
}
