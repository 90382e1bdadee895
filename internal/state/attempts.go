package state

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/webhook"
)

// Attempts lie in the row that owed, or owes, what they were about, each after a line feed: a JSON array of the event's id,
// packed and in base64, when it began and how long it took in microseconds, its number, outcome, status, when the next is due, and
// the reason; zeros at the end are left out. Of those in a row the oldest give way, perhaps half of one; the line feed shows
// where the first whole one begins.
const (
	attemptsPerRow = 16 << 10 // characters
	longestReason  = 200      // bytes
)

// noted is what the attempts of a row become when so many characters of the old ones may stay (twice) and lines are added;
// notedOf is the same for many rows.
const (
	noted = `CASE WHEN length(attempts) > CAST(? AS INTEGER) THEN substr(attempts, length(attempts) - CAST(? AS INTEGER) + 1)
		ELSE attempts END || CAST(? AS TEXT)`
	notedOf = `CASE WHEN length(attempts) > CAST(done.room AS INTEGER) THEN substr(attempts, length(attempts) - CAST(done.room AS INTEGER) + 1)
		ELSE attempts END || CAST(done.lines AS TEXT)`
)

// roomFor is how many characters of other attempts may be in a row with these.
func roomFor(lines string) int64 { return int64(max(0, attemptsPerRow-len(lines))) }

// encodeAttempts makes lines of attempts, of as many of the last as fit in a row.
func encodeAttempts(attempts []webhook.Attempt) string {
	var lines []string
	size := 0
	for _, a := range slices.Backward(attempts) {
		line := encodeAttempt(a)
		if size += len(line); size > attemptsPerRow {
			break
		}
		lines = append(lines, line)
	}
	slices.Reverse(lines)
	return strings.Join(lines, "")
}

func encodeAttempt(a webhook.Attempt) string {
	next := int64(0)
	if !a.Next.IsZero() {
		next = a.Next.UnixMicro()
	}
	reason := a.Reason
	if len(reason) > longestReason {
		reason = strings.ToValidUTF8(reason[:longestReason], "")
	}
	fields := []any{shorten(a.Event), a.At.UnixMicro(), a.Took.Microseconds(), a.Number, a.Outcome, a.Status, next, reason}
	for n := len(fields); n > 1 && (fields[n-1] == 0 || fields[n-1] == int64(0) || fields[n-1] == ""); n-- {
		fields = fields[:n-1]
	}
	line, _ := json.Marshal(fields) // strings and numbers always can be
	return "\n" + string(line)
}

func shorten(event string) string { return base64.RawStdEncoding.EncodeToString(packEvent(event)) }

// decodeAttempts reads what a row holds, the oldest first. A line that was cut, or says what this version does not know, is
// left out.
func decodeAttempts(text string) []webhook.Attempt {
	var all []webhook.Attempt
	for i, line := range strings.Split(text, "\n") {
		if a, ok := decodeAttempt(line); i > 0 && ok {
			all = append(all, a)
		}
	}
	return all
}

func decodeAttempt(line string) (webhook.Attempt, bool) {
	var a webhook.Attempt
	var event string
	var at, took, next int64
	fields := []any{&event, &at, &took, &a.Number, &a.Outcome, &a.Status, &next, &a.Reason}
	if err := json.Unmarshal([]byte(line), &fields); err != nil {
		return a, false
	}
	key, err := base64.RawStdEncoding.DecodeString(event)
	if err != nil {
		return a, false
	}
	a.Event, a.At, a.Took = unpackEvent(key), time.UnixMicro(at).UTC(), time.Duration(took)*time.Microsecond
	if next != 0 {
		a.Next = time.UnixMicro(next).UTC()
	}
	return a, true
}

// An AttemptQuery asks for attempts, by what all of its members that are not empty ask for.
type AttemptQuery struct {
	Event       string // id
	Workflow    string // that owed it, or owed it first
	Webhook     string // id; only what the workflow that recorded it owed
	Destination string
	Limit       int // 0: as many as there are rows for
}

// An Attempted is an attempt, with what it was about.
type Attempted struct {
	Destination string
	Workflow    string // that owed it
	webhook.Attempt
}

// AttemptsOf returns attempts, the latest first. They are found for as long as what they were about is owed, and for the time
// of [Options] after.
//
// An event, a webhook or a workflow leads to the rows that hold them, wherever debts were parted; only what was replayed has to be
// searched through. Without any of them the rows that were settled last and those that are owed for longest are looked at,
// as many as Limit.
func (s *Store) AttemptsOf(ctx context.Context, q AttemptQuery) ([]Attempted, error) {
	all, err := s.attemptsOf(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("read attempts: %w", err)
	}
	return all, nil
}

const attemptRows = 1000 // that are looked at for a destination if there is no limit

func (s *Store) attemptsOf(ctx context.Context, q AttemptQuery) ([]Attempted, error) {
	c := s.read()
	var wheres []string
	var args [][]any
	look := func(where string, arg ...any) { wheres, args = append(wheres, where), append(args, arg) }
	recorder, err := s.recorder(ctx, c, q)
	switch {
	case err != nil:
		return nil, err
	case q.Workflow != "":
		look("workflow = ?", q.Workflow)
		look("origin = ?", q.Workflow)
	case q.Event != "" || q.Webhook != "":
		if recorder != "" {
			look("workflow = ?", recorder)
			look("origin = ?", recorder)
		}
		if q.Event != "" {
			look("origin = '' AND attempts LIKE ?", "%"+shorten(q.Event)+"%")
		}
	default:
		limit := cmp.Or(q.Limit, attemptRows)
		where, of := "", []any{}
		if q.Destination != "" {
			where, of = " AND destination = ?", []any{q.Destination}
		}
		for _, rows := range []string{
			"settled_at IS NOT NULL AND attempts <> ''" + where + " ORDER BY settled_at DESC",
			"settled_at IS NULL AND handed_at IS NULL AND attempts <> ''" + where + " ORDER BY created_at",
			"settled_at IS NULL AND handed_at IS NOT NULL AND attempts <> ''" + where + " ORDER BY seq",
		} {
			look(rows+" LIMIT "+strconv.Itoa(limit), of...) // in words: the planner must know that it is few
		}
	}
	seen := map[Attempted]bool{} // a settlement that was repeated notes them twice
	var all []Attempted
	for i, where := range wheres {
		err := c.each(ctx, "SELECT destination, workflow, attempts FROM outbox WHERE "+where, args[i], func(r row) error {
			var a Attempted
			var text string
			if err := r.Scan(&a.Destination, &a.Workflow, &text); err != nil {
				return err
			}
			if q.Destination != "" && a.Destination != q.Destination {
				return nil
			}
			for _, a.Attempt = range decodeAttempts(text) {
				if (q.Event == "" || a.Event == q.Event) && !seen[a] {
					seen[a] = true
					all = append(all, a)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(all, func(a, b Attempted) int { return b.At.Compare(a.At) })
	if q.Webhook != "" {
		if all, err = ofWebhook(ctx, c, all, q.Webhook); err != nil {
			return nil, err
		}
	}
	if q.Limit > 0 && len(all) > q.Limit {
		all = all[:q.Limit]
	}
	return all, nil
}

// recorder finds who recorded the event or the webhook that is asked for; "" if none is, or it is not in the log.
func (s *Store) recorder(ctx context.Context, c conn, q AttemptQuery) (workflow string, err error) {
	if q.Event == "" {
		if q.Webhook == "" {
			return "", nil
		}
		return s.Workflow(ctx, q.Webhook)
	}
	const query = "SELECT workflow FROM events WHERE id = ?"
	err = c.each(ctx, query, []any{packEvent(q.Event)}, func(r row) error { return r.Scan(&workflow) })
	return workflow, err
}

// ofWebhook leaves out the attempts to tell of what was in other webhooks.
func ofWebhook(ctx context.Context, c conn, all []Attempted, id string) ([]Attempted, error) {
	ids := make([]string, len(all))
	for i, a := range all {
		ids[i] = a.Event
	}
	slices.Sort(ids)
	log, err := lightByID(ctx, c, slices.Compact(ids))
	return slices.DeleteFunc(all, func(a Attempted) bool { return log[a.Event].Webhook != id }), err
}
