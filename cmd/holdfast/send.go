package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/ingress"
	"holdfast/internal/config"
	"holdfast/internal/provider"
	"holdfast/internal/webhook"
	"holdfast/workflows"
)

// sendFlags are the flags of `holdfast send`.
type sendFlags struct {
	source, url    string
	list, exact    bool
	account, phone string
}

func newSend(common *commonFlags) *cobra.Command {
	var flags sendFlags
	c := &cobra.Command{
		Use:   "send SAMPLE | FILE | -",
		Short: "Sign a webhook as its provider would and post it to a running ingress",
		Long: `Signs and posts a bundled sample (see --list), a file, or standard input.

Samples carry the placeholders and the times of their publication. They are made fresh first: the placeholders become
plausible ids, the times become now. With --exact the bytes are sent as they are. Files are always sent as they are.`,
		Args: func(c *cobra.Command, args []string) error {
			if !flags.list && len(args) != 1 {
				return &usageError{errors.New("send takes one sample, file or - ; --list names the samples")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if flags.list {
				return listSamples(c.OutOrStdout())
			}
			cfg, err := common.load()
			if err != nil {
				return err
			}
			return send(c.Context(), cfg, flags, args[0], c.InOrStdin(), c.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&flags.list, "list", false, "name the bundled samples")
	c.Flags().BoolVar(&flags.exact, "exact", false, "send a sample byte for byte as published")
	c.Flags().StringVar(&flags.source, "source", "", "source to send to (default: the first one of the sample's provider)")
	c.Flags().StringVar(&flags.url, "url", "", "ingress to post to, such as http://127.0.0.1:8080 (default: as configured, on this machine)")
	c.Flags().StringVar(&flags.account, "account", "", "WhatsApp business account id to put into a sample")
	c.Flags().StringVar(&flags.phone, "phone", "", "business phone number to put into a sample")
	return c
}

func listSamples(w io.Writer) error {
	for _, d := range provider.List() {
		files, err := fs.Glob(d.Samples, "samples/*.json")
		if err != nil {
			return err
		}
		for _, f := range files {
			fmt.Fprintf(w, "%s/%s\n", d.Name, strings.TrimSuffix(path.Base(f), ".json"))
		}
	}
	return nil
}

// sample reads a bundled sample by its name, such as meta/account-banned.
func sample(name string) (body []byte, dialect string, ok bool) {
	dialect, file, found := strings.Cut(name, "/")
	for _, d := range provider.List() {
		if found && d.Name == dialect {
			body, err := fs.ReadFile(d.Samples, "samples/"+file+".json")
			return body, dialect, err == nil
		}
	}
	return nil, "", false
}

func send(ctx context.Context, cfg *config.Config, flags sendFlags, what string, stdin io.Reader, out io.Writer) error {
	body, dialect, bundled := sample(what)
	var err error
	switch {
	case bundled && !flags.exact:
		body, err = freshen(body, placeholders{account: flags.account, phone: flags.phone}, time.Now())
	case bundled:
	case what == "-":
		body, err = io.ReadAll(stdin)
	default:
		if body, err = os.ReadFile(what); errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("there is neither a sample nor a file named %s; 'holdfast send --list' names the samples", what)
		}
	}
	if err != nil {
		return err
	}
	name, source, err := target(cfg, flags.source, dialect)
	if err != nil {
		return &usageError{err}
	}
	signer, ok := source.Provider.(provider.Signer)
	if !ok {
		return fmt.Errorf("source %s: provider %s cannot sign", name, source.Dialect)
	}
	at := cmp.Or(flags.url, "http://"+dialable(cfg.Ingress.Listen))
	where, err := url.JoinPath(at, "webhooks", source.Path)
	if err != nil {
		return &usageError{fmt.Errorf("--url: %w", err)}
	}
	got, err := post(ctx, where, signer.Sign(body, time.Now()), body)
	if err != nil {
		return fmt.Errorf("send to source %s at %s: %w", name, at, err)
	}
	return tellAnswer(ctx, out, cfg, got, name, webhook.ID(name, body))
}

// target chooses the source: the one that was named, or the first of the dialect, or the only one there is.
func target(cfg *config.Config, name, dialect string) (string, config.Source, error) {
	names := slices.Sorted(maps.Keys(cfg.Sources))
	if name != "" {
		s, ok := cfg.Sources[name]
		if !ok {
			return "", s, fmt.Errorf("there is no source %s; there are: %s", name, strings.Join(names, ", "))
		}
		return name, s, nil
	}
	for _, n := range names {
		if s := cfg.Sources[n]; s.Dialect == dialect || dialect == "" && len(names) == 1 {
			return n, s, nil
		}
	}
	if dialect == "" {
		return "", config.Source{}, fmt.Errorf("--source is required where there are several: %s", strings.Join(names, ", "))
	}
	return "", config.Source{}, fmt.Errorf("no source has provider %s; --source names another", dialect)
}

// An answer is what came back.
type answer struct {
	status  int
	outcome string
	took    time.Duration
}

func post(ctx context.Context, where string, headers http.Header, body []byte) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, where, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header = headers
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "holdfast-send/"+version())
	start := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if op, ok := errors.AsType[*url.Error](err); ok {
			err = op.Err // without the URL, whose path may be a secret
		}
		return answer{}, err
	}
	defer resp.Body.Close()
	took := time.Since(start)
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10)) // the words say no more than the status
	return answer{resp.StatusCode, resp.Header.Get(ingress.OutcomeHeader), took}, nil
}

// tellAnswer says what the ingress made of the webhook. Why it refused one it tells its operators only, so they are asked.
func tellAnswer(ctx context.Context, out io.Writer, cfg *config.Config, got answer, source, id string) error {
	took := got.took.Round(100 * time.Microsecond)
	workflow := workflows.ID([]webhook.Webhook{{Source: source, ID: id}})
	if got.status == http.StatusOK {
		fmt.Fprintf(out, "%s (200 in %s): workflow %s\n", cmp.Or(got.outcome, "answered"), took, workflow)
		return nil
	}
	why := "run 'holdfast refused' to see why"
	if list, err := refusals(ctx, operatorURL(cfg)); err == nil && len(list) > 0 && list[0].Status == got.status {
		why = list[0].Reason
	}
	return fmt.Errorf("refused with status %d in %s: %s", got.status, took, why)
}
