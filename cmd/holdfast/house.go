package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"holdfast/activities"
	"holdfast/ingress"
	"holdfast/internal/config"
	"holdfast/internal/intake"
	"holdfast/internal/notify"
	"holdfast/internal/spool"
	"holdfast/internal/state"
	"holdfast/internal/storage"
	"holdfast/internal/temporal"
	"holdfast/worker"
	"holdfast/workflows"
)

// A house is everybody who works in one process, and what they share.
type house struct {
	config    *config.Config // as of the start; what can be reloaded is in the rooms
	log       *slog.Logger
	metrics   *prometheus.Registry
	temporal  client.Client
	address   string // of Temporal
	namespace string
	flags     temporalFlags // as of the command line
	converter converter.DataConverter
	storage   *storage.Driver // nil if none is configured

	stopTimeout time.Duration // of the worker
	orphanAge   time.Duration // of what is owed, before anybody asks whether its workflow still runs

	// Set by the rooms that are open.
	door    *ingress.Ingress
	intake  *intake.Intake
	spool   *spool.Spool
	store   atomic.Pointer[state.Store] // nil until the database answers
	told    *notify.Set
	desk    *workflows.Desk
	gauges  *gauges
	sources atomic.Pointer[map[string]config.Source] // by name, for the activities
	ui      atomic.Pointer[string]                   // address of the Temporal UI, for people; empty if there is none

	reloading sync.Mutex
	current   *config.Config // what the rooms have of what can be reloaded
}

// temporalFlags say which Temporal to use.
type temporalFlags struct {
	address, namespace, profile string
	isolated                    bool // only the flags count: neither the environment nor a profile
}

func build(cfg *config.Config, flags temporalFlags, log *slog.Logger) (*house, error) {
	h := &house{config: cfg, current: cfg, flags: flags, log: log, metrics: prometheus.NewRegistry(), stopTimeout: stopTimeout, orphanAge: orphanAge}
	h.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	h.sources.Store(&cfg.Sources)
	h.ui.Store(&cfg.Temporal.UI)
	var err error
	if h.converter, err = temporal.Converter(); err != nil {
		return nil, err
	}
	if h.storage, err = storage.Open(cfg.Storage, h.metrics); err != nil {
		return nil, err
	}
	c, options, err := temporal.Connect(temporal.Options{
		Address: cmp.Or(flags.address, cfg.Temporal.Address), Namespace: cmp.Or(flags.namespace, cfg.Temporal.Namespace),
		Profile: cmp.Or(flags.profile, cfg.Temporal.Profile), Isolated: flags.isolated,
		Converter: h.converter, Storage: h.storage.External(), Logger: log, Registerer: h.metrics,
	})
	if err != nil {
		return nil, err
	}
	h.temporal, h.address, h.namespace = c, options.HostPort, options.Namespace
	h.desk = workflows.NewDesk(c, cfg.Temporal.TaskQueue)
	return h, nil
}

func (h *house) close() {
	h.closeIntake()
	h.temporal.Close()
	if store := h.store.Load(); store != nil {
		if err := store.Close(); err != nil {
			h.log.Warn("State not closed cleanly", "error", err)
		}
	}
}

// openIngress opens the room that accepts webhooks. Eager says that a worker is in the house as well.
func (h *house) openIngress(eager bool) error {
	if err := h.config.RequireSources(); err != nil {
		return err
	}
	if err := h.openIntake(eager); err != nil {
		return err
	}
	door, err := ingress.New(ingress.Config{
		Sources: doors(h.config),
		Starter: h.intake,
		Checks: []ingress.Check{
			{Name: "acceptance", Ask: h.intake.Ask},
			{Name: "temporal", Ask: h.checkTemporal, Advisory: true},
			{Name: "spool", Ask: func(context.Context) error { return h.spool.Err() }, Advisory: true},
		},
		MaxInFlight: int64(h.config.Ingress.MaxInFlight),
		BodyTimeout: h.config.Ingress.ReadTimeout,
		Logger:      h.log,
		Registerer:  h.metrics,
	})
	if err != nil {
		return err
	}
	h.door = door
	return nil
}

// openWorker opens what the activities need, but for the database: that may take its time.
func (h *house) openWorker() error {
	told, err := notify.New(h.config.Destinations, notify.Options{
		Registerer: h.metrics, Version: version(), Accounts: h.config.Accounts, Link: h.link, Logger: h.log,
	})
	if err != nil {
		return err
	}
	h.told = told
	h.gauges, err = newGauges(h)
	return err
}

// work runs the worker until the context is done.
func (h *house) work(ctx context.Context, ready func()) error {
	key, err := h.prepare(ctx)
	if ctx.Err() != nil { // asked to end while it waited, which is no failure
		return nil
	}
	if err != nil {
		return err
	}
	var watch sync.WaitGroup
	watching, stop := context.WithCancel(ctx)
	watch.Go(func() { h.gauges.watch(watching) })
	watch.Go(func() { h.scheduleHousekeeping(watching) })
	defer watch.Wait()
	defer stop()
	metrics := activities.NewMetrics(h.metrics)
	return worker.Run(ctx, h.temporal, &activities.Activities{
		Sources:   h.dialect,
		State:     h.store.Load(),
		Notifier:  h.told,
		Log:       h.store.Load(),
		Desk:      h.desk,
		Restarter: h.operate(),
		Key:       key,
		Dedupe:    h.config.Dedupe,
		Size:      h.size,
		MaxResult: h.maxStored(),
		Storage:   h.pruner(),
		Metrics:   metrics,
	}, &activities.Destinations{
		Ledger:    h.store.Load(),
		Book:      h.store.Load(),
		Notifier:  h.told,
		Desk:      h.desk,
		Metrics:   metrics,
		OrphanAge: h.orphanAge,
	}, worker.Options{TaskQueue: h.config.Temporal.TaskQueue, StopTimeout: h.stopTimeout, Storage: h.storage != nil}, ready)
}

// scheduleHousekeeping makes sure that there is a schedule. The worker does not wait for it, nor depend on it.
func (h *house) scheduleHousekeeping(ctx context.Context) {
	_ = h.await(ctx, "Temporal to schedule housekeeping", func(ctx context.Context) (passing bool, err error) {
		return true, workflows.ScheduleHousekeeping(ctx, h.temporal, h.config.Temporal.TaskQueue)
	}) // until it is done, or the worker ends
}

// prepare waits until the database and Temporal answer and returns the installation's key. The ingress, if there is one
// in the house, is open meanwhile. What does not pass by waiting is an error.
func (h *house) prepare(ctx context.Context) (key []byte, err error) {
	err = h.await(ctx, "the database", func(ctx context.Context) (passing bool, err error) {
		store := h.store.Load()
		if store == nil {
			if store, err = state.Open(ctx, string(h.config.State.URL), state.Options{Attempts: h.config.Attempts}); err == nil {
				h.store.Store(store)
			}
		}
		if err == nil {
			key, err = store.Key(ctx)
		}
		return errors.Is(err, state.ErrUnreachable), err
	})
	if err == nil {
		err = h.await(ctx, "Temporal", h.askNamespace)
	}
	return key, err
}

const (
	tryEvery    = time.Second
	remindEvery = time.Minute
)

// await tries until it succeeds, fails for good, or ctx is done. It logs why it has to wait when that changes, and once a
// minute.
func (h *house) await(ctx context.Context, what string, try func(context.Context) (passing bool, err error)) error {
	var said string
	var at time.Time
	for {
		passing, err := try(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !passing:
			return err
		}
		if text := err.Error(); text != said || time.Since(at) >= remindEvery {
			h.log.Warn("Waiting", "for", what, "error", text, "accepting_webhooks", h.door != nil)
			said, at = text, time.Now()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(tryEvery):
		}
	}
}

// How long activities may finish what they are at when the worker stops: a telling under way takes up to its destination's
// time-out, 15 s unless configured otherwise. What does not finish is done again by the next worker. Who presses Ctrl-C
// does not wait as long.
const (
	stopTimeout    = 20 * time.Second
	devStopTimeout = 3 * time.Second
)

func (h *house) dialect(source string) activities.Dialect {
	if s, ok := (*h.sources.Load())[source]; ok {
		return s.Provider
	}
	return nil
}

func (h *house) size(v any) (int, error) {
	payload, err := h.converter.ToPayload(v)
	if err != nil {
		return 0, err
	}
	return len(payload.GetData()), nil
}

// reload takes secrets, destinations and accounts from a newer configuration; on an error everything stays as it was. Addresses,
// limits and the database stay as they are in any case. What it verifies and tells changes before what it accepts.
func (h *house) reload(cfg *config.Config) error {
	h.reloading.Lock()
	defer h.reloading.Unlock()
	if h.told != nil {
		if err := h.told.Replace(cfg.Destinations, cfg.Accounts); err != nil {
			return err
		}
	}
	h.sources.Store(&cfg.Sources)
	if h.door != nil {
		if err := h.door.Replace(doors(cfg)); err != nil {
			h.sources.Store(&h.current.Sources)
			if h.told != nil {
				err = errors.Join(err, h.told.Replace(h.current.Destinations, h.current.Accounts)) // they were good once
			}
			return err
		}
	}
	h.ui.Store(&cfg.Temporal.UI)
	h.current = cfg
	if h.gauges != nil {
		h.gauges.soon()
	}
	return nil
}

// link leads a person to a workflow; empty where no Temporal UI is configured.
func (h *house) link(workflow string) string { return workflowURL(*h.ui.Load(), h.namespace, workflow) }

// restartFor names the settings of a newer configuration that only a restart would bring into use.
func (h *house) restartFor(cfg *config.Config) []string {
	before, after := h.config.Ingress, cfg.Ingress
	before.MaxBody, after.MaxBody = 0, 0 // the sources have it, and these are reloaded
	reached, reaching := h.config.Temporal, cfg.Temporal
	reached.UI, reaching.UI = "", "" // for people only: it is reloaded
	var names []string
	for _, setting := range []struct {
		name          string
		before, after any
	}{
		{"ingress", before, after},
		{"spool", h.config.Spool, cfg.Spool},
		{"metrics", h.config.Metrics, cfg.Metrics},
		{"codec", h.config.Codec, cfg.Codec},
		{"temporal", reached, reaching},
		{"state", h.config.State, cfg.State},
		{"storage", h.config.Storage, cfg.Storage},
		{"dedupe", h.config.Dedupe, cfg.Dedupe},
		{"attempts", h.config.Attempts, cfg.Attempts},
	} {
		if !reflect.DeepEqual(setting.before, setting.after) {
			names = append(names, setting.name)
		}
	}
	return names
}

// doors are the sources as the ingress knows them: by path.
func doors(cfg *config.Config) map[string]ingress.Source {
	out := make(map[string]ingress.Source, len(cfg.Sources))
	for name, s := range cfg.Sources {
		out[s.Path] = ingress.Source{Name: name, Dialect: s.Dialect, Provider: s.Provider, MaxBody: int64(s.MaxBody)}
	}
	return out
}

// checkTemporal asks whether a webhook could be started now.
func (h *house) checkTemporal(ctx context.Context) error {
	plan, err := temporal.Check(ctx, h.temporal, h.namespace, workflows.SearchAttributes())
	if err == nil && plan.Unusable() {
		err = h.notSetUp(plan)
	}
	return err
}

// checkState asks whether the database answers.
func (h *house) checkState(ctx context.Context) error {
	store := h.store.Load()
	if store == nil {
		return errors.New("the database is not open yet; the log says why")
	}
	return store.Ping(ctx)
}

func (h *house) notSetUp(plan temporal.Plan) error {
	return fmt.Errorf("namespace %s of %s is not set up (%s); run '%s'", h.namespace, h.address, plan.Steps()[0], h.setupCommand())
}

// setupCommand is what an operator types to set up the namespace that this process uses.
func (h *house) setupCommand() string {
	command := []string{"holdfast setup --yes"}
	for _, flag := range [][2]string{{"address", h.flags.address}, {"namespace", h.flags.namespace}, {"profile", h.flags.profile}} {
		if flag[1] != "" {
			command = append(command, "--"+flag[0], flag[1])
		}
	}
	return strings.Join(command, " ")
}

// askNamespace asks Temporal for the namespace. One in which no webhook could be started is an error that somebody may
// mend while the ingress waits for it; without an ingress there is nothing to keep open.
func (h *house) askNamespace(ctx context.Context) (passing bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	plan, err := temporal.Check(ctx, h.temporal, h.namespace, workflows.SearchAttributes())
	switch {
	case err != nil:
		return true, fmt.Errorf("ask %s: %w", h.address, err)
	case plan.Unusable():
		return h.door != nil, h.notSetUp(plan)
	case !plan.Done():
		h.log.Warn("Redeliveries may be processed twice: the namespace forgets closed workflows too soon",
			"namespace", h.namespace, "retention", plan.Retention, "remedy", h.setupCommand())
	}
	return false, nil
}
