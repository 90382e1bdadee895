package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/internal/provider/whizard"
	"holdfast/internal/provider/whizard/whizardapi"
	"holdfast/internal/signature"
	"holdfast/internal/webapi"
)

// whizardKey is the variable with the key of the number whose webhook is meant.
const whizardKey = "WHIZARD_KEY"

// whizardFlags are the flags of `holdfast whizard webhook`.
type whizardFlags struct{ api, source, url string }

func newWhizard(common *commonFlags) *cobra.Command {
	var flags whizardFlags
	webhook := group("webhook", "Where Whizard sends the webhooks of a number", "",
		&cobra.Command{
			Use: "get", Short: "Show where Whizard sends webhooks, and whether the source would take them", Args: noArgs,
			Long: `Shows the URL and the names of the headers that Whizard has for the number of the key, never their values. It fails if
the source would not take what is sent like that.`,
			RunE: func(c *cobra.Command, _ []string) error { return flags.run(c, common, getWhizard) },
		},
		&cobra.Command{
			Use: "set", Short: "Tell Whizard where the source is, and which headers to send", Args: noArgs,
			Long: `Sets the URL of the source and its first credential, reads both back, and fails if they are not what was set.

To rotate: add the new credential before the old one, restart the ingress and the workers, run this, and take the old one
away when nothing that was accepted with it is left.`,
			RunE: func(c *cobra.Command, _ []string) error {
				if err := required("url", flags.url, "the URL at which Whizard reaches the ingress, such as https://hooks.example.com"); err != nil {
					return err
				}
				return flags.run(c, common, setWhizard)
			},
		},
	)
	webhook.PersistentFlags().StringVar(&flags.api, "api", "", "base URL of Whizard's API; its pages do not tell one")
	webhook.PersistentFlags().StringVar(&flags.source, "source", "", "source of the number (default: the first one of whizard)")
	webhook.PersistentFlags().StringVar(&flags.url, "url", "", "URL at which Whizard reaches the ingress, such as https://hooks.example.com")
	return group("whizard", "Speak to Whizard's API", "Speaks to Whizard's API with the key in "+whizardKey+", which is of one number.", webhook)
}

type whizardSource = spoken[*whizard.Provider]

func (f whizardFlags) run(c *cobra.Command, common *commonFlags, do func(context.Context, *whizardapi.Client, whizardSource, string, io.Writer) error) error {
	if err := required("api", f.api, "the base URL of Whizard's API"); err != nil {
		return err
	}
	cfg, err := common.load()
	if err != nil {
		return err
	}
	source, err := speaking[*whizard.Provider](cfg, f.source, "whizard")
	if err != nil {
		return err
	}
	endpoint := ""
	if f.url != "" {
		if endpoint, err = source.endpoint(f.url); err != nil {
			return err
		}
		if err := whizardapi.CheckURL(endpoint); err != nil {
			return &usageError{fmt.Errorf("--url: %w", err)}
		}
	}
	key, err := secretOf(whizardKey, "the WHIZARD-KEY of the number")
	if err != nil {
		return err
	}
	client, err := whizardapi.New(f.api, key)
	if err != nil {
		return &usageError{fmt.Errorf("--api: %w", err)}
	}
	return do(c.Context(), client, source, endpoint, c.OutOrStdout())
}

// getWhizard shows what is set. The endpoint is that of the source; empty if nobody has said where the ingress is.
func getWhizard(ctx context.Context, client *whizardapi.Client, source whizardSource, endpoint string, out io.Writer) error {
	set, err := client.Get(ctx)
	if err != nil {
		return err
	}
	if set.URL == "" {
		return errors.New("no webhook is set")
	}
	fmt.Fprintf(out, "url      %s\nheaders  %s\n", webapi.Line(set.URL), webapi.Line(strings.Join(slices.Sorted(maps.Keys(set.Headers)), ", ")))
	var wrong []string
	switch {
	case endpoint != "" && !sameURL(set.URL, endpoint):
		wrong = append(wrong, "the URL is not that of the source, which is "+endpoint)
	case endpoint == "" && !strings.HasSuffix(set.URL, "/webhooks/"+source.source.Path):
		wrong = append(wrong, "the URL does not end like that of the source")
	}
	if !source.provider.Knows(headerOf(set.Headers)) {
		wrong = append(wrong, "the headers are no credential of the source")
	}
	if len(wrong) > 0 {
		return fmt.Errorf("source %s would not get this: %s", source.name, strings.Join(wrong, "; "))
	}
	fmt.Fprintf(out, "source   %s, as configured\n", source.name)
	return nil
}

func setWhizard(ctx context.Context, client *whizardapi.Client, source whizardSource, endpoint string, out io.Writer) error {
	want := whizardapi.Webhook{URL: endpoint, Headers: source.provider.Headers()}
	if len(want.Headers) == 0 {
		return fmt.Errorf("source %s has no credentials: Whizard would send nothing that proves who it is", source.name)
	}
	if err := client.Set(ctx, want); err != nil {
		return err
	}
	set, err := client.Get(ctx)
	if err != nil {
		return fmt.Errorf("set, but not known to be: %w", err)
	}
	if !sameURL(set.URL, want.URL) || !hasAll(headerOf(set.Headers), want.Headers) {
		return errors.New("set, but Whizard says that something else is: look with 'holdfast whizard webhook get'")
	}
	fmt.Fprintf(out, "set for source %s, and read back\n", source.name)
	return nil
}

// headerOf makes of headers what a request would have.
func headerOf(headers map[string]signature.Secret) http.Header {
	h := make(http.Header, len(headers))
	for name, value := range headers {
		h.Add(name, string(value))
	}
	return h
}

func hasAll(h http.Header, headers map[string]signature.Secret) bool {
	for name, value := range headers {
		if got := h.Values(name); len(got) != 1 || got[0] != string(value) {
			return false
		}
	}
	return true
}

// sameURL reports whether two endpoints are one: the port of https need not be named.
func sameURL(a, b string) bool {
	plain := func(text string) string {
		rest, ok := strings.CutPrefix(text, "https://")
		host, path, _ := strings.Cut(rest, "/")
		if !ok {
			return text
		}
		return "https://" + strings.ToLower(strings.TrimSuffix(host, ":443")) + "/" + path
	}
	return plain(a) == plain(b)
}
