package workflows

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

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

// Last is the command that a workflow was given last, and what came of it.
type Last struct {
	Command
	At      time.Time `json:"at"`
	Of      int       `json:"of"`                // how many webhooks and deliveries it concerned
	Ignored string    `json:"ignored,omitempty"` // why nothing was done
}

// Action says what to do with what is parked.
type Action string

// The actions.
const (
	Retry   Action = "retry"   // try again: verify, record, or tell
	Restart Action = "restart" // begin anew with all webhooks: verify, normalize, record and tell what is still owed
	Accept  Action = "accept"  // go on with a webhook although it does not verify
	Skip    Action = "skip"    // do not tell the destination; its notification is settled
	GiveUp  Action = "give_up" // drop what is parked: webhooks unrecorded, destinations untold
)

// Actions lists the actions.
func Actions() []Action { return []Action{Retry, Restart, Accept, Skip, GiveUp} }

var (
	errNothingParked = errors.New("nothing is parked")
	errOtherPark     = errors.New("the command is for another park")
	errNotParked     = errors.New("nothing is parked that the command speaks of")
	errRestarting    = errors.New("it is about to begin anew")
	errWhole         = errors.New("to begin anew concerns all destinations: name none")
	errNoWebhooks    = errors.New("it has no webhooks to begin anew with, only something to tell")
)

// check says whether the command can do anything now. It changes nothing: it is also the update's validator.
func (p *process) check(c Command) error {
	switch c.Action {
	case "", Retry, Restart, Accept, Skip, GiveUp:
	default:
		return fmt.Errorf("unknown action: want one of %q", Actions())
	}
	switch {
	case p.again != nil:
		return errRestarting
	case c.Action == Restart && c.Destination != "":
		return errWhole
	case c.Action == Restart && p.parted:
		return errNoWebhooks
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
	action := orRetry(c.Action)
	if action == Restart {
		return p.stop(dry)
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
	take := func(ctx workflow.Context, c Command) error {
		// It is kept and returned in the end, also if it is ignored: a payload of megabytes would end the workflow.
		c = Command{
			Action: orRetry(Action(line(string(c.Action)))), Destination: line(c.Destination), Park: line(c.Park),
			Reason: line(c.Reason), Actor: line(c.Actor),
		}
		p.last, p.stale = &Last{Command: c, At: workflow.Now(ctx).UTC()}, true
		if err := p.check(c); err != nil {
			p.last.Ignored = err.Error()
			workflow.GetLogger(ctx).Info("Command ignored", "why", err)
			return err
		}
		p.last.Of = p.apply(c, false)
		return nil
	}
	signals := workflow.GetSignalChannelWithOptions(ctx, Reprocess, workflow.SignalChannelOptions{
		Description: `Goes on with what is parked. {} tries again; {"action": "restart" | "accept" | "skip" | "give_up", "destination": "…", "park": "…", "reason": "…", "actor": "…"}`,
	})
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			var c Command
			if signals.Receive(ctx, &c); ctx.Err() != nil {
				return
			}
			_ = take(ctx, c) // a signal has nobody to answer to; the details say it
		}
	})
	return workflow.SetUpdateHandlerWithOptions(ctx, Reprocess, func(ctx workflow.Context, c Command) (Status, error) {
		if err := take(ctx, c); err != nil {
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

const maxLine = 300 // bytes of what an operator says

// line is what somebody said, on one line, and not too long for the details: without what would speak to a terminal, or turn
// the letters around it.
func line(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, cut(text, 4*maxLine))
	return cut(strings.Join(strings.Fields(text), " "), maxLine)
}

// literally is what somebody said as it stands in the details, which are Markdown: it makes neither links nor pictures there.
func literally(text string) string { return markup.Replace(text) }

var markup = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "[", `\[`, "]", `\]`, "<", `\<`, "|", `\|`)

// String says it for the details.
func (l Last) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %d", l.Action, l.Of)
	if l.Ignored != "" {
		b.Reset()
		fmt.Fprintf(&b, "%.20s", l.Action)
	}
	if l.Destination != "" {
		fmt.Fprintf(&b, ", only %.80s,", l.Destination)
	}
	fmt.Fprintf(&b, " by %s at %s", orSomebody(l.Actor), l.At.Format(time.RFC3339))
	if l.Reason != "" {
		fmt.Fprintf(&b, ", because: %s", l.Reason)
	}
	if l.Ignored != "" {
		fmt.Fprintf(&b, " (ignored: %s)", l.Ignored)
	}
	return b.String()
}

func orSomebody(actor string) string {
	if actor == "" {
		return "an operator"
	}
	return actor
}
