package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"holdfast/console"
	"holdfast/internal/webhook"
	"holdfast/workflows"
)

// replayFlags are the flags of `holdfast replay`.
type replayFlags struct {
	temporal     temporalFlags
	by           orderFlags
	to, name     string
	selection    webhook.Selection
	since, until string
	dryRun, yes  bool
	wait         bool
}

func newReplay(common *commonFlags) *cobra.Command {
	var flags replayFlags
	c := &cobra.Command{
		Use: "replay --to DESTINATION", Short: "Have recorded events told to a destination, new or old, under the ids that they have", Args: noArgs,
		Long: `Chooses events of the log, by what all of the flags ask for, and has them told to a destination: all of them, whether or not
it was told before, and whether or not it asks for them, in the order in which they were recorded. Events keep their ids, so a
receiver that remembers ids takes none twice. What was no news (duplicates, what was known already or stale) is not chosen.

A workflow does it, which can be paused, resumed and cancelled: see its details in the Temporal UI. This command shows how far it
is; Ctrl-C leaves it running. The destination's own workflow tells what is handed over, with the destination's rate and order, and
once it is neither held nor paused.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := flags.check(time.Now()); err != nil {
				return &usageError{err}
			}
			return flags.run(c, common)
		},
	}
	f := c.Flags()
	f.StringVar(&flags.to, "to", "", "destination that is to be told")
	f.StringSliceVar(&flags.selection.Types, "type", nil, "of this type, such as account.banned, or of types such as account.*; may be given several times")
	f.StringSliceVar(&flags.selection.Sources, "source", nil, "from this source; may be given several times")
	f.StringSliceVar(&flags.selection.Accounts, "account", nil, "about this account; may be given several times")
	f.StringVar(&flags.since, "since", "", "recorded since: how long ago, such as 36h or 7d, or a time, such as 2026-04-16T08:00:00Z")
	f.StringVar(&flags.until, "until", "", "recorded before, likewise (default: now)")
	f.StringVar(&flags.selection.Workflow, "workflow", "", "recorded by this workflow")
	f.StringVar(&flags.selection.Webhook, "webhook", "", "of this webhook: the hash that ends the id of its workflow")
	f.StringVar(&flags.selection.Event, "event", "", "this event")
	f.BoolVar(&flags.selection.Unrouted, "unrouted", false, "only what nobody was to be told of although it was news")
	f.BoolVar(&flags.dryRun, "dry-run", false, "only say how many events that are")
	f.BoolVar(&flags.yes, "yes", false, "do not ask")
	f.BoolVar(&flags.wait, "wait", false, "wait until the destination was told, too")
	f.StringVar(&flags.name, "name", "", "ends the id of the workflow, which everybody who may list workflows can read (default: the time)")
	flags.by.register(c)
	flags.temporal.register(c)
	return c
}

// check says what is wrong with the command line, and reads times.
func (f *replayFlags) check(now time.Time) error {
	if f.to == "" {
		return errors.New("--to is required: the destination that is to be told")
	}
	for _, name := range f.selection.Types {
		if !webhook.Means(name) {
			return fmt.Errorf("--type: there is no type %q of events; 'holdfast events' lists them", name)
		}
	}
	for _, t := range []struct {
		flag, text string
		into       *time.Time
	}{{"since", f.since, &f.selection.Since}, {"until", f.until, &f.selection.Until}} {
		if t.text == "" {
			continue
		}
		at, err := moment(t.text, now)
		if err != nil {
			return fmt.Errorf("--%s: %w", t.flag, err)
		}
		*t.into = at.UTC()
	}
	if err := console.CheckIDs(f.selection.Event, f.selection.Webhook); err != nil {
		return err
	}
	if s := f.selection; !s.Until.IsZero() && !s.Until.After(s.Since) {
		return errors.New("--until must be later than --since")
	}
	f.name = cmp.Or(f.name, now.UTC().Format("2006-01-02T15:04:05.000Z"))
	return nil
}

func (f *replayFlags) run(c *cobra.Command, common *commonFlags) error {
	o, err := common.operate(c, f.temporal)
	if err != nil {
		return err
	}
	defer o.close()
	if _, ok := o.config.Destinations[f.to]; !ok {
		return fmt.Errorf("there is no destination %q in the configuration", f.to)
	}
	n, err := o.store.Count(c.Context(), f.selection)
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	fmt.Fprintf(out, "%s chosen for %s\n", counted(n, "event is", "events are"), f.to)
	if n == 0 {
		return heardOf(o.config, "", f.selection.Sources...)
	}
	if f.dryRun {
		return nil
	}
	if err := confirm(c.InOrStdin(), out, f.yes, "tell "+f.to+" of them"); err != nil {
		return err
	}
	id, err := o.house.operate().Replay(c.Context(), f.name, workflows.ReplayInput{Destination: f.to, Selection: f.selection, Order: f.by.order()})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "workflow %s\n", id)
	err = o.followReplay(c.Context(), f.to, id, f.wait, out)
	if c.Context().Err() != nil { // somebody has enough
		fmt.Fprintln(out, "it goes on without this command; the details of its workflow say how far it is, and how to pause or cancel it")
		return nil
	}
	return err
}

// followReplay shows how far a replay is until all is handed over, or told.
func (o *operated) followReplay(ctx context.Context, to, id string, wait bool, out io.Writer) error {
	line := newStatusLine(out, 0)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	ended := false
	for {
		if !ended {
			r, over, err := o.house.operate().Replayed(ctx, id)
			if over && err != nil {
				line.end()
				return err
			}
			if ended = over; err != nil {
				line.show("no worker answers; the workflow waits for one")
			} else {
				line.show("handed over %s%s", share(r.Events, r.Selected), map[string]string{workflows.StagePaused: ", paused"}[r.Stage])
			}
			if over && !wait {
				line.end()
				return o.whenTold(ctx, to, out)
			}
		}
		if ended {
			left, err := o.store.OwedUnder(ctx, to, id+"/")
			if err != nil {
				return err
			}
			line.show("left to be told: %s", counted(left, "notification", "notifications"))
			if left == 0 {
				line.end()
				fmt.Fprintln(out, "all was told, or is parked because it was refused")
				return nil
			}
		}
		select {
		case <-ctx.Done():
			line.end()
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// whenTold says what becomes of what is handed over.
func (o *operated) whenTold(ctx context.Context, to string, out io.Writer) error {
	d, err := o.standing(ctx, to)
	if err != nil {
		return err
	}
	switch d.Stage {
	case workflows.StageHeld:
		fmt.Fprintf(out, "%s is held: it is told when it takes something again; 'holdfast destination resume %s' asks it at once\n", to, to)
	case workflows.StagePaused:
		fmt.Fprintf(out, "%s is paused: it is told once it is resumed, by 'holdfast destination resume %s'\n", to, to)
	default:
		fmt.Fprintf(out, "its workflow tells it: 'holdfast destination list' shows how far it is\n")
	}
	return nil
}

// share is how much of a whole is done.
func share(done, whole int) string {
	if whole < done || whole == 0 {
		return fmt.Sprintf("%d events", done)
	}
	return fmt.Sprintf("%d of %d events (%d %%)", done, whole, done*100/whole)
}
