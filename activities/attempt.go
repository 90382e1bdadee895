package activities

import (
	"context"
	"errors"
	"time"

	"holdfast/internal/webhook"
)

// A try is an event on its way to a destination, with the attempts that were made and how the last of them ended.
type try struct {
	webhook.Telling
	tried    bool
	verdict  *webhook.Verdict // nil: told, if it was tried
	number   int              // attempts that were made, also before these
	attempts []webhook.Attempt
}

func (t *try) told() bool { return t.tried && t.verdict == nil }

// kind is how the last attempt ended: told, deferred if there was none, or that of the verdict.
func (t *try) kind() webhook.Kind {
	switch {
	case t.verdict != nil:
		return t.verdict.Kind
	case t.tried:
		return webhook.Told
	}
	return webhook.Deferred
}

// next says of what failed, and is to be tried again, when that will be.
func (t *try) next(at time.Time) {
	if n := len(t.attempts); n > 0 && t.verdict != nil && t.verdict.Kind != webhook.Refused {
		t.attempts[n-1].Next = at
	}
}

// attempt makes one attempt to tell a destination of a batch. Where several are refused together it is not known which of them
// are meant: each is then tried alone once, if more still says so of it. Of every attempt that says something of the
// destination saw is told, with those whom it was for.
func attempt(ctx context.Context, n Notifier, destination string, batch []*try, more func(*try) bool, saw func([]*try, *webhook.Verdict)) {
	verdict := tellBatch(ctx, n, destination, batch, saw)
	if len(batch) == 1 || verdict == nil || verdict.Kind != webhook.Refused {
		return
	}
	for i, t := range batch {
		if ctx.Err() == nil && more(t) {
			_ = tellBatch(ctx, n, destination, batch[i:i+1], saw) // the verdict is in the try
		} else {
			t.tried, t.verdict = false, nil
		}
	}
}

func tellBatch(ctx context.Context, n Notifier, destination string, batch []*try, saw func([]*try, *webhook.Verdict)) *webhook.Verdict {
	status := 0
	tellings := make([]webhook.Telling, len(batch))
	for i, t := range batch {
		tellings[i] = t.Telling
		tellings[i].Answered = func(answered int) { status = answered }
	}
	at := time.Now()
	verdict := verdictOf(n.Tell(ctx, destination, tellings))
	took := time.Since(at)
	cancelled := verdict != nil && errors.Is(ctx.Err(), context.Canceled) // says nothing of the destination
	for _, t := range batch {
		if t.tried, t.verdict = !cancelled, verdict; cancelled {
			t.verdict = nil
		}
		if verdict != nil && verdict.Kind == webhook.Deferred {
			t.tried = false
			continue
		}
		t.number++
		a := webhook.Attempt{Event: t.Event.ID, At: at.UTC(), Took: took, Number: t.number, Outcome: webhook.Told, Status: status}
		if verdict != nil {
			a.Outcome, a.Status, a.Reason = verdict.Kind, verdict.Status, verdict.Reason
		}
		t.attempts = append(t.attempts, a)
	}
	if !cancelled {
		saw(batch, verdict)
	}
	return verdict
}

// settlement takes what was told off a debt, and notes the attempts.
func settlement(tries []*try) webhook.Settlement {
	s := webhook.Settlement{How: SettledTold}
	for _, t := range tries {
		if t.told() {
			s.Events = append(s.Events, t.Event.ID)
		}
		s.Attempts = append(s.Attempts, t.attempts...)
	}
	return s
}

// settlements is settlement for what several workflows owe. None is for nothing.
func settlements(tries []*try) map[string]webhook.Settlement {
	all := map[string]webhook.Settlement{}
	for _, t := range tries {
		if !t.told() && len(t.attempts) == 0 {
			continue
		}
		s := all[t.Workflow]
		if s.How = SettledTold; t.told() {
			s.Events = append(s.Events, t.Event.ID)
		}
		s.Attempts = append(s.Attempts, t.attempts...)
		all[t.Workflow] = s
	}
	return all
}

// verdictOf is nil if there was no error.
func verdictOf(err error) *webhook.Verdict {
	if err == nil {
		return nil
	}
	if v, ok := errors.AsType[*webhook.Verdict](err); ok {
		return v
	}
	return &webhook.Verdict{Kind: webhook.Retry, Reason: "attempt failed"} // an error of another kind may hold anything
}

// explained is a reason with what to do about it.
func explained(reason, advice string) string {
	if advice == "" {
		return reason
	}
	return reason + ". " + advice
}
