package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func newOwed(common *commonFlags) *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use: "owed", Short: "List what destinations were not told yet, and by which workflows", Args: noArgs,
		Long: `Lists what is recorded and not yet told, the oldest first. What was recorded a moment ago is on its way; what stays is
retried or parked by its workflow, or was left by one that was terminated.`,
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
			if len(list) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "nothing is owed")
				return nil
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "DESTINATION\tWORKFLOW\tEVENTS\tSINCE")
			for _, u := range list[:min(len(list), limit)] {
				fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", u.Destination, u.Workflow, u.Events, u.Since.Local().Format(time.DateTime))
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
