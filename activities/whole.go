package activities

import (
	"context"

	"holdfast/internal/webhook"
)

// A whole is a notifier that gets what a drain has not kept of large events, when it is their turn: what waits may be thousands
// of them, each of megabytes.
type whole struct {
	Notifier
	ledger Ledger
}

// Tell is the notifier's, of events with all that they say. A large one is told by itself, so that no request is as large as
// many of them; what is told before another fails is told again with it.
func (w whole) Tell(ctx context.Context, destination string, batch []webhook.Telling) error {
	for begin, end := 0, 0; begin < len(batch); begin = end {
		for end < len(batch) && batch[end].Event.Data != nil {
			end++
		}
		if end > begin {
			if err := w.Notifier.Tell(ctx, destination, batch[begin:end]); err != nil {
				return err
			}
			continue
		}
		end++
		t := batch[begin]
		events, err := w.ledger.Events(ctx, []string{t.Event.ID})
		if err != nil || len(events) == 0 { // gone from the log: whoever reads again what is owed, notices
			return &webhook.Verdict{Kind: webhook.Deferred, Reason: "the event log does not have it now"}
		}
		t.Event = events[0]
		if err := w.Notifier.Tell(ctx, destination, []webhook.Telling{t}); err != nil {
			return err
		}
	}
	return nil
}
