package activities

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"holdfast/internal/webhook"
)

const (
	lookEvery        = 200 * time.Millisecond // for what was recorded, and whether it may be told
	readAtLeast      = 256                    // events, at a time
	maxWaiting       = 10_000                 // events in memory
	rescanEvery      = 5 * time.Second        // from the beginning, where more wait than are read at a time
	rescanShare      = 20                     // times as long as it takes, at least
	givenBack        = time.Second            // before what was given back is told: its workflow has ended by then, and can begin anew
	settleAgain      = time.Second
	patienceWithBase = 30 * time.Second // with a database that does not answer
	beginning        = -1               // a sequence before all others
)

// A reader is what a session knows of what is owed.
type reader struct {
	items    map[owed]*item // that are not settled
	limit    int            // of them
	read     int            // how many, ever
	cursor   int64          // the sequence up to which all was read
	unread   bool           // there was more to read
	nextLook time.Time
	rescan   time.Time
	begun    bool
	broken   time.Time // since when the database does not answer
}

// owed names what is owed.
type owed struct{ workflow, event string }

// room is how many events may be read.
func (r *reader) room() int { return max(0, r.limit-len(r.items)) }

// look finds out whether the destination may be told, and reads what it is owed, when it is time to, or when little is left of
// what was read.
func (s *session) look(ctx context.Context, now time.Time) {
	little := s.ready.items < s.policy.Parallel*s.policy.Batch && s.room() > 0
	if now.Before(s.nextLook) && !(s.unread && little && s.broken.IsZero()) {
		return
	}
	if s.begun && now.After(s.ends) {
		s.finish(nil)
		return
	}
	asking, cancel := context.WithTimeout(ctx, patienceWithBase) // or nobody would notice one that never answers
	defer cancel()
	err := s.allowed(asking)
	if err == nil && !s.ending {
		err = s.readSome(asking, now)
	}
	s.nextLook = time.Now().Add(lookEvery*3/4 + rand.N(lookEvery/2))
	if s.begun = true; err != nil {
		s.fails(ctx, err, now)
		return
	}
	s.broken = time.Time{}
}

// allowed ends the session if the destination is held, but for the hold with which it began, or not told like this any more.
func (s *session) allowed(ctx context.Context) error {
	hold, err := s.Ledger.Held(ctx, s.destination)
	if err != nil {
		return err
	}
	if hold != nil && (s.begun || hold.Cause == webhook.ByOperator) {
		s.paused = true
		s.finish(nil)
		return nil
	}
	if hold != nil {
		s.held, s.probes = true, hold.Probes
	}
	policy, _ := s.Notifier.Policy(s.destination)
	if !policy.Own || policy.Ordered != s.ordered {
		s.finish(nil)
		return nil
	}
	s.policy = usable(policy)
	s.pace(time.Now())
	return nil
}

// readSome reads what is owed and not known. Few are read from the beginning: what has a lower sequence may come later, where
// there is no order, or was given back. Of many that is done now and then.
func (s *session) readSome(ctx context.Context, now time.Time) error {
	most := min(max(readAtLeast, 2*s.policy.Parallel*s.policy.Batch), s.room())
	after, all := s.cursor, len(s.items) <= readAtLeast || !now.Before(s.rescan)
	if !all {
		var err error
		if all, err = s.dropped(ctx); err != nil {
			return err
		}
	}
	switch {
	case all:
		after, most = beginning, most+len(s.items)
	case most == 0:
		return nil
	}
	debts, err := s.Ledger.Handed(ctx, s.destination, ever(), after, most)
	if err != nil {
		return err
	}
	seen := map[owed]bool{}
	n := 0
	s.cursor = after
	for _, debt := range debts {
		n += len(debt.Events) + len(debt.Lost)
		s.cursor = debt.Sequence
		for _, e := range debt.Events {
			key := owed{debt.Workflow, e.ID}
			if seen[key] = true; s.items[key] == nil {
				s.keep(key, debt, e, now)
			}
		}
		if len(debt.Lost) > 0 {
			s.lost[debt.Workflow] = webhook.Settlement{Events: debt.Lost, How: settledLost}
		}
	}
	s.unread = n >= most
	if all {
		s.rescan = time.Now().Add(max(rescanEvery, rescanShare*time.Since(now)))
		s.forget(seen, now)
	}
	return nil
}

// dropped reports whether the first of what waits is not owed any more. What operators let go is the oldest: then most of what
// was read may have to be forgotten, before it is told.
func (s *session) dropped(ctx context.Context) (bool, error) {
	first := s.oldest()
	if first == nil {
		return false, nil
	}
	debts, err := s.Ledger.Handed(ctx, s.destination, ever(), first.sequence-1, 1)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(debts, func(d webhook.Debt) bool {
		return d.Workflow == first.Workflow && slices.ContainsFunc(d.Events, func(e webhook.Event) bool { return e.ID == first.Event.ID })
	}), nil
}

// keep keeps an event in mind.
func (s *session) keep(key owed, debt webhook.Debt, e webhook.Event, now time.Time) {
	t := webhook.Telling{Event: e, Workflow: debt.Workflow, OutOfOrder: s.ordered && (debt.Handed.After(debt.Since) || late(debt.Workflow))}
	i := &item{try: try{Telling: t}, sequence: debt.Sequence, place: s.read, since: debt.Handed}
	s.read++
	s.items[key] = i
	var until time.Time
	if strings.HasPrefix(debt.Workflow, partedPrefix) {
		until = now.Add(givenBack)
	}
	s.add(i, s.name(t), until, now)
}

// forget lets go what waits and is not owed any more, because an operator said so, as far as all was seen.
func (s *session) forget(seen map[owed]bool, now time.Time) {
	for key, i := range s.items {
		if !i.away && !seen[key] && (i.sequence <= s.cursor || !s.unread) {
			s.remove(i, now)
			delete(s.items, key)
		}
	}
}

// fails notes that the database did not answer what was asked at a time. It may for a while, which harms nobody: nothing is told
// meanwhile.
func (s *session) fails(ctx context.Context, err error, now time.Time) {
	if s.broken.IsZero() {
		s.broken = now
	}
	if time.Since(s.broken) >= patienceWithBase || ctx.Err() != nil {
		s.finish(err)
	}
}

// A settler writes what became of events, all that came meanwhile at once.
type settler struct {
	notes    []note // to be written
	writing  []note // being written
	settling bool
	done     chan error
	retry    time.Time // when it is tried again what failed; zero if nothing did
	lost     map[string]webhook.Settlement
}

// A note is what became of an event in some attempts.
type note struct {
	try     *try
	problem string // why it parts; empty: it does not
	item    *item  // that is done with; nil: it waits for another attempt
}

// note has it written what became of an event. Done says that nothing is left to be done for it.
func (s *session) note(i *item, problem string, done bool) {
	t := i.try
	n := note{try: &t, problem: problem}
	if i.attempts = nil; done {
		n.item = i
	}
	if done || len(t.attempts) > 0 {
		s.notes = append(s.notes, n)
	}
}

// behind reports whether so much is not settled that nothing should be told.
func (s *session) behind() bool {
	return len(s.notes)+len(s.writing) >= maxUnsettled || !s.retry.IsZero() || !s.broken.IsZero()
}

// settleSome begins to write what there is to write, if nothing is being written.
func (s *session) settleSome(ctx context.Context, now time.Time) {
	if s.settling || len(s.notes) == 0 && len(s.lost) == 0 || now.Before(s.retry) {
		return
	}
	s.settling, s.writing, s.notes = true, s.notes, nil
	notes, lost := s.writing, s.lost
	s.lost = map[string]webhook.Settlement{}
	go func() { s.done <- s.write(ctx, notes, lost) }()
}

func (s *session) write(ctx context.Context, notes []note, lost map[string]webhook.Settlement) error {
	var tries []*try
	var partings []parting
	for _, n := range notes {
		if tries = append(tries, n.try); n.problem != "" {
			partings = append(partings, newParting(n.try, n.problem))
		}
	}
	return s.drain.settle(ctx, lost, tries, partings)
}

// settled notes whether what was to be written is.
func (s *session) settled(err error, now time.Time) {
	notes := s.writing
	s.settling, s.writing = false, nil
	if err != nil {
		s.notes = slices.Concat(notes, s.notes)
		s.retry = now.Add(settleAgain)
		s.fails(context.Background(), err, now)
		return
	}
	s.retry, s.broken = time.Time{}, time.Time{}
	for _, n := range notes {
		if n.item != nil {
			delete(s.items, owed{n.item.Workflow, n.item.Event.ID})
		}
	}
}

// end writes what is left to be written, and says how the session ended.
func (s *session) end(ctx context.Context) error {
	if len(s.notes) > 0 {
		if err := s.write(ctx, s.notes, maps.Clone(s.lost)); s.err == nil {
			s.err = err
		}
	}
	return s.err
}
