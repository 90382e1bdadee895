package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func newSpoolDrain(common *commonFlags, dir *string) *cobra.Command {
	var flags temporalFlags
	c := &cobra.Command{
		Use: "drain", Short: "Start workflows for everything that waits", Args: noArgs,
		Long: `Starts workflows for the webhooks that wait in a spool which no ingress uses any more: of a machine that was taken out of
service, or of a disk that was moved. What was set aside is tried once more. It ends when nothing is left, and can be
interrupted at any time.`,
		RunE: func(c *cobra.Command, _ []string) error {
			h, err := common.build(c, flags)
			if err != nil {
				return err
			}
			defer h.close()
			if *dir != "" {
				h.config.Spool.Dir = *dir
			}
			if err := h.openIntake(false); err != nil {
				return err
			}
			before := h.spooled()
			if err := h.awaitDrained(c.Context()); err != nil {
				return err
			}
			aside := h.spool.Aside.Stats().Entries
			fmt.Fprintf(c.OutOrStdout(), "%d webhooks started\n", before-aside)
			if aside > 0 {
				return fmt.Errorf("%d webhooks are refused by Temporal and stay set aside; 'holdfast spool ls' lists them", aside)
			}
			return nil
		},
	}
	flags.register(c)
	return c
}

// spooled is how many webhooks are on disk.
func (h *house) spooled() int {
	return h.spool.Urgent.Stats().Entries + h.spool.Bulk.Stats().Entries + h.spool.Aside.Stats().Entries
}

// drainPatience is how long nothing may be drained before the command gives up.
const drainPatience = 30 * time.Second

func (h *house) awaitDrained(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	left, since := h.spooled(), time.Now()
	for {
		waiting := h.spool.Urgent.Stats().Entries + h.spool.Bulk.Stats().Entries
		if waiting == 0 {
			return nil
		}
		if now := h.spooled(); now != left {
			left, since = now, time.Now()
		}
		if time.Since(since) > drainPatience {
			return fmt.Errorf("Temporal at %s takes nothing: %d webhooks are left", h.address, waiting)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("interrupted: %d webhooks are left", waiting)
		case <-tick.C:
		}
	}
}
