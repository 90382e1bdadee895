package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/workflow"
)

// A Command is what an operator sends to a parked workflow, by the signal or the update [Reprocess]. The zero value means:
// try again all that is parked.
type Command struct {
	Action Action `json:"action,omitempty"` // retry if empty
	// Destination limits the command to one destination; empty means everything that is parked. To let go of one that is
	// still being retried, it must be named.
	Destination string `json:"destination,omitempty"`
	// Park names the park that the command answers, as the details and the state query tell it. A command for another
	// park is ignored, so that a reset cannot replay it. Empty means the current one.
	Park   string `json:"park,omitempty"`
	Reason string `json:"reason,omitempty"` // for those who read the history; no person's number or text
	Actor  string `json:"actor,omitempty"`
}

// Action says what to do with what is parked.
type Action string

// The actions.
const (
	Retry  Action = "retry"   // try again: verify, record, or tell
	Accept Action = "accept"  // go on with a webhook although it does not verify
	Skip   Action = "skip"    // do not tell the destination; its notification is settled
	GiveUp Action = "give_up" // drop what is parked: webhooks unrecorded, destinations untold
)

var (
	errNothingParked = errors.New("nothing is parked")
	errOtherPark     = errors.New("the command is for another park")
	errNotParked     = errors.New("nothing is parked that the command speaks of")
)

// check says whether the command can do anything now. It changes nothing: it is also the update's validator.
func (p *process) check(c Command) error {
	switch c.Action {
	case "", Retry, Accept, Skip, GiveUp:
	default:
		return fmt.Errorf("unknown action: want %s, %s, %s or %s", Retry, Accept, Skip, GiveUp)
	}
	switch {
	case c.Park != "" && c.Park != p.park:
		return errOtherPark
	case p.apply(c, true) > 0:
		return nil
	case p.park == "":
		return errNothingParked
	}
	return errNotParked
}

// apply gives the parked elements that the command speaks of their orders, and returns how many these are. A dry run only
// counts.
func (p *process) apply(c Command, dry bool) int {
	n := 0
	order := func(to *Action, action Action) {
		if n++; !dry {
			*to = action
		}
	}
	action := c.Action
	if action == "" {
		action = Retry
	}
	letsGo := action == Skip || action == GiveUp
	for _, e := range p.elements {
		if e.problem != "" && e.order == "" && c.Destination == "" && action != Skip && !(action == Accept && e.verified) {
			order(&e.order, action)
		}
	}
	for _, d := range p.deliveries {
		if c.Destination != "" && c.Destination != d.Destination || d.order != "" {
			continue
		}
		// What is still being retried can be let go as well, by name: it may be for days yet.
		if d.stage == deliveryParked && action != Accept || d.stage == deliveryRetrying && letsGo && c.Destination != "" {
			order(&d.order, action)
		}
	}
	return n
}

// listen takes commands for as long as the workflow runs. What comes while nothing is parked is noted and dropped: after
// a reset the old signals come again at once, and must not answer a park that was not there when they were sent.
func (p *process) listen(ctx workflow.Context) error {
	take := func(c Command) error {
		if err := p.check(c); err != nil {
			workflow.GetLogger(ctx).Info("Command ignored", "action", string(c.Action), "actor", c.Actor, "why", err)
			return err
		}
		n := p.apply(c, false)
		p.last = fmt.Sprintf("%s of %d by %s", orRetry(c.Action), n, orSomebody(c.Actor))
		return nil
	}
	signals := workflow.GetSignalChannelWithOptions(ctx, Reprocess, workflow.SignalChannelOptions{
		Description: `Goes on with what is parked. {} tries again; {"action": "accept" | "skip" | "give_up", "destination": "…", "park": "…", "reason": "…", "actor": "…"}`,
	})
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			var c Command
			if signals.Receive(ctx, &c); ctx.Err() != nil {
				return
			}
			_ = take(c) // a signal has nobody to answer to
		}
	})
	return workflow.SetUpdateHandlerWithOptions(ctx, Reprocess, func(_ workflow.Context, c Command) (Status, error) {
		if err := take(c); err != nil {
			return Status{}, err
		}
		return p.status(), nil
	}, workflow.UpdateHandlerOptions{
		Validator:   func(c Command) error { return p.check(c) },
		Description: "Goes on with what is parked, and says so. Rejected if nothing is parked.",
	})
}

func orRetry(a Action) Action {
	if a == "" {
		return Retry
	}
	return a
}

func orSomebody(actor string) string {
	if actor == "" {
		return "an operator"
	}
	return actor
}
