package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"holdfast/ingress"
	"holdfast/internal/config"
)

func newRefused(common *commonFlags) *cobra.Command {
	var at string
	c := &cobra.Command{
		Use: "refused", Short: "List the requests that a running ingress refused, and why", Args: noArgs,
		Long: `Asks a running ingress for the requests it did not accept lately, the latest first. Why one of them does not verify says
'holdfast verify', given the request.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if at == "" {
				cfg, err := common.load()
				if err != nil {
					return err
				}
				at = operatorURL(cfg)
			}
			list, err := refusals(c.Context(), at)
			if err != nil {
				return err
			}
			if len(list) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "nothing was refused")
				return nil
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "LAST\tCOUNT\tSOURCE\tSTATUS\tREASON\tFROM\tUSER AGENT")
			for _, r := range list {
				fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%s\t%s\t%s\n", r.Last.Local().Format(time.DateTime), r.Count, r.Source, r.Status, r.Reason, r.Remote, r.UserAgent)
			}
			return w.Flush()
		},
	}
	c.Flags().StringVar(&at, "url", "", "the ingress's metrics listener (default: as configured, on this machine)")
	return c
}

// operatorURL is where operators ask the process of a configuration, if it runs on this machine.
func operatorURL(cfg *config.Config) string { return "http://" + dialable(cfg.Metrics.Listen) }

// dialable turns an address to listen on into one to dial: no host means this one.
func dialable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

func refusals(ctx context.Context, at string) ([]ingress.Refused, error) {
	where, err := url.JoinPath(at, "refused")
	if err != nil {
		return nil, fmt.Errorf("make URL: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return nil, fmt.Errorf("ask the ingress: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the ingress (does it run?): %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask the ingress at %s: status %d; is this its metrics listener?", where, resp.StatusCode)
	}
	var list []ingress.Refused
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		return nil, fmt.Errorf("read the ingress's answer: %w", err)
	}
	return list, nil
}
