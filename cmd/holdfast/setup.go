package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"holdfast/internal/temporal"
	"holdfast/workflows"
)

func newSetup(common *commonFlags) *cobra.Command {
	var flags temporalFlags
	var yes bool
	c := &cobra.Command{
		Use: "setup", Short: "Prepare a Temporal namespace: search attributes and retention", Args: noArgs,
		Long: "Says what the namespace lacks, and with --yes supplies it. Repeating it changes nothing; a retention is raised, never lowered.",
		RunE: func(c *cobra.Command, _ []string) error {
			h, err := common.build(c, flags)
			if err != nil {
				return err
			}
			defer h.close()
			plan, err := temporal.Check(c.Context(), h.temporal, h.namespace, workflows.SearchAttributes())
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			if plan.Done() {
				fmt.Fprintf(out, "namespace %s of %s is set up\n", h.namespace, h.address)
				return nil
			}
			for _, step := range plan.Steps() {
				fmt.Fprintln(out, step)
			}
			if !yes {
				return errors.New("nothing was changed; --yes does what is listed above")
			}
			if err := temporal.Apply(c.Context(), h.temporal, plan); err != nil {
				return err
			}
			fmt.Fprintf(out, "done: namespace %s of %s is set up\n", h.namespace, h.address)
			return nil
		},
	}
	flags.register(c)
	c.Flags().BoolVar(&yes, "yes", false, "change the namespace")
	return c
}
