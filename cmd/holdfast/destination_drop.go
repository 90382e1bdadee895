package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"holdfast/workflows"
)

func newDropOwed(common *commonFlags) *cobra.Command {
	var flags temporalFlags
	var by orderFlags
	var before string
	var yes bool
	c := &cobra.Command{
		Use: "drop-owed NAME", Short: "Let go, for good, what a destination is owed that will not come back",
		Long: `Lets go what is left to the workflow of a destination, and has the workflows of webhooks that still try to tell it, or are
parked because of it, let it go. Nobody is told of that any more; 'holdfast replay' can have it told again for as long as the
event log has it. Who let it go, and why, remains in the history of the destination's workflow.

As long as the destination is in the configuration, it is owed what comes.`,
		Args: oneDestination,
		RunE: func(c *cobra.Command, args []string) error {
			name := args[0]
			drop := workflows.DropOrder{Order: by.order(), Before: time.Now()}
			if before != "" {
				at, err := moment(before, drop.Before)
				if err != nil {
					return &usageError{fmt.Errorf("--before: %w", err)}
				}
				drop.Before = at
			}
			if err := required("reason", by.reason, "what is dropped is never told"); err != nil {
				return err
			}
			o, err := common.operate(c, flags, name)
			if err != nil {
				return err
			}
			defer o.close()
			return o.drop(c, name, drop, yes)
		},
	}
	flags.register(c)
	by.register(c)
	c.Flags().StringVar(&before, "before", "", "only what was recorded before: how long ago, such as 36h or 7d, or a time, such as 2026-04-16T08:00:00Z (default: now)")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

func (o *operated) drop(c *cobra.Command, name string, drop workflows.DropOrder, yes bool) error {
	ctx, out := c.Context(), c.OutOrStdout()
	d, err := o.standing(ctx, name)
	if err != nil {
		return err
	}
	r := &reprocessing{
		house: o.house, operator: o.house.operate(), out: out,
		command: workflows.Command{Action: workflows.Skip, Destination: name, Reason: drop.Reason, Actor: drop.Actor},
	}
	trying := r.operator.Query(workflows.Filter{
		Stages: []string{workflows.StageParked, workflows.StageRetrying}, Destination: name, Until: drop.Before,
	})
	waiting, err := r.operator.Count(ctx, trying)
	if err != nil {
		return err
	}
	if d.Handed == 0 && waiting == 0 {
		fmt.Fprintf(out, "%s is owed nothing that could be dropped\n", name)
		return nil
	}
	fmt.Fprintf(out, "%s is %s. Left to its workflow: %d notifications, the oldest since %s; trying or parked: %d workflows of webhooks.\n",
		name, d.Stage, d.Handed, local(d.Oldest), waiting)
	fmt.Fprintf(out, "What of it was recorded before %s is never told.\n", local(drop.Before))
	if d.Configured {
		fmt.Fprintf(out, "%s is in the configuration still, and will be owed what comes.\n", name)
	}
	if err := confirm(c.InOrStdin(), out, yes, "let go what "+name+" is owed"); err != nil {
		return err
	}
	if waiting > 0 { // first those that could hand something over
		if err := r.batch(ctx, trying, waiting); err != nil {
			return err
		}
	}
	dropped, err := r.operator.Drop(ctx, name, drop)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "dropped: %d notifications of %d events that were left to its workflow; %d workflows of webhooks were told to let it go\n",
		dropped.Notifications, dropped.Events, waiting)
	return nil
}
