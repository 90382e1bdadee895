package intake

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"holdfast/internal/spool"
	"holdfast/internal/webhook"
)

// A shape says how a lane groups.
type shape struct {
	slots int // starts at a time
	step  int // with n starts under way, another begins only when more than n times as many wait
	most  int // webhooks in a group
}

// A lane groups what waits for a start.
type lane struct {
	shape
	intake  *Intake
	name    string
	queue   *spool.Queue
	metrics *laneMetrics

	mu       sync.Mutex
	waiting  []*item            // in order of arrival
	pending  map[string]*item   // waiting or being started, by source and id
	hedged   map[string]*hedged // webhooks on disk whose start was slow, by source and id
	starting int                // slots that are taken
	watched  bool               // somebody looks again when the first that waits has waited long enough
}

// An item is a webhook that somebody waits for.
type item struct {
	record
	since time.Time
	done  chan struct{} // closed when err is final
	err   error

	settled bool // guarded by the lane's mu, as is the next
	waiters int  // guarded by the lane's mu; an item that nobody waits for any more is not started
}

func newLane(in *Intake, name string, q *spool.Queue, s shape) *lane {
	return &lane{shape: s, intake: in, name: name, queue: q, pending: map[string]*item{}, hedged: map[string]*hedged{}}
}

// add puts a webhook into the lane. If the same one is there already, both wait for the same; first is false then.
func (l *lane) add(w webhook.Webhook, peek webhook.Peek) (it *item, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	it = &item{record: record{w, peek}, since: time.Now(), done: make(chan struct{}), waiters: 1}
	if same := l.pending[it.key()]; same != nil {
		same.waiters++
		return same, false
	}
	l.pending[it.key()] = it
	l.waiting = append(l.waiting, it)
	l.turn()
	return it, true
}

// leave is for those who cannot wait any longer.
func (l *lane) leave(it *item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	it.waiters--
}

// turn begins what can begin now. The lock is held.
func (l *lane) turn() {
	if len(l.waiting) > 0 && l.intake.breaker.reason() != "" && l.queue.Err() == nil {
		l.spill(len(l.waiting), spilledAway)
	}
	for len(l.waiting) > l.starting*l.step && l.starting < l.slots {
		if group := l.take(); len(group) > 0 {
			l.starting++
			go l.start(group)
		}
	}
	if len(l.waiting) > 0 && !l.watched {
		l.watch()
	}
}

// watch has somebody look when the first that waits has waited long enough; if it has, and nothing could be done for it,
// a while later. The lock is held.
func (l *lane) watch() {
	l.watched = true
	wait := patience - time.Since(l.waiting[0].since)
	if wait <= 0 {
		wait = patience
	}
	time.AfterFunc(wait, l.overdue)
}

// take takes the next group out of those that wait. The lock is held.
func (l *lane) take() []*item {
	var group []*item
	bytes, n := 0, 0
	for _, it := range l.waiting {
		if bytes += len(it.Webhook.Body); len(group) == l.most || len(group) > 0 && bytes > rawBytes {
			break
		}
		n++
		if it.waiters == 0 {
			l.forget(it)
			continue
		}
		group = append(group, it)
	}
	l.drop(n)
	return group
}

// drop takes the first n out of those that wait. The lock is held.
func (l *lane) drop(n int) {
	clear(l.waiting[:n])
	if l.waiting = l.waiting[n:]; len(l.waiting) == 0 {
		l.waiting = nil // what is in front of the slice is free again
	}
}

func (l *lane) forget(it *item) { delete(l.pending, it.key()) }

// overdue sends to the spool who has waited long enough, and with them who soon will have: they share a write.
func (l *lane) overdue() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watched = false
	n := 0
	for n < len(l.waiting) && time.Since(l.waiting[n].since) >= patience*3/4 {
		n++
	}
	if n > 0 && l.queue.Err() == nil {
		l.spill(n, spilledWaited)
	}
	l.turn()
}

// spill sends the first n of those that wait to the spool. The lock is held.
func (l *lane) spill(n int, why string) {
	group := make([]*item, 0, n)
	for _, it := range l.waiting[:n] {
		if it.waiters == 0 {
			l.forget(it)
			continue
		}
		group = append(group, it)
	}
	l.drop(n)
	go l.keep(group, why)
}

// start starts a workflow for a group, and settles the group whatever comes of that.
func (l *lane) start(group []*item) {
	group = l.fitting(group)
	for _, it := range group {
		l.metrics.wait.Observe(time.Since(it.since).Seconds())
	}
	answer := make(chan error, 1)
	go func() { answer <- l.intake.start(l, records(group), startDeadline) }()
	slow := time.NewTimer(hedgeAfter - time.Since(group[0].since))
	defer slow.Stop()
	var err error
	var onDisk chan *hedged // what became of the hedge; nil: there is none
	select {
	case err = <-answer:
	case <-slow.C:
		onDisk = make(chan *hedged, 1)
		go func() { onDisk <- l.hedge(group) }() // a disk may hang while Temporal answers
		err = <-answer
	}

	l.mu.Lock()
	l.starting--
	l.turn()
	l.mu.Unlock()

	if started := err == nil || errors.Is(err, webhook.ErrDuplicate); started {
		l.settle(group, err)
	}
	if onDisk != nil {
		if h := <-onDisk; h != nil {
			l.resolve(group, h, err)
			return
		}
	}
	switch {
	case err == nil, errors.Is(err, webhook.ErrDuplicate):
	case errors.Is(err, webhook.ErrUnprocessable) && len(group) > 1:
		for _, it := range group { // one of them is to blame, and must not harm the others
			l.single(it)
		}
	case errors.Is(err, webhook.ErrUnprocessable):
		l.aside(group[0], err)
	default:
		l.keep(group, spilledFailed)
	}
}

// A hedged is a group that is on disk and in a start at the same time.
type hedged struct{ started bool }

// hedge puts a group on disk whose start is slow, so that nobody has to wait for that; nil if it cannot. It will not be
// started from there before it is known what became of the start.
func (l *lane) hedge(group []*item) *hedged {
	if l.queue.Err() != nil {
		return nil
	}
	h := &hedged{}
	l.mu.Lock()
	for _, it := range group {
		l.hedged[it.key()] = h
	}
	l.mu.Unlock()
	if err := l.write(group, spilledSlow); err != nil {
		l.unhedge(group, h)
		l.intake.log.Warn("Webhooks whose start is slow cannot be spooled; they wait for it", "queue", l.name, "error", err)
		return nil
	}
	l.settle(group, nil)
	return h
}

// resolve tells those who drain the spool what became of a start that was hedged.
func (l *lane) resolve(group []*item, h *hedged, err error) {
	if err != nil && !errors.Is(err, webhook.ErrDuplicate) {
		l.unhedge(group, h)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	h.started = true
}

// unhedge forgets a hedge, but for what has been hedged again since.
func (l *lane) unhedge(group []*item, h *hedged) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, it := range group {
		if l.hedged[it.key()] == h {
			delete(l.hedged, it.key())
		}
	}
}

// whereabouts is what is known of a webhook on disk: that its start is under way, that it has succeeded, or nothing. That it
// has is asked once.
func (l *lane) whereabouts(r record) (underWay, started bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.hedged[r.key()]
	if h == nil {
		return false, false
	}
	if h.started {
		delete(l.hedged, r.key())
	}
	return !h.started, h.started
}

// fitting cuts a group to what may be stored. What is cut off waits again, in front.
func (l *lane) fitting(group []*item) []*item {
	raw := 0
	for _, it := range group {
		raw += len(it.Webhook.Body)
	}
	for raw > groupBytes && len(group) > 1 {
		webhooks, _ := merge(records(group))
		if size, _, err := l.intake.starter.Size(webhooks); err == nil && size <= groupBytes {
			break
		}
		half := len(group) / 2
		l.mu.Lock()
		l.waiting = append(append([]*item(nil), group[half:]...), l.waiting...)
		l.turn()
		l.mu.Unlock()
		group = group[:half]
		raw = 0
		for _, it := range group {
			raw += len(it.Webhook.Body)
		}
	}
	return group
}

// single starts a webhook alone.
func (l *lane) single(it *item) {
	err := l.intake.start(l, []record{it.record}, startDeadline)
	switch {
	case errors.Is(err, webhook.ErrUnprocessable):
		l.aside(it, err)
	case err == nil, errors.Is(err, webhook.ErrDuplicate):
		l.settle([]*item{it}, err)
	default:
		l.keep([]*item{it}, spilledFailed)
	}
}

// aside keeps a webhook that Temporal will not take: it is durable, and somebody must look.
func (l *lane) aside(it *item, why error) {
	data, err := l.intake.codec.Encode(it.record)
	if err == nil {
		err = l.intake.setAside(data, why)
	}
	l.settle([]*item{it}, err)
}

// keep puts a group on disk.
func (l *lane) keep(group []*item, why string) {
	if len(group) == 0 {
		return
	}
	l.settle(group, l.write(group, why))
}

func (l *lane) write(group []*item, why string) error {
	entries := make([][]byte, len(group))
	for i, it := range group {
		data, err := l.intake.codec.Encode(it.record)
		if err != nil {
			return fmt.Errorf("encode webhook for the spool: %w", err)
		}
		entries[i] = data
	}
	if err := l.queue.Append(entries...); err != nil {
		return fmt.Errorf("spool webhook: %w", err)
	}
	l.metrics.spilled[why].Add(float64(len(group)))
	return nil
}

// settle tells everybody who waits for a group what became of it. What was told before stands.
func (l *lane) settle(group []*item, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, it := range group {
		if it.settled {
			continue
		}
		l.forget(it)
		it.settled, it.err = true, err
		close(it.done)
	}
}

// busy reports whether so many wait that a start for those on disk would keep them waiting.
func (l *lane) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.starting > 0 && len(l.waiting) > l.step/2
}

func records(group []*item) []record {
	out := make([]record, len(group))
	for i, it := range group {
		out[i] = it.record
	}
	return out
}
