package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/state"
	"holdfast/internal/webhook"
)

// maxFacts bounds a listing: of an account, of its numbers, of its templates, or of all accounts.
const maxFacts = 10000

func newState(common *commonFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "state [ACCOUNT]",
		Short: "Show what is known of accounts, or of one account, its numbers and its templates",
		Long: `Lists what is known of all accounts, or of one account, its numbers and its templates: since when, and from which event.
What people want to be sent is not listed: it is asked for by person.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return &usageError{fmt.Errorf("state takes one account at most, got %q", args)}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			store, err := common.openState(c.Context())
			if err != nil {
				return err
			}
			defer store.Close()
			entities := []string{"account"}
			if len(args) == 1 {
				entities = []string{webhook.AccountEntity(args[0]), strings.TrimSuffix(webhook.PhoneEntity(args[0], ""), "/"), webhook.TemplatesOf(args[0])}
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ENTITY\tASPECT\tSINCE\tEVENT\tVALUE")
			known := false
			for _, entity := range entities {
				facts, err := store.Facts(c.Context(), entity, maxFacts)
				if err != nil {
					return err
				}
				if len(facts) == maxFacts {
					fmt.Fprintf(c.ErrOrStderr(), "of %s only the first %d facts are listed\n", entity, maxFacts)
				}
				for _, f := range facts {
					known = true
					value := visible(string(f.Value))
					if over(f, time.Now()) {
						value += " (over)"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", f.Entity, f.Aspect, f.Time.Local().Format(time.DateTime), f.Event, value)
				}
			}
			if !known {
				return errors.New("nothing is known of that yet")
			}
			return w.Flush()
		},
	}
}

// over reports whether a fact is a restriction of which every part had an end that has passed. Providers do not always
// send an event for that.
func over(f state.Fact, now time.Time) bool {
	var r struct {
		Status       string               `json:"status"`
		Restrictions []webhook.Restricted `json:"restrictions"`
	}
	if !strings.HasPrefix(f.Aspect, "restriction") || json.Unmarshal(f.Value, &r) != nil || r.Status != "restricted" {
		return false
	}
	for _, one := range r.Restrictions {
		if one.Until.IsZero() || one.Until.After(now) {
			return false
		}
	}
	return len(r.Restrictions) > 0
}
