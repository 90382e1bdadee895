package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"holdfast/internal/load"
	"holdfast/internal/signature"
)

// Secrets are named by the environment rather than the command line, which others may read.
const (
	benchSecret  = "HOLDFAST_BENCH_SECRET"
	benchSinkKey = "HOLDFAST_BENCH_SINK_KEY"
)

// benchFlags are the flags of `holdfast bench`.
type benchFlags struct {
	url, mix, sink, json string
	options              load.Options
	plan                 load.Plan
	warmup               time.Duration
	patience, drain      time.Duration
	destinations, hang   []string
	cpu                  []string
}

func newBench() *cobra.Command {
	var flags benchFlags
	c := &cobra.Command{
		Use:   "bench --url URL",
		Short: "Send webhooks at a rate, and measure how fast they are acknowledged and told",
		Long: `Makes webhooks as a provider would, each with ids of its own, signs them and posts them to any URL. With --rate it sends
so many in a second, however long the answers take, and counts latency from when each was due; without, each of --callers
sends the next one when the last was answered.

With --sink it is also the destination: http://ADDR/NAME is destination NAME, which needs private: true. What it is told need
not be from Holdfast: an update is recognized by its id, wherever in the body that stands. So losses, repetitions and latency
end to end are exact.

The secret is taken from ` + benchSecret + `: Meta's app secret, or nxtele's access key and secret as KEY:SECRET. If ` + benchSinkKey + `
is set, only what is signed with that key (whsec_…) counts as told.

The exit status is 1 if something was lost, told under several ids, or accepted although its signature was bad.`,
		Example: `  HOLDFAST_BENCH_SECRET=… holdfast bench --url http://127.0.0.1:8080/webhooks/meta-main --rate 2000 --duration 60s \
    --mix status=99,ban=1 --sink 127.0.0.1:9999 --cpu holdfast=1234 --cpu postgres=1200 --json report.json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return bench(c.Context(), flags, os.Getenv, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.StringVar(&flags.url, "url", "", "where to post: the whole URL of a source")
	f.StringVar(&flags.options.Dialect, "provider", "meta", "whose webhooks to make: "+strings.Join(load.Dialects(), " or "))
	f.StringVar(&flags.mix, "mix", "status=97,message=2,ban=0.4,reinstated=0.2,stop=0.2,unknown=0.2", "kinds with their weights; also big: 1,000 long messages in one webhook")
	f.IntVar(&flags.options.Batch, "batch", 1, "updates in a webhook of a kind that may have several, up to 1000")
	f.Float64Var(&flags.plan.Rate, "rate", 0, "webhooks per second; 0: as fast as callers are answered")
	f.BoolVar(&flags.plan.Poisson, "poisson", false, "with --rate: webhooks come by chance, not evenly")
	f.IntVar(&flags.plan.Callers, "callers", 0, "requests under way at most (default: 2048 with --rate, else 8)")
	f.DurationVar(&flags.plan.Duration, "duration", 10*time.Second, "how long to send")
	f.DurationVar(&flags.warmup, "warmup", 0, "how much of that does not count in latencies and rates")
	f.IntVar(&flags.plan.Webhooks, "webhooks", 0, "send no more than this")
	f.Float64Var(&flags.plan.Duplicates, "duplicates", 0, "share of webhooks to send twice, such as 0.1")
	f.DurationVar(&flags.plan.DuplicateAfter, "duplicates-after", 0, "with --rate: how much later")
	f.Float64Var(&flags.plan.Forged, "bad-signatures", 0, "share of webhooks whose signature does not hold")
	f.IntVar(&flags.plan.Retries, "retries", 0, "how often to send again what is answered 5xx, 429 or not at all")
	f.DurationVar(&flags.plan.Timeout, "timeout", 10*time.Second, "of a request")
	f.StringVar(&flags.sink, "sink", "", "address, host:port, to be told at; without one only acknowledgements are measured")
	f.StringSliceVar(&flags.destinations, "destinations", nil, "destinations that must be told everything (default: those that are told anything by the end of the load)")
	f.StringSliceVar(&flags.hang, "hang", nil, "destinations that never answer")
	f.DurationVar(&flags.patience, "patience", 30*time.Second, "how long to wait for what is not told, while nothing more is")
	f.DurationVar(&flags.drain, "drain", 5*time.Minute, "how long to wait for it altogether")
	f.StringArrayVar(&flags.cpu, "cpu", nil, "measure what a program uses as well: name=pid, with its children, or name=text of its command line; repeatable")
	f.StringVar(&flags.json, "json", "", "also write the report to this file; - is standard output, instead of the table")
	return c
}

// parse checks the flags, and fills in what follows from them.
func (f *benchFlags) parse(getenv func(string) string) (signer load.Signer, keys []signature.StandardKey, targets []load.Target, err error) {
	u, err := url.Parse(f.url)
	switch {
	case f.url == "":
		err = errors.New("--url must say where to post")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		err = errors.New("--url must be a whole URL, with http or https")
	case !slices.Contains(load.Dialects(), f.options.Dialect):
		err = fmt.Errorf("--provider must be one of %s", strings.Join(load.Dialects(), ", "))
	case f.warmup < 0 || f.warmup >= f.plan.Duration:
		err = errors.New("--warmup must be shorter than --duration")
	case f.sink == "" && len(f.destinations)+len(f.hang) > 0:
		err = errors.New("--destinations and --hang need --sink")
	}
	if err != nil {
		return nil, nil, nil, &usageError{err}
	}
	if f.options.Mix, err = load.ParseMix(f.mix); err != nil {
		return nil, nil, nil, &usageError{fmt.Errorf("--mix: %w", err)}
	}
	if f.plan.Rate == 0 {
		f.plan.Callers = cmp.Or(f.plan.Callers, 8)
	}
	f.plan.Callers = cmp.Or(f.plan.Callers, 2048)
	targets = []load.Target{{Name: "bench", PID: os.Getpid()}}
	for _, text := range f.cpu {
		t, err := load.ParseTarget(text)
		if err != nil {
			return nil, nil, nil, &usageError{fmt.Errorf("--cpu: %w", err)}
		}
		targets = append(targets, t)
	}
	if signer, err = load.NewSigner(f.options.Dialect, signature.Secret(getenv(benchSecret))); err != nil {
		return nil, nil, nil, fmt.Errorf("%s: %w", benchSecret, err)
	}
	if text := getenv(benchSinkKey); text != "" {
		key, err := signature.ParseStandardKey(signature.Secret(text))
		if err != nil {
			return nil, nil, nil, fmt.Errorf("%s: %w", benchSinkKey, err)
		}
		keys = append(keys, key)
	}
	return signer, keys, targets, nil
}

// bench measures, and writes the report.
func bench(ctx context.Context, flags benchFlags, getenv func(string) string, out, errOut io.Writer) error {
	signer, keys, targets, err := flags.parse(getenv)
	if err != nil {
		return err
	}
	flags.options.Run = load.NewRun()
	generator, err := load.New(flags.options)
	if err != nil {
		return &usageError{err}
	}
	sink := load.NewSink(flags.options.Run, keys...)
	for _, name := range flags.hang {
		sink.Destination(name).Behave(load.Behaviour{Hang: true})
	}
	if flags.sink != "" {
		l, err := net.Listen("tcp", flags.sink)
		if err != nil {
			return fmt.Errorf("open the sink: %w", err)
		}
		server := &http.Server{Handler: sink, ReadHeaderTimeout: 10 * time.Second}
		go func() { _ = server.Serve(l) }() // ends when it is closed
		defer server.Close()
	}
	meter, err := load.StartMeter(targets)
	if err != nil {
		return err
	}
	transport := load.NewTransport(flags.plan.Callers)
	defer transport.CloseIdleConnections()
	driver := load.Driver{Generator: generator, Signer: signer, URL: flags.url, Transport: transport, Agent: "holdfast-bench/" + version()}

	measuring, measured := context.WithCancel(ctx)
	defer measured()
	var together errgroup.Group
	together.Go(func() error { return meter.Run(measuring) })
	outcome, err := driver.Run(ctx, flags.plan)
	if err != nil {
		return &usageError{err}
	}
	draining, drained := context.WithTimeout(ctx, flags.drain)
	defer drained()
	expecting := flags.expecting(draining, sink)
	for _, name := range slices.Sorted(maps.Keys(expecting)) {
		if !outcome.Await(draining, expecting[name].Ledger, flags.patience) {
			fmt.Fprintf(errOut, "holdfast: %s was not told everything\n", cmp.Or(name, "the sink"))
		}
	}
	measured()
	if err := together.Wait(); err != nil {
		return err
	}
	report := load.Measurement{Version: version(), Options: flags.options, Plan: flags.plan, Warmup: flags.warmup, Outcome: outcome}.Report(expecting)
	costs, machine, err := meter.Costs()
	if err != nil {
		return err
	}
	report.Costs, report.Machine = costs, &machine
	return errors.Join(writeReport(report, flags.json, out), faults(report))
}

// expecting are the destinations that should have been told everything: those that were named or else, once one is told
// anything, those that are. If nobody is told anything, that is a loss too.
func (f *benchFlags) expecting(ctx context.Context, sink *load.Sink) map[string]*load.Destination {
	names := f.destinations
	ctx, cancel := context.WithTimeout(ctx, f.patience)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for f.sink != "" && len(names) == 0 && ctx.Err() == nil {
		names = slices.DeleteFunc(sink.Names(), func(name string) bool { return slices.Contains(f.hang, name) })
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
	if len(names) == 0 && f.sink != "" {
		names = []string{""}
	}
	out := map[string]*load.Destination{}
	for _, name := range names {
		out[name] = sink.Destination(name)
	}
	return out
}

func writeReport(r *load.Report, file string, out io.Writer) error {
	if file != "-" {
		if err := r.Table(out); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	text = append(text, '\n')
	if file == "-" {
		_, err = out.Write(text)
	} else {
		err = os.WriteFile(file, text, 0o644) //nolint:gosec // figures are nobody's secret
	}
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// faults is an error if something happened that never may.
func faults(r *load.Report) error {
	var all []error
	if n := r.Webhooks.Believed; n > 0 {
		all = append(all, fmt.Errorf("%d webhooks with a bad signature were accepted", n))
	}
	for _, d := range r.Destinations {
		name := cmp.Or(d.Name, "the sink")
		if d.Lost > 0 {
			all = append(all, fmt.Errorf("%s was not told %d updates that were acknowledged", name, d.Lost))
		}
		if d.SeveralIDs > 0 {
			all = append(all, fmt.Errorf("%s was told %d updates under several ids", name, d.SeveralIDs))
		}
	}
	return errors.Join(all...)
}
