package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/provider/nxtele"
	"holdfast/internal/provider/nxtele/nxcloud"
	"holdfast/internal/webhook"
	"holdfast/workflows"
)

// backfillFlags are the flags of `holdfast nxtele backfill`.
type backfillFlags struct {
	api, app, source, url string
	phones                []string
	field                 string
	since, until, zone    string
	dryRun                bool
}

func newNxtele(common *commonFlags) *cobra.Command {
	var flags backfillFlags
	backfill := &cobra.Command{
		Use: "backfill", Short: "Fetch what nxtele stored during an outage and post it to the ingress", Args: noArgs,
		Long: `Fetches the callbacks that nxtele has stored in the last seven days, signs each as nxtele would, and posts it to a running
ingress, where it goes the way of every webhook. What has come before is known there, so it can be run as often as one likes:
nobody is told of an event twice.

nxtele keeps account updates, and what comes from the WhatsApp Business app; messages and their statuses are lost. In which
zone its API reads times is not documented: without --zone up to eight hours more are asked for at either end.`,
		RunE: func(c *cobra.Command, _ []string) error { return flags.run(c, common) },
	}
	f := backfill.Flags()
	f.StringVar(&flags.api, "api", nxcloud.API, "base URL of nxtele's API")
	f.StringVar(&flags.app, "app", "", "appkey of the app that the number belongs to")
	f.StringVar(&flags.source, "source", "", "source to post to, whose access key asks (default: the first one of nxtele)")
	f.StringVar(&flags.url, "url", "", "ingress to post to, such as http://127.0.0.1:8080 (default: as configured, on this machine)")
	f.StringSliceVar(&flags.phones, "account-phone", nil, "business number, digits; may be given several times")
	f.StringVar(&flags.field, "field", "account_update", "one of "+strings.Join(nxcloud.Fields(), ", "))
	f.StringVar(&flags.since, "since", "", "begin of the window: how long ago, such as 36h or 7d, or a time, such as 2026-04-16T08:00:00Z")
	f.StringVar(&flags.until, "until", "", "end of the window, likewise (default: now)")
	f.StringVar(&flags.zone, "zone", "", "zone in which the API reads times, such as Asia/Shanghai")
	f.BoolVar(&flags.dryRun, "dry-run", false, "list what is stored, and post nothing")
	return group("nxtele", "Speak to nxtele's API", "", backfill)
}

func (f backfillFlags) run(c *cobra.Command, common *commonFlags) error {
	queries, err := f.queries(time.Now())
	if err != nil {
		return &usageError{err}
	}
	cfg, err := common.load()
	if err != nil {
		return err
	}
	source, err := speaking[*nxtele.Provider](cfg, f.source, "nxtele")
	if err != nil {
		return err
	}
	if len(source.provider.Sign(nil, time.Now())) == 0 {
		return fmt.Errorf("source %s has no access key to ask with", source.name)
	}
	client, err := nxcloud.New(f.api, f.app, source.provider.SignRequest)
	if err != nil {
		return &usageError{fmt.Errorf("--api: %w", err)}
	}
	var bodies [][]byte
	for _, q := range queries {
		found, err := client.Callbacks(c.Context(), q)
		if err != nil {
			return err
		}
		bodies = append(bodies, found...)
	}
	if f.dryRun {
		return listCallbacks(c.OutOrStdout(), source, bodies)
	}
	at, err := source.endpoint(cmp.Or(f.url, "http://"+dialable(cfg.Ingress.Listen)))
	if err != nil {
		return err
	}
	return postCallbacks(c.Context(), c.OutOrStdout(), source, at, bodies)
}

// queries checks the flags and makes a query for each number.
func (f backfillFlags) queries(now time.Time) ([]nxcloud.Query, error) {
	since, err := moment(f.since, now)
	if err != nil {
		return nil, fmt.Errorf("--since: %w", err)
	}
	until, err := moment(cmp.Or(f.until, "0s"), now)
	if err != nil {
		return nil, fmt.Errorf("--until: %w", err)
	}
	var zone *time.Location
	if f.zone != "" {
		if zone, err = time.LoadLocation(f.zone); err != nil {
			return nil, errors.New("--zone: want the name of a zone, such as Asia/Shanghai or UTC")
		}
	}
	switch {
	case f.app == "":
		return nil, errors.New("--app is required: the appkey of the app that the number belongs to")
	case len(f.phones) == 0:
		return nil, errors.New("--account-phone is required: the API is asked number by number")
	case !slices.Contains(nxcloud.Fields(), f.field):
		return nil, fmt.Errorf("--field: nxtele stores %s only", strings.Join(nxcloud.Fields(), ", "))
	}
	var queries []nxcloud.Query
	for _, phone := range f.phones {
		if strings.Trim(phone, "0123456789") != "" || phone == "" {
			return nil, errors.New("--account-phone: want digits only, with the country code")
		}
		queries = append(queries, nxcloud.Query{Phone: phone, Field: f.field, Since: since, Until: until, Zone: zone})
	}
	return queries, nil
}

// moment reads a time, or how long ago it was.
func moment(text string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	if days, err := strconv.ParseFloat(strings.TrimSuffix(text, "d"), 64); err == nil && strings.HasSuffix(text, "d") && days >= 0 && days < 10_000 {
		return now.Add(-time.Duration(days * 24 * float64(time.Hour))), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02 15:04", time.DateOnly} { // without a zone: as we print them
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, errors.New("want how long ago, such as 36h or 7d, or a time, such as 2026-04-16T08:00:00Z or, of this machine's zone, '2026-04-16 08:00'")
}

// listCallbacks shows what the events in stored callbacks would be.
func listCallbacks(out io.Writer, source spoken[*nxtele.Provider], bodies [][]byte) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WORKFLOW\tTIME\tEVENT\tACCOUNT")
	for _, body := range bodies {
		workflow := workflows.ID([]webhook.Webhook{{Source: source.name, ID: webhook.ID(source.name, body)}})
		for _, e := range source.provider.Normalize(body, time.Now()) {
			at := ""
			if !e.Time.IsZero() {
				at = e.Time.Local().Format(time.DateTime)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", workflow, at, e.Type, e.Account)
		}
	}
	return w.Flush()
}

// postCallbacks posts each to the ingress, one after the other: what nobody answers ends it, and to run it again is
// harmless.
func postCallbacks(ctx context.Context, out io.Writer, source spoken[*nxtele.Provider], at string, bodies [][]byte) error {
	accepted, known, refused, status := 0, 0, 0, 0
	for i, body := range bodies {
		got, err := post(ctx, at, source.provider.Sign(body, time.Now()), body)
		if err != nil {
			return fmt.Errorf("post callback %d of %d to source %s: %w", i+1, len(bodies), source.name, err)
		}
		switch {
		case got.status != http.StatusOK:
			refused, status = refused+1, got.status
		case got.outcome == "duplicate":
			known++
		default:
			accepted++
		}
	}
	fmt.Fprintf(out, "%d stored: %d accepted, %d known already, %d refused\n", len(bodies), accepted, known, refused)
	if refused > 0 {
		return fmt.Errorf("%d were refused, the last with status %d: run 'holdfast refused' to see why", refused, status)
	}
	return nil
}
