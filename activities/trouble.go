package activities

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"holdfast/internal/webhook"
)

// When a destination is in trouble itself, as far as one process can see. Isolated failures, one among successes, are not:
// these are retried by Temporal. What was refused for itself is an answer like any other.
const (
	troubles     = 3               // verdicts of trouble in a row: it is misconfigured or gone
	failures     = 8               // failures of any kind in a row,
	failing      = 2 * time.Second // that have lasted for so long: a restart of the destination is over by then
	turnedAway   = 8               // attempts in a row that found no place among those under way,
	unanswered   = 5 * time.Second // while for so long nobody was answered: it hangs
	firstProbe   = 5 * time.Second // after it was held; doubles with each one that fails
	lastProbe    = 5 * time.Minute
	goneProbe    = time.Hour // after it said that it is no more
	longestWait  = time.Hour // that it may ask for
	noAnswerEver = "as many attempts as allowed are under way, and none is answered"
)

// A watch notices destinations in trouble. The zero value is ready; it is safe for concurrent use.
type watch struct {
	mu        sync.Mutex
	streaks   map[string]*streak
	lingering map[string]int // first attempts that have been under way for longer than lingers
}

// A first attempt takes a task of the worker, which others may need. So a destination that is slow, without being in trouble,
// may have some of them, and is told by regular activities beyond that.
const (
	lingers    = 500 * time.Millisecond
	mostLinger = 8
)

// first reports whether a first attempt may begin. End is to be called in any case.
func (w *watch) first(destination string) (end func(), begin bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lingering[destination] >= mostLinger {
		return func() {}, false
	}
	count := func(n int) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.lingering == nil {
			w.lingering = map[string]int{}
		}
		w.lingering[destination] += n
	}
	timer := time.AfterFunc(lingers, func() { count(1) })
	return func() {
		if !timer.Stop() {
			count(-1)
		}
	}, true
}

// A streak is what happened at a destination since it last took something.
type streak struct {
	since                         time.Time
	troubles, failures, deferrals int
	trouble                       // as of the last verdict
}

// A trouble is why a destination is held.
type trouble struct {
	reason, advice string
	wait           time.Duration // for which it asked to be left alone
	gone           bool          // it says that it is no more
}

func troubleOf(v *webhook.Verdict) trouble {
	return trouble{reason: v.Reason, advice: v.Advice, wait: v.RetryAfter, gone: v.Kind == webhook.Gone}
}

// next is when a destination in trouble is asked again, after so many probes failed.
func (t trouble) next(now time.Time, probes int) time.Time {
	wait := min(firstProbe<<min(probes, 10), lastProbe)
	if t.gone {
		wait = goneProbe
	}
	return now.Add(max(wait, min(t.wait, longestWait)))
}

// saw notes how an attempt ended: nil if it was told.
func (w *watch) saw(destination string, v *webhook.Verdict, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v == nil || v.Kind == webhook.Refused {
		delete(w.streaks, destination)
		return
	}
	s := w.streaks[destination]
	if s == nil {
		if w.streaks == nil {
			w.streaks = map[string]*streak{}
		}
		s = &streak{since: now}
		w.streaks[destination] = s
	}
	if v.Kind == webhook.Deferred {
		s.deferrals++
		return
	}
	s.failures++
	s.trouble = troubleOf(v)
	switch v.Kind {
	case webhook.Trouble:
		s.troubles++
	case webhook.Gone:
		s.troubles = troubles
	default:
		s.troubles = 0
	}
}

// due reports whether a destination is in trouble, and why. It says so once: then it begins to count anew.
func (w *watch) due(destination string, now time.Time) (trouble, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.streaks[destination]
	if s == nil {
		return trouble{}, false
	}
	lasted := now.Sub(s.since)
	why := s.trouble
	switch {
	case s.troubles >= troubles, s.failures >= failures && lasted >= failing:
	case s.deferrals >= turnedAway && lasted >= unanswered:
		if why.reason == "" {
			why.reason = noAnswerEver
		}
	default:
		return trouble{}, false
	}
	delete(w.streaks, destination)
	return why, true
}

// hold holds a destination that is in trouble, for all workers, and returns how; nil if it is in none.
func (a *Activities) hold(ctx context.Context, destination string) (*webhook.Hold, error) {
	now := time.Now()
	why, yes := a.watch.due(destination, now)
	if !yes {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	h := webhook.Hold{
		Destination: destination, Since: now, Cause: webhook.ByTrouble, Reason: why.reason, Advice: why.advice, Next: why.next(now, 0),
	}
	news, err := a.State.Hold(ctx, h)
	if err != nil {
		return nil, fmt.Errorf("hold destination: %w", err)
	}
	if news {
		a.Metrics.held(destination, webhook.ByTrouble)
		activity.GetLogger(ctx).Warn("Destination held", "destination", destination, "reason", why.reason)
		if err := a.Desk.Look(ctx, destination); err != nil { // whoever looks after destinations finds it later
			activity.GetLogger(ctx).Warn("Destination held, but its workflow does not know yet", "destination", destination, "error", err)
		}
	}
	return &h, nil
}

// yield is handOver after an attempt that has left something over, which may have taken all the time there was.
func (a *Activities) yield(ctx context.Context, to target) (handed bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	return a.handOver(ctx, to)
}

// handOver hands over what a workflow owes a held destination. Who sees to what a destination would not take with the rest
// gives it back only if an operator wants nothing to be told: otherwise the drain and he would give it to each other.
func (a *Activities) handOver(ctx context.Context, to target) (handed bool, err error) {
	var cause webhook.Cause
	if strings.HasPrefix(to.workflow, partedPrefix) {
		cause = webhook.ByOperator
	}
	return a.State.HandOver(ctx, to.workflow, to.destination, cause)
}
