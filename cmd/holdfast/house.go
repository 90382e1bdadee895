package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"holdfast/activities"
	"holdfast/ingress"
	"holdfast/internal/config"
	"holdfast/internal/notify"
	"holdfast/internal/state"
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
	converter converter.DataConverter

	// Set by the rooms that are open.
	door    *ingress.Ingress
	store   *state.Store
	told    *notify.Set
	sources atomic.Pointer[map[string]config.Source] // by name, for the activities
}

// temporalFlags say which Temporal to use.
type temporalFlags struct {
	address, namespace, profile string
	isolated                    bool // only the flags count: neither the environment nor a profile
}

func build(cfg *config.Config, flags temporalFlags, log *slog.Logger) (*house, error) {
	h := &house{config: cfg, log: log, metrics: prometheus.NewRegistry()}
	h.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	h.sources.Store(&cfg.Sources)
	var err error
	if h.converter, err = temporal.Converter(); err != nil {
		return nil, err
	}
	c, options, err := temporal.Connect(temporal.Options{
		Address: first(flags.address, cfg.Temporal.Address), Namespace: first(flags.namespace, cfg.Temporal.Namespace),
		Profile: first(flags.profile, cfg.Temporal.Profile), Isolated: flags.isolated,
		Converter: h.converter, Logger: log, Registerer: h.metrics,
	})
	if err != nil {
		return nil, err
	}
	h.temporal, h.address, h.namespace = c, options.HostPort, options.Namespace
	return h, nil
}

func (h *house) close() {
	h.temporal.Close()
	if h.store != nil {
		if err := h.store.Close(); err != nil {
			h.log.Warn("State not closed cleanly", "error", err)
		}
	}
}

// openIngress opens the room that accepts webhooks. Eager says that a worker is in the house as well.
func (h *house) openIngress(eager bool) error {
	if err := h.config.RequireSources(); err != nil {
		return err
	}
	door, err := ingress.New(ingress.Config{
		Sources: doors(h.config),
		Starter: workflows.NewStarter(h.temporal, workflows.StarterOptions{
			TaskQueue: h.config.Temporal.TaskQueue, InFlight: h.config.Ingress.Starts, Eager: eager, Converter: h.converter,
		}),
		Checks:      []ingress.Check{{Name: "temporal", Ask: h.checkTemporal}},
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

// openWorker opens what the activities need: the database and the destinations.
func (h *house) openWorker(ctx context.Context) error {
	store, err := state.Open(ctx, string(h.config.State.URL), state.Options{})
	if err != nil {
		return err
	}
	h.store = store
	told, err := notify.New(h.config.Destinations, notify.Options{Registerer: h.metrics, Version: version()})
	if err != nil {
		return err
	}
	h.told = told
	return nil
}

// work runs the worker until the context is done.
func (h *house) work(ctx context.Context, ready func()) error {
	if err := h.awaitNamespace(ctx); err != nil {
		return err
	}
	key, err := h.store.Key(ctx)
	if err != nil {
		return fmt.Errorf("read the installation's key: %w", err)
	}
	return worker.Run(ctx, h.temporal, &activities.Activities{
		Sources:  h.dialect,
		State:    h.store,
		Notifier: h.told,
		Key:      key,
		Dedupe:   h.config.Dedupe,
		Size:     h.size,
		Metrics:  activities.NewMetrics(h.metrics),
	}, worker.Options{TaskQueue: h.config.Temporal.TaskQueue, StopTimeout: stopTimeout}, ready)
}

// stopTimeout is how long activities may finish what they are at; what does not is done again by the next worker.
const stopTimeout = 5 * time.Second

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

// reload takes secrets and destinations from a newer configuration. Addresses, limits and the database stay as they are.
func (h *house) reload(cfg *config.Config) error {
	if h.door != nil {
		if err := h.door.Replace(doors(cfg)); err != nil {
			return err
		}
	}
	if h.told != nil {
		if err := h.told.Replace(cfg.Destinations); err != nil {
			return err
		}
	}
	h.sources.Store(&cfg.Sources)
	return nil
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

func (h *house) notSetUp(plan temporal.Plan) error {
	return fmt.Errorf("namespace %s of %s is not set up (%s); run 'holdfast setup'", h.namespace, h.address, plan.Steps()[0])
}

// awaitNamespace waits until Temporal answers, and refuses a namespace in which no webhook could be started.
func (h *house) awaitNamespace(ctx context.Context) error {
	for waited := false; ; waited = true {
		ask, cancel := context.WithTimeout(ctx, 5*time.Second)
		plan, err := temporal.Check(ask, h.temporal, h.namespace, workflows.SearchAttributes())
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // we were asked to end, which is no failure
		case err != nil:
			if !waited {
				h.log.Warn("Waiting for Temporal", "address", h.address, "error", err)
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(time.Second):
			}
		case plan.Unusable():
			return h.notSetUp(plan)
		default:
			if !plan.Done() {
				h.log.Warn("Redeliveries may be processed twice: the namespace forgets closed workflows too soon; run 'holdfast setup'",
					"namespace", h.namespace, "retention", plan.Retention)
			}
			return nil
		}
	}
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
