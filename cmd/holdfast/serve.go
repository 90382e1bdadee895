package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"holdfast/internal/config"
	"holdfast/internal/temporal"
)

func newServe(common *commonFlags) *cobra.Command {
	return newRole(common, roles{ingress: true, worker: true}, "serve", "Accept and process webhooks in one process",
		"Ingress and worker in one process, which is the fastest way: a workflow's first step runs without a detour over the server.")
}

func newIngress(common *commonFlags) *cobra.Command {
	return newRole(common, roles{ingress: true}, "ingress", "Accept webhooks and start workflows for them",
		"Answers 200 once a webhook is durable: in Temporal, or on disk while Temporal does not take it. A worker elsewhere processes it.")
}

func newWorker(common *commonFlags) *cobra.Command {
	return newRole(common, roles{worker: true}, "worker", "Process accepted webhooks",
		"Runs the workflows and activities: verify, normalize, record, notify.")
}

// roles are the rooms that a process has.
type roles struct{ ingress, worker bool }

func newRole(common *commonFlags, r roles, use, short, long string) *cobra.Command {
	var flags temporalFlags
	c := &cobra.Command{
		Use: use, Short: short, Args: noArgs,
		Long: long + "\n\nSIGTERM drains: it stops accepting, finishes what is in flight and exits. SIGHUP reads secrets and destinations anew.",
		RunE: func(c *cobra.Command, _ []string) error {
			h, err := common.build(c, flags)
			if err != nil {
				return err
			}
			defer h.close()
			return h.serve(c.Context(), r, common.load, func(a addresses) { h.log.Info("Serving", a.attrs()...) })
		},
	}
	flags.register(c)
	return c
}

func (f *temporalFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.address, "address", "", "Temporal's frontend, host:port (default: as configured, or TEMPORAL_ADDRESS, or a profile)")
	c.Flags().StringVar(&f.namespace, "namespace", "", "Temporal namespace")
	c.Flags().StringVar(&f.profile, "profile", "", "profile of the temporal command's configuration file")
}

// addresses are where a running house can be reached; empty where it has no such room.
type addresses struct{ ingress, metrics, codec string }

func (a addresses) attrs() []any {
	var out []any
	for _, x := range [][2]string{{"ingress", a.ingress}, {"metrics", a.metrics}, {"codec", a.codec}} {
		if x[1] != "" {
			out = append(out, x[0], x[1])
		}
	}
	return out
}

// serve opens the rooms, tells where they are once all of them work, and goes on until the context is done. The ingress is
// open at once: what it needs is Temporal, not what the worker waits for. In the end it drains: the doors close, what came
// through them is finished, and the worker ends last. Load reads the configuration again at SIGHUP; nil: never.
func (h *house) serve(ctx context.Context, r roles, load func() (*config.Config, error), ready func(addresses)) error {
	if r.ingress {
		if err := h.openIngress(r.worker); err != nil {
			return err
		}
	}
	if r.worker {
		if err := h.openWorker(); err != nil {
			return err
		}
	}
	servers, at, err := h.listen(r)
	if err != nil {
		return err
	}
	if load != nil {
		defer h.reloadOnHangup(load)()
	}

	// Each part ends by its own context, so that they can be ended one after the other.
	working, stopWorking := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWorking()
	parts, failed := errgroup.WithContext(ctx)
	for _, s := range servers {
		parts.Go(func() error {
			if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve %s: %w", s.name, err)
			}
			return nil
		})
	}
	var announce sync.Once
	if h.storage != nil {
		parts.Go(func() error { return h.probeStorage(failed) })
	}
	tell := func() { announce.Do(func() { ready(at) }) }
	if r.worker {
		parts.Go(func() error { return h.work(working, tell) })
	} else {
		tell()
	}
	parts.Go(func() error {
		<-failed.Done() // a signal, or a part that cannot go on
		h.drain(servers)
		stopWorking()
		return nil
	})
	return parts.Wait()
}

// drainTimeout bounds what is in flight when the doors close: reading, verifying and starting take less.
const drainTimeout = 15 * time.Second

func (h *house) drain(servers []*server) {
	if h.door != nil {
		h.door.Drain()
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	for _, s := range servers {
		if err := s.server.Shutdown(ctx); err != nil {
			h.log.Warn("Requests were cut off", "server", s.name, "error", err)
			_ = s.server.Close() // it ends, whatever it says
		}
	}
}

// A server is an HTTP server that listens already.
type server struct {
	name     string
	listener net.Listener
	server   *http.Server
}

func (h *house) listen(r roles) ([]*server, addresses, error) {
	var (
		servers []*server
		at      addresses
	)
	open := func(name, setting, addr string, s *http.Server) (string, error) {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			for _, s := range servers {
				_ = s.listener.Close() // nothing was served yet
			}
			return "", fmt.Errorf("listen on %s for %s: %w; another address can be set as %s", addr, name, plain(err), setting)
		}
		servers = append(servers, &server{name, l, s})
		return l.Addr().String(), nil
	}
	var err error
	if r.ingress {
		in := h.config.Ingress
		public := h.door.Server(in.Listen)
		public.ReadHeaderTimeout, public.ReadTimeout, public.IdleTimeout = in.HeaderTimeout, in.HeaderTimeout+in.ReadTimeout, in.IdleTimeout
		if at.ingress, err = open("webhooks", "ingress.listen", in.Listen, public); err != nil {
			return nil, at, err
		}
		servers[0].listener = h.door.Listener(servers[0].listener, in.MaxConnections)
	}
	if at.metrics, err = open("metrics", "metrics.listen", h.config.Metrics.Listen, internal(h.operator())); err != nil {
		return nil, at, err
	}
	if addr := h.config.Codec.Listen; addr != "" {
		handler, err := temporal.CodecHandler(h.config.Codec.Origins, h.storage.External())
		if err != nil {
			return nil, at, err
		}
		if at.codec, err = open("the codec", "codec.listen", addr, internal(handler)); err != nil {
			return nil, at, err
		}
	}
	return servers, at, nil
}

// plain takes the address out of a listening error, which has it twice.
func plain(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// internal is a server for operators and their tools.
func internal(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
}

// operator serves what operators look at: metrics, readiness in detail, refused requests, the console of a worker, and Go's
// profiles, which hold names of functions and nothing of what these work on.
func (h *house) operator() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	if h.told != nil { // a worker, which has the database
		mux.Handle("/api/", h.console())
	}
	mux.Handle("/metrics", promhttp.HandlerFor(h.metrics, promhttp.HandlerOpts{Registry: h.metrics}))
	if h.door != nil {
		mux.Handle("/", h.door.OperatorHandler())
		return mux
	}
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, r *http.Request) {
		problems := map[string]string{}
		for name, check := range map[string]func(context.Context) error{"temporal": h.checkTemporal, "state": h.checkState} {
			if err := check(r.Context()); err != nil {
				problems[name] = err.Error()
			}
		}
		w.Header().Set("Content-Type", "application/json")
		if len(problems) > 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"ready": len(problems) == 0, "problems": problems}) // the prober has gone
	})
	return mux
}

// reloadOnHangup reads the configuration again at each SIGHUP, until the function it returns is called. A configuration
// with errors changes nothing.
func (h *house) reloadOnHangup(load func() (*config.Config, error)) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case <-signals:
			}
			cfg, err := load()
			if err == nil {
				err = h.reload(cfg)
			}
			if err != nil {
				h.log.Error("Configuration not reloaded; the old one is in use", "error", err)
				continue
			}
			h.log.Info("Configuration reloaded", "config", cfg)
			if names := h.restartFor(cfg); len(names) > 0 {
				h.log.Warn("Settings changed that take a restart; the old ones are in use", "settings", names)
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}
