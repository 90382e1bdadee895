package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/config"
	"holdfast/internal/notify"
	"holdfast/internal/webhook"
)

func newDestinationTest(common *commonFlags) *cobra.Command {
	return &cobra.Command{
		Use: "test NAME", Short: "Tell a destination one test event, and show how it answers",
		Long: `Makes one attempt to tell a destination of an event that is marked as a test and has an id of its own, from here, with the
destination's settings. Whether the destination is held or paused makes no difference, and nothing is recorded.`,
		Args: oneDestination,
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := common.load()
			if err != nil {
				return err
			}
			name := args[0]
			d, ok := cfg.Destinations[name]
			if !ok {
				return fmt.Errorf("there is no destination %q in the configuration", name)
			}
			set, err := notify.New(map[string]config.Destination{name: d}, notify.Options{Version: version(), Accounts: cfg.Accounts})
			if err != nil {
				return err
			}
			defer set.Close()
			e := trial(time.Now())
			status := "" // of an answer by HTTP
			answered := func(code int) { status = fmt.Sprintf(", status %d,", code) }
			began := time.Now()
			err = set.Tell(c.Context(), name, []webhook.Telling{{Event: e, Workflow: "a test", Answered: answered}})
			took := time.Since(began).Round(100 * time.Microsecond)
			verdict, refused := errors.AsType[*webhook.Verdict](err)
			if err != nil && !refused {
				return err
			}
			out := c.OutOrStdout()
			fmt.Fprintf(out, "event    %s (%s, test)\n", e.ID, e.Type)
			if !refused {
				fmt.Fprintf(out, "verdict  told%s in %s\n", status, took)
				return nil
			}
			fmt.Fprintf(out, "verdict  %s\nreason   %s\ntook     %s\n", verdict.Kind, visible(verdict.Reason), took)
			if verdict.Advice != "" {
				fmt.Fprintf(out, "advice   %s\n", visible(verdict.Advice))
			}
			return fmt.Errorf("%s was not told", name)
		},
	}
}

// trial is an event that nobody has to act upon.
func trial(now time.Time) webhook.Event {
	id := make([]byte, 16)
	rand.Read(id)
	return webhook.Event{
		ID: "evt_" + hex.EncodeToString(id), Type: webhook.AccountAlert, Time: now.UTC(), Source: "holdfast", Provider: "holdfast",
		Webhook: hex.EncodeToString(id), Account: "0", Test: true,
		Data: &webhook.Alert{
			Type: "HOLDFAST_TEST", Severity: "INFORMATIONAL", Status: "NONE",
			Description: "An operator tries whether this destination can be told. There is nothing to do.",
		},
	}
}
