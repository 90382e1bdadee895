package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/internal/provider/meta"
	"holdfast/internal/provider/meta/graph"
	"holdfast/internal/signature"
	"holdfast/internal/webapi"
)

// The variables with secrets that Graph wants to see.
const (
	metaAccessToken = "META_ACCESS_TOKEN"
	metaAppSecret   = "META_APP_SECRET"
)

// metaFlags are the flags of `holdfast meta`.
type metaFlags struct {
	api, version, source, url, app string
	accounts, fields               []string
}

func newMeta(common *commonFlags) *cobra.Command {
	var flags metaFlags
	c := group("meta", "Subscribe to webhooks with Meta's Graph API, and see what is subscribed",
		`Speaks to Meta's Graph API. What concerns the app is asked with its secret, the first of the source's app_secrets or, if
there are several apps, the one in `+metaAppSecret+`. What concerns accounts is asked with `+metaAccessToken+`, a token of the same
app with the permission whatsapp_business_management.`,
		&cobra.Command{
			Use: "subscribe", Short: "Send an app's webhooks, and those of accounts, to a source", Args: noArgs,
			Long: `Sets the callback URL and the fields of an app, and subscribes the app to each account that is named. The ingress must run
and be reached by Meta, which asks it first. An app has one callback URL: if it had another, nothing is sent there any more.
Fields that were subscribed before stay so. What was set is read back.`,
			RunE: func(c *cobra.Command, _ []string) error {
				if err := required("url", flags.url, "the URL at which Meta reaches the ingress, such as https://hooks.example.com"); err != nil {
					return err
				}
				return flags.run(c, common, subscribeMeta)
			},
		},
		&cobra.Command{
			Use: "status", Short: "Show what an app and accounts are subscribed to, and what is missing", Args: noArgs,
			Long: `Shows where an app's webhooks are sent, which fields it has, and whether it is subscribed to the accounts that are named. It
fails if the source would not get all of it.`,
			RunE: func(c *cobra.Command, _ []string) error { return flags.run(c, common, metaStatus) },
		},
	)
	f := c.PersistentFlags()
	f.StringVar(&flags.api, "api", graph.API, "base URL of the Graph API")
	f.StringVar(&flags.version, "api-version", graph.Version, "version of the Graph API, which decides the shape of what is sent")
	f.StringVar(&flags.source, "source", "", "source of the app (default: the first one of meta)")
	f.StringVar(&flags.url, "url", "", "URL at which Meta reaches the ingress, such as https://hooks.example.com")
	f.StringVar(&flags.app, "app", "", "id of the app")
	f.StringSliceVar(&flags.accounts, "account", nil, "WhatsApp business account id; may be given several times")
	f.StringSliceVar(&flags.fields, "fields", meta.Fields(), "fields to be subscribed")
	return c
}

// A metaPlan is what should be, and who can see to it.
type metaPlan struct {
	client   *graph.Client
	source   spoken[*meta.Provider]
	app      string
	endpoint string // empty if nobody has said where the ingress is
	fields   []string
	accounts []string
}

func (f metaFlags) run(c *cobra.Command, common *commonFlags, do func(context.Context, metaPlan, io.Writer) error) error {
	if err := required("app", f.app, "the id of the app, as the App Dashboard shows it"); err != nil {
		return err
	}
	for _, account := range f.accounts {
		if !graph.ValidID(account) {
			return &usageError{errors.New("--account: want the digits of a WhatsApp business account id")}
		}
	}
	cfg, err := common.load()
	if err != nil {
		return err
	}
	source, err := speaking[*meta.Provider](cfg, f.source, "meta")
	if err != nil {
		return err
	}
	plan := metaPlan{source: source, app: f.app, fields: f.fields, accounts: f.accounts}
	if f.url != "" {
		if plan.endpoint, err = source.endpoint(f.url); err != nil {
			return err
		}
		if !strings.HasPrefix(plan.endpoint, "https://") {
			return &usageError{errors.New("--url: Meta sends to https only")}
		}
	}
	config := graph.Config{Base: f.api, Version: f.version, App: f.app, VerifyToken: source.provider.VerifyToken()}
	if config.Secret, err = appSecret(source); err != nil {
		return err
	}
	if len(f.accounts) > 0 {
		if config.Token, err = secretOf(metaAccessToken, "an access token of the app, for accounts"); err != nil {
			return err
		}
	}
	if plan.client, err = graph.New(config); err != nil {
		return &usageError{err}
	}
	return do(c.Context(), plan, c.OutOrStdout())
}

// appSecret is the one that was named or else the first of the source, which must know it: Meta signs with it.
func appSecret(source spoken[*meta.Provider]) (signature.Secret, error) {
	known := source.provider.AppSecrets()
	named := signature.Secret(os.Getenv(metaAppSecret))
	switch {
	case len(known) == 0:
		return "", fmt.Errorf("source %s has no app_secrets: it would believe anybody", source.name)
	case named != "" && !slices.Contains(known, named):
		return "", fmt.Errorf("%s is not one of the app_secrets of source %s, which would refuse what the app signs", metaAppSecret, source.name)
	}
	return cmp.Or(named, known[0]), nil
}

func subscribeMeta(ctx context.Context, p metaPlan, out io.Writer) error {
	if p.source.provider.VerifyToken() == "" {
		return fmt.Errorf("source %s has no verify_token: Meta would not be answered", p.source.name)
	}
	before, err := p.client.Subscription(ctx)
	if err != nil {
		return err
	}
	fields := slices.AppendSeq(slices.Clone(p.fields), maps.Keys(before.Fields))
	slices.Sort(fields)
	fields = slices.Compact(fields)
	if err := p.client.Subscribe(ctx, p.endpoint, fields); err != nil {
		return err
	}
	after, err := p.client.Subscription(ctx)
	if err != nil {
		return fmt.Errorf("subscribed, but not known to be: %w", err)
	}
	p.fields = fields
	if wrong := p.missing(after); len(wrong) > 0 {
		return fmt.Errorf("subscribed, but Meta says that something else is: %s", strings.Join(wrong, "; "))
	}
	fmt.Fprintf(out, "app %s: %d fields to source %s\n", p.app, len(fields), p.source.name)
	if before.Callback != "" && before.Callback != p.endpoint {
		fmt.Fprintf(out, "app %s: no longer to %s\n", p.app, webapi.Line(before.Callback))
	}
	for _, account := range p.accounts {
		if err := p.subscribeAccount(ctx, account, out); err != nil {
			return err
		}
	}
	return nil
}

// subscribeAccount leaves alone what is subscribed: to do it again might take away where else messages are sent.
func (p metaPlan) subscribeAccount(ctx context.Context, account string, out io.Writer) error {
	_, there, err := p.subscribed(ctx, account)
	if err != nil {
		return err
	}
	if there {
		fmt.Fprintf(out, "account %s: subscribed already\n", account)
		return nil
	}
	if err := p.client.SubscribeAccount(ctx, account); err != nil {
		return err
	}
	if _, there, err = p.subscribed(ctx, account); err != nil {
		return err
	}
	if !there {
		return fmt.Errorf("account %s: subscribed, but not by app %s: %s is of another app", account, p.app, metaAccessToken)
	}
	fmt.Fprintf(out, "account %s: subscribed\n", account)
	return nil
}

func (p metaPlan) subscribed(ctx context.Context, account string) (graph.App, bool, error) {
	apps, err := p.client.SubscribedApps(ctx, account)
	if err != nil {
		return graph.App{}, false, err
	}
	i := slices.IndexFunc(apps, func(a graph.App) bool { return a.ID == p.app })
	if i < 0 {
		return graph.App{}, false, nil
	}
	return apps[i], true, nil
}

// missing says what of the plan a subscription of the app does not do.
func (p metaPlan) missing(s graph.Subscription) []string {
	if s.Callback == "" {
		return []string{"the app is not subscribed"}
	}
	var wrong []string
	if !p.isEndpoint(s.Callback) {
		wrong = append(wrong, "the callback URL is not that of source "+p.source.name)
	}
	if !s.Active {
		wrong = append(wrong, "the subscription is not active")
	}
	var fields []string
	for _, field := range p.fields {
		if _, ok := s.Fields[field]; !ok {
			fields = append(fields, field)
		}
	}
	if len(fields) > 0 {
		wrong = append(wrong, "not subscribed: "+strings.Join(fields, ", "))
	}
	return wrong
}

// isEndpoint reports whether a URL is that of the source, as far as is known where the ingress is.
func (p metaPlan) isEndpoint(callback string) bool {
	if p.endpoint == "" {
		return strings.HasSuffix(callback, "/webhooks/"+p.source.source.Path)
	}
	return sameURL(callback, p.endpoint)
}

func metaStatus(ctx context.Context, p metaPlan, out io.Writer) error {
	s, err := p.client.Subscription(ctx)
	if err != nil {
		return err
	}
	if s.Callback != "" {
		fmt.Fprintf(out, "callback  %s\n", webapi.Line(s.Callback))
		for _, field := range slices.Sorted(maps.Keys(s.Fields)) {
			fmt.Fprintf(out, "field     %s %s\n", webapi.Line(field), webapi.Line(s.Fields[field]))
		}
	}
	wrong := p.missing(s)
	for _, account := range p.accounts {
		app, there, err := p.subscribed(ctx, account)
		switch {
		case err != nil:
			return err
		case !there:
			wrong = append(wrong, "the app is not subscribed to account "+account)
			continue
		case app.Callback != "" && !p.isEndpoint(app.Callback):
			wrong = append(wrong, "messages of account "+account+" are sent elsewhere")
		}
		fmt.Fprintf(out, "account   %s\n", account)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("source %s does not get everything: %s", p.source.name, strings.Join(wrong, "; "))
	}
	return nil
}
