package main

import (
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"holdfast/console"
	"holdfast/internal/state"
)

func newAttempts(common *commonFlags) *cobra.Command {
	var q state.AttemptQuery
	var asJSON bool
	c := &cobra.Command{
		Use: "attempts", Short: "List attempts to tell destinations: of an event, a workflow, a webhook, or a destination", Args: noArgs,
		Long: `Lists attempts to tell destinations, the latest first: when, of which event, what came of it, and when it is tried again. They
can be looked up for as long as the setting attempts says after what they were about is settled.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if q.Limit < 1 {
				return &usageError{fmt.Errorf("--limit must be at least 1, got %d", q.Limit)}
			}
			if err := console.Check(q); err != nil {
				return &usageError{err}
			}
			store, err := common.openState(c.Context())
			if err != nil {
				return err
			}
			defer store.Close()
			list, err := store.AttemptsOf(c.Context(), q)
			if err != nil {
				return err
			}
			attempts := console.Attempts(list)
			switch {
			case asJSON:
				return printJSON(c.OutOrStdout(), attempts)
			case len(attempts) == 0:
				cfg, err := common.load()
				if err == nil {
					err = heardOf(cfg, q.Destination)
				}
				if err != nil {
					return err
				}
				fmt.Fprintln(c.OutOrStdout(), "no attempts are recorded")
				return nil
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "TIME\tDESTINATION\tEVENT\tATTEMPT\tOUTCOME\tSTATUS\tTOOK\tREASON\tNEXT")
			for _, a := range attempts {
				status, next := "-", "-"
				if a.Status > 0 {
					status = strconv.Itoa(a.Status)
				}
				if !a.Next.IsZero() {
					next = a.Next.Local().Format(time.TimeOnly)
				}
				took := time.Duration(a.Seconds * float64(time.Second)).Round(100 * time.Microsecond)
				fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", a.At.Local().Format("2006-01-02 15:04:05.000"), a.Destination, a.Event,
					a.Number, a.Outcome, status, took, orDash(visible(a.Reason)), next)
			}
			return w.Flush()
		},
	}
	f := c.Flags()
	f.StringVar(&q.Event, "event", "", "of this event, evt_…")
	f.StringVar(&q.Workflow, "workflow", "", "of what this workflow owed")
	f.StringVar(&q.Webhook, "webhook", "", "of the events of this webhook: the hash that ends the id of its workflow")
	f.StringVar(&q.Destination, "destination", "", "to tell this destination")
	f.IntVar(&q.Limit, "limit", 100, "how many to list at most")
	f.BoolVar(&asJSON, "json", false, "print JSON, as /api/attempts of a worker does")
	return c
}
