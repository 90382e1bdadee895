package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/webhook"
)

func newOwed(common *commonFlags) *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use: "owed", Short: "List what destinations were not told yet, and by which workflows", Args: noArgs,
		Long: `Lists what is recorded and not yet told, the oldest first, and which destinations are held. What was recorded a moment ago
is on its way. What stays is retried or parked by its workflow, or left to the destination's own, which tells it when the
destination is no longer held.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 1 {
				return &usageError{fmt.Errorf("--limit must be at least 1, got %d", limit)}
			}
			store, err := common.openState(c.Context())
			if err != nil {
				return err
			}
			defer store.Close()
			list, err := store.Unsettled(c.Context(), limit+1)
			if err != nil {
				return err
			}
			standings, err := store.Standings(c.Context(), orphanAge)
			if err != nil {
				return err
			}
			for _, name := range slices.Sorted(maps.Keys(standings)) {
				if h := standings[name].Hold; h != nil {
					fmt.Fprintln(c.OutOrStdout(), held(*h))
				}
			}
			if len(list) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "nothing is owed")
				return nil
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "DESTINATION\tWORKFLOW\tEVENTS\tSINCE\tTOLD BY")
			for _, u := range list[:min(len(list), limit)] {
				by := "its workflow"
				if u.Handed {
					by = "the destination's workflow"
				}
				fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", u.Destination, u.Workflow, u.Events, u.Since.Local().Format(time.DateTime), by)
			}
			if err := w.Flush(); err != nil {
				return err
			}
			if len(list) > limit {
				fmt.Fprintln(c.ErrOrStderr(), "there is more; --limit shows it")
			}
			return nil
		},
	}
	c.Flags().IntVar(&limit, "limit", 1000, "how many to list at most")
	return c
}

// held says since when a destination is held, by whom, why, and what comes next.
func held(h webhook.Hold) string {
	var b strings.Builder
	since := h.Since.Local().Format(time.DateTime)
	if h.Cause == webhook.ByOperator {
		fmt.Fprintf(&b, "%s is paused since %s", h.Destination, since)
		if h.Actor != "" {
			fmt.Fprintf(&b, " by %s", h.Actor)
		}
	} else {
		fmt.Fprintf(&b, "%s is held since %s", h.Destination, since)
	}
	if h.Reason != "" {
		fmt.Fprintf(&b, ", because: %s", h.Reason)
	}
	if h.Advice != "" {
		fmt.Fprintf(&b, " (%s)", h.Advice)
	}
	if !h.Next.IsZero() {
		fmt.Fprintf(&b, "; asked again at %s", h.Next.Local().Format(time.TimeOnly))
	}
	return b.String()
}
