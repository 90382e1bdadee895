package activities

import (
	"context"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"holdfast/internal/webhook"
)

const (
	sessionTime  = time.Hour
	firstBackoff = time.Second // of an event that failed; doubles
	lastBackoff  = time.Minute
	leastTries   = 7                      // in about a minute, however old it is: it may have waited for days while nobody was told
	firstRest    = 250 * time.Millisecond // of all, when several events have failed and nothing was taken; doubles
	lastRest     = 2 * time.Second
	mostPatience = time.Minute     // with a destination that asks to be left alone: if it asks for more, it is held,
	patience     = 5 * time.Minute // or if it takes nothing for so long
	maxUnsettled = 1000            // events; then none is told until some are settled
	tooMany      = "; more waited behind it than can be kept"
)

// A session is a drain of a destination that nobody else tells: for about an hour it tells what was recorded, soon after it
// was.
//
// A destination with a rate is told no more than that. One that is ordered is told one event of an account after the other,
// in the order of their sequences, and several accounts at once. An event that fails while others are taken is tried again,
// after ever longer pauses; if there is an order nothing of its account overtakes it, and nobody else waits for it. When its
// horizon is over, or when so much waits behind such events that no more can be kept in memory, it is parked.
//
// All of it happens in one goroutine, but for attempts and settlements. What is read twice is known by what is in memory:
// only what is settled is forgotten, and that is noted in the goroutine that reads.
type session struct {
	*drain
	*roster
	reader
	settler
	watch  watch
	bucket *rate.Limiter // nil: there is no rate

	underWay int
	results  chan result
	failing  int       // failures of events that fail for the first time, since it last took something
	taken    time.Time // when that was
	asked    time.Time // since when it takes nothing and asks to be left alone
	rest     time.Time // before which nothing is tried
	tokens   time.Time // when the rate allows the next
	because  string    // it failed last

	held   bool // when it began
	ends   time.Time
	ending bool
	err    error
}

// A result is what became of a batch.
type result struct {
	batch []*item
	seen  []seen
}

// A seen is an attempt for some of a batch, with the items for which it was.
type seen struct {
	items   []*item
	verdict *webhook.Verdict
}

// newSession makes a session of a destination that was tried last at a time, if it has a rate.
func newSession(d *drain, last time.Time) *session {
	s := &session{drain: d, roster: newRoster(d.policy.Ordered), results: make(chan result), ends: time.Now().Add(sessionTime)}
	s.reader.items, s.reader.limit = map[owed]*item{}, maxWaiting
	s.settler.done = make(chan error, 1)
	s.settler.lost = map[string]webhook.Settlement{}
	s.pace(last)
	return s
}

// pace sets the rate. A bucket holds what may be told in a second, and was empty when the destination was last tried.
func (s *session) pace(last time.Time) {
	limit, burst := rate.Limit(s.policy.Rate), max(1, int(s.policy.Rate))
	switch {
	case s.policy.Rate <= 0:
		s.bucket = nil
	case s.bucket == nil:
		if s.bucket = rate.NewLimiter(limit, burst); !last.IsZero() {
			if now := time.Now(); last.After(now) { // by another worker's clock; the bucket would stay empty until then
				last = now
			}
			s.bucket.AllowN(last, burst)
		}
	case s.bucket.Limit() != limit:
		s.bucket.SetLimit(limit)
		s.bucket.SetBurst(burst)
	}
}

func (s *session) run(ctx context.Context) error {
	s.look(ctx, time.Now())
	s.probe(ctx)
	stop, done := s.stop, ctx.Done()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		now := time.Now()
		s.wake(now)
		if !s.ending {
			s.look(ctx, now)
		}
		if !s.ending {
			s.dispatch(ctx, now)
		}
		s.settleSome(ctx, now)
		if s.ending && s.underWay == 0 && !s.settling {
			return s.end(ctx)
		}
		s.report(now)
		timer.Reset(time.Until(s.due(now)))
		select {
		case r := <-s.results:
			s.underWay--
			s.took(r, time.Now())
		case err := <-s.done:
			s.settled(err, time.Now())
		case <-timer.C:
		case <-stop:
			stop = nil
			s.finish(errStopping)
		case <-done:
			done = nil // the workflow goes on in another run, or somebody else has taken over
			s.finish(nil)
		}
	}
}

// finish begins nothing any more.
func (s *session) finish(err error) {
	if !s.ending {
		s.ending, s.err = true, err
	}
}

// probe asks a destination that is held with one event after the other, until it takes one, or some have failed, or all. It is
// released if it takes one, or if there is nothing to ask with.
func (s *session) probe(ctx context.Context) {
	if s.ending || !s.held {
		return
	}
	heads := sample(s.heads(), s.probes)
	for n, i := range heads {
		if !s.drain.more(nil) {
			s.finish(errStopping)
		}
		if ctx.Err() != nil {
			s.finish(nil)
		}
		if s.ending {
			return
		}
		now := time.Now()
		if s.bucket != nil {
			s.bucket.ReserveN(now, 1) // what comes after it waits
		}
		s.tried(now)
		r := s.attempt(ctx, s.draw(i.lane, 1), s.bucket)
		why := trouble{reason: busy}
		if i.verdict != nil {
			why = troubleOf(i.verdict)
		}
		if now = time.Now(); i.kind() != webhook.Told && i.kind() != webhook.Refused && (n == len(heads)-1 || why.wait > 0) {
			s.fall(why, now)
		}
		if s.took(r, now); s.alive || s.trouble != nil {
			break
		}
	}
	if s.trouble != nil || s.ending {
		return
	}
	if err := s.Ledger.Release(ctx, s.destination); err != nil {
		s.finish(err)
	}
}

// dispatch begins attempts, as many as may be under way and as the rate allows.
func (s *session) dispatch(ctx context.Context, now time.Time) {
	s.relieve(now)
	for s.underWay < s.policy.Parallel && s.ready.Len() > 0 && !now.Before(s.rest) && !s.behind() {
		most := s.policy.Batch
		if s.bucket != nil {
			have := s.bucket.TokensAt(now)
			if have < 1 {
				s.tokens = now.Add(time.Duration((1-have)/s.policy.Rate*float64(time.Second)) + time.Millisecond)
				return
			}
			most = min(most, int(have))
		}
		batch := s.take(most)
		if s.bucket != nil {
			s.bucket.AllowN(now, len(batch))
		}
		s.tried(now)
		s.underWay++
		bucket := s.bucket
		go func() { s.results <- s.attempt(ctx, batch, bucket) }()
	}
}

// tried notes when a destination with a rate is tried.
func (s *session) tried(now time.Time) {
	if s.bucket != nil {
		s.mu.Lock()
		s.progress.Last = now.UTC()
		s.mu.Unlock()
	}
}

// attempt makes one attempt for a batch.
func (s *session) attempt(ctx context.Context, batch []*item, bucket *rate.Limiter) result {
	r := result{batch: batch}
	tries := make([]*try, len(batch))
	of := make(map[*try]*item, len(batch))
	for n, i := range batch {
		tries[n] = &i.try
		of[&i.try] = i
	}
	failed := map[*lane]bool{}
	more := func(t *try) bool {
		select {
		case <-s.stop:
			return false
		default:
		}
		return !(s.ordered && failed[of[t].lane]) && (bucket == nil || bucket.Wait(ctx) == nil)
	}
	attempt(ctx, whole{s.Notifier, s.Ledger}, s.destination, tries, more, func(tries []*try, verdict *webhook.Verdict) {
		var items []*item
		for _, t := range tries {
			items = append(items, of[t])
			failed[of[t].lane] = verdict != nil && verdict.Kind != webhook.Refused
		}
		r.seen = append(r.seen, seen{items, verdict})
	})
	return r
}

// took notes what became of a batch.
func (s *session) took(r result, now time.Time) {
	for _, x := range r.seen {
		s.judge(x, now)
	}
	var waiting, alone []*item
	for _, i := range r.batch {
		switch i.kind() {
		case webhook.Told:
			s.note(i, "", true)
		case webhook.Refused:
			s.note(i, refusedAs(&i.try).problem, true)
		case webhook.Deferred:
			waiting = append(waiting, i)
			s.note(i, "", false)
		default:
			switch until, problem := s.failed(i, now); {
			case problem != "":
				s.note(i, problem, true)
			case s.ordered:
				i.lane.until = later(i.lane.until, until)
				waiting = append(waiting, i)
				s.note(i, "", false)
			default:
				alone = append(alone, i)
				s.note(i, "", false)
			}
		}
	}
	s.back(r.batch, waiting, now)
	for _, i := range alone { // it holds up nobody
		s.add(i, "alone "+i.Workflow+" "+i.Event.ID, s.again(i, now), now)
	}
}

// judge draws from an attempt what it says of the destination.
func (s *session) judge(x seen, now time.Time) {
	v := x.verdict
	if v == nil || v.Kind == webhook.Refused {
		if v == nil {
			s.mu.Lock()
			s.progress.Told += len(x.items)
			s.mu.Unlock()
		}
		s.alive, s.taken, s.failing, s.asked = true, now, 0, time.Time{}
		s.watch.saw(s.destination, nil, now)
		return
	}
	counts := v.Kind == webhook.Gone || slices.ContainsFunc(x.items, func(i *item) bool {
		return i.failed == 0 || s.taken.Before(i.first) // since it failed first nothing else was taken: it may not be the event's fault
	})
	switch {
	case v.Kind == webhook.Deferred:
		s.rest = later(s.rest, now.Add(placeWithin))
	case v.RetryAfter > mostPatience:
		s.fall(troubleOf(v), now)
		return
	case v.RetryAfter > 0:
		s.because, s.rest = v.Reason, later(s.rest, now.Add(v.RetryAfter))
		if s.asked.IsZero() {
			s.asked = now
		}
		if counts = now.Sub(s.asked) > patience; counts {
			s.fall(troubleOf(v), now)
		}
	default:
		if s.because = v.Reason; counts {
			s.failing++
		}
		if s.failing >= giveUpAfter {
			s.rest = later(s.rest, now.Add(min(firstRest<<min(s.failing-giveUpAfter, 8), lastRest)))
		}
	}
	if counts {
		s.watch.saw(s.destination, v, now)
	}
	if why, yes := s.watch.due(s.destination, now); yes {
		s.fall(why, now)
	}
}

// fall notes that the destination is in trouble: it is held when what is under way has ended.
func (s *session) fall(why trouble, now time.Time) {
	if s.trouble == nil {
		s.trouble, s.next = &why, why.next(now, s.probesAfter())
		s.finish(nil)
	}
}

// failed notes that the last attempt for an event failed, and returns when it is tried again, or why it is not.
func (s *session) failed(i *item, now time.Time) (until time.Time, problem string) {
	if i.failed++; i.failed == 1 {
		i.first = now
	}
	if s.trouble == nil && i.failed >= leastTries && now.Sub(i.since) > s.policy.Horizon {
		return time.Time{}, "unavailable: " + explained(i.verdict.Reason, i.verdict.Advice)
	}
	until = s.again(i, now)
	if s.trouble != nil {
		until = s.next
	}
	i.try.next(until.UTC())
	return until, ""
}

// again is when an event that failed is tried again.
func (s *session) again(i *item, now time.Time) time.Time {
	wait := min(firstBackoff<<min(i.failed-1, 10), lastBackoff)
	return later(now.Add(wait+time.Duration(i.place%16)*wait/64), s.rest) // apart from each other
}

// relieve parks the event that has held up others for longest, if so many wait that no more can be read, and all of them for
// such events.
func (s *session) relieve(now time.Time) {
	if !s.unread || s.blocked.items < s.limit || s.ready.Len() > 0 || now.Before(s.rest) {
		return
	}
	i := s.stuck()
	if i == nil {
		return
	}
	batch := s.draw(i.lane, 1)
	i.lane.until = time.Time{}
	s.note(i, "unavailable: "+explained(i.verdict.Reason+tooMany, i.verdict.Advice), true)
	s.back(batch, nil, now)
}

// due is when there is something to do, unless something comes to an end before.
func (s *session) due(now time.Time) time.Time {
	due := now.Add(lookEvery)
	for _, at := range []time.Time{s.nextLook, s.rest, s.tokens, s.retry} {
		if at.After(now) && at.Before(due) {
			due = at
		}
	}
	if s.blocked.Len() > 0 && s.blocked.lanes[0].until.Before(due) {
		due = s.blocked.lanes[0].until
	}
	return due
}

// report says how it stands, for the next heartbeat.
func (s *session) report(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := progress{DrainResult: s.progress.DrainResult, Waiting: s.ready.items + s.blocked.items, Blocked: s.blocked.Len()}
	if s.rest.Sub(now) > lastRest {
		p.Until = s.rest.UTC()
	}
	if p.Blocked > 0 || !p.Until.IsZero() {
		p.Because = s.because
	}
	s.progress = p
}
