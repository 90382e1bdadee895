package intake

import (
	"context"
	"errors"
	"time"

	"holdfast/internal/spool"
	"holdfast/internal/webhook"
)

// drain starts what is on disk, the oldest first, until the context is done.
func (l *lane) drain(ctx context.Context) {
	for ctx.Err() == nil {
		entries, err := l.queue.Peek(l.most, groupBytes)
		switch {
		case err != nil:
			l.intake.log.Error("Spool cannot be read", "queue", l.name, "error", err)
			pause(ctx, nil, probeEvery)
		case len(entries) == 0:
			pause(ctx, l.queue.Wake(), time.Minute)
		default:
			l.yield(ctx)
			if ctx.Err() == nil && !l.drainGroup(entries) {
				pause(ctx, nil, probeEvery)
			}
		}
	}
}

// look is how often somebody looks whether it is his turn.
const look = 20 * time.Millisecond

// courtesy is how long a group of the bulk lets go first what is urgent on disk, one workflow each. Temporal puts that first
// anyway.
const courtesy = 100 * time.Millisecond

// yield lets others go first: what is urgent, and what somebody waits for. Not for long, so that the spool is drained however
// busy it is, and although something urgent waits there for a storage that is away.
func (l *lane) yield(ctx context.Context) {
	if l != l.intake.urgent {
		for waited := time.Duration(0); waited < courtesy && l.intake.urgent.queue.Stats().Entries > 0 && ctx.Err() == nil; waited += look {
			pause(ctx, nil, look)
		}
	}
	for waited := time.Duration(0); waited < time.Second && l.busy() && ctx.Err() == nil; waited += look {
		pause(ctx, nil, look)
	}
}

// drainGroup starts a workflow for entries of the spool, and reports whether it makes sense to go on at once.
func (l *lane) drainGroup(entries []spool.Entry) bool {
	group, good, ok := l.read(entries)
	if !ok || len(group) == 0 {
		return ok
	}
	err := l.intake.start(l, group, drainDeadline)
	if errors.Is(err, webhook.ErrUnprocessable) || errors.Is(err, webhook.ErrStorage) {
		goOn := true
		for i, r := range group { // one of them is to blame, and must not harm the others
			if l.intake.closing.Err() != nil {
				return false
			}
			if len(group) > 1 {
				err = l.intake.start(l, []record{r}, drainDeadline)
			}
			switch {
			case errors.Is(err, webhook.ErrUnprocessable):
				if !l.discard(good[i], err) {
					return false
				}
			case errors.Is(err, webhook.ErrStorage):
				if !l.postpone(good[i]) {
					return false
				}
				goOn = false
			case !l.drained(good[i:i+1], err):
				return false
			}
		}
		return goOn
	}
	return l.drained(good, err)
}

// read decodes entries up to the first whose start is still under way; it waits for that if it is the very first. What
// cannot be decoded is set aside, and what has been started meanwhile is taken off the disk.
func (l *lane) read(entries []spool.Entry) (group []record, good []spool.Entry, ok bool) {
	raw := 0
	for _, e := range entries {
		var r record
		if err := l.intake.codec.Decode(e.Data, &r); err != nil {
			if !l.discard(e, err) {
				return nil, nil, false
			}
			continue
		}
		switch underWay, started := l.whereabouts(r); {
		case underWay:
			if len(group) == 0 {
				pause(l.intake.closing, nil, look)
			}
			return group, good, true
		case started:
			l.drained([]spool.Entry{e}, nil)
			continue
		}
		if raw += len(r.Webhook.Body); raw > rawBytes && len(group) > 0 {
			break // what is small on disk may be large, and so may its events
		}
		group, good = append(group, r), append(good, e)
	}
	return group, good, true
}

// drained takes what was started off the disk, and reports whether it was.
func (l *lane) drained(entries []spool.Entry, err error) bool {
	if err != nil && !errors.Is(err, webhook.ErrDuplicate) {
		return false
	}
	if err := l.queue.Done(entries); err != nil { // the next process starts them again, and finds that they are duplicates
		l.intake.log.Error("Progress of the spool cannot be noted", "queue", l.name, "error", err)
	}
	l.metrics.drained.Add(float64(len(entries)))
	return true
}

// postpone puts an entry behind the others, which do not need what it needs.
func (l *lane) postpone(e spool.Entry) bool {
	if err := l.queue.Append(e.Data); err != nil {
		l.intake.log.Error("A webhook of the spool cannot be postponed", "queue", l.name, "error", err)
		return false
	}
	if err := l.queue.Done([]spool.Entry{e}); err != nil { // at worst it is there twice, and found to be a duplicate
		l.intake.log.Error("Spool cannot be brought up to date", "queue", l.name, "error", err)
		return false
	}
	return true
}

// discard sets an entry aside.
func (l *lane) discard(e spool.Entry, why error) bool {
	if err := l.intake.setAside(e.Data, why); err != nil {
		l.intake.log.Error("A webhook of the spool cannot be set aside", "queue", l.name, "error", err)
		return false
	}
	return l.drained([]spool.Entry{e}, nil)
}

// pause waits for a while, for a wake-up, or for the end.
func pause(ctx context.Context, wake <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-timer.C:
	}
}
