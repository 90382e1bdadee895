package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/config"
	"holdfast/internal/temporal"
	"holdfast/workflows"
)

// devFlags are the flags of `holdfast dev`.
type devFlags struct {
	data                 string
	temporalPort, uiPort int
	server               string // path of the dev server
	temporal             temporalFlags
}

func newDev(common *commonFlags) *cobra.Command {
	var flags devFlags
	c := &cobra.Command{
		Use: "dev", Short: "Run everything on this machine: Temporal with its UI, ingress, worker, and a destination that prints", Args: noArgs,
		Long: `Starts a Temporal server with its web UI, ingress, worker and codec endpoint. Everything listens on loopback only and
keeps its data in one directory, so that it goes on where it was stopped. Without --config it makes a demonstration
configuration there. A destination named "terminal" prints every event it is told.

It is for development and demonstrations: the Temporal server runs on SQLite, without authentication.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if !c.Flag("log-level").Changed {
				_ = common.logLevel.UnmarshalText([]byte("warn")) // the terminal is for the events
			}
			return dev(c.Context(), common, flags, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&flags.data, "data", defaultData, "directory for all data")
	c.Flags().IntVar(&flags.temporalPort, "temporal-port", 7233, "port of the Temporal server; 0 takes a free one")
	c.Flags().IntVar(&flags.uiPort, "ui-port", 8233, "port of the Temporal UI; 0 takes a free one")
	c.Flags().StringVar(&flags.server, "devserver", "", "path of holdfast-devserver (default: beside this program, or on PATH)")
	flags.temporal.register(c)
	c.Flag("address").Usage = "use the Temporal server at host:port instead of starting one"
	c.Flag("profile").Usage = "use the Temporal server of a profile of the temporal command instead of starting one"
	return c
}

func dev(ctx context.Context, common *commonFlags, flags devFlags, out, errOut io.Writer) error {
	// Closing the terminal ends it, like Ctrl-C: there is nobody left to print for.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP)
	defer stop()
	if err := makeData(flags.data, errOut); err != nil {
		return err
	}
	unlock, err := lock(filepath.Join(flags.data, "lock"))
	if err != nil {
		return fmt.Errorf("%s: %w", flags.data, err)
	}
	defer unlock()

	cfg, err := devConfig(common, flags.data)
	if err != nil {
		return err
	}
	if err := free(cfg.Ingress.Listen, "ingress.listen"); err != nil {
		return err
	}
	if err := free(cfg.Metrics.Listen, "metrics.listen"); err != nil {
		return err
	}
	log := common.logger(errOut)

	// Another Temporal is used only if the command line says so: never by a default profile that happens to be there.
	own := flags.temporal.address == "" && flags.temporal.profile == ""
	ui := cfg.Temporal.UI
	stopServer := func() {}
	ended, how := make(chan struct{}), func() string { return "" }
	if own {
		s, err := startDevserver(ctx, flags, cfg.Codec.Listen, out, errOut)
		if err != nil {
			return err
		}
		ui, stopServer, ended, how = s.ui, s.stop, s.ended, s.how
		cfg.Temporal.UI = s.ui
		flags.temporal = temporalFlags{address: s.address, namespace: flags.temporal.namespace, isolated: true}
		cfg.Codec.Origins = append(cfg.Codec.Origins, s.ui, strings.Replace(s.ui, "127.0.0.1", "localhost", 1))
	}
	defer stopServer()

	sink, err := openSink(out, func(workflow string) string { return workflowURL(ui, flags.temporal.namespace, workflow) })
	if err != nil {
		return err
	}
	defer sink.close()
	sink.join(cfg)

	h, err := build(cfg, flags.temporal, log)
	if err != nil {
		return err
	}
	h.stopTimeout = devStopTimeout
	defer h.close()
	if own {
		if err := h.setUp(ctx); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-ended:
			cancel(fmt.Errorf("the Temporal server ended: %s", how()))
		case <-ctx.Done():
		}
	}()
	err = h.serve(ctx, roles{ingress: true, worker: true}, nil, func(a addresses) {
		file := common.config
		if file == "" && flags.data != defaultData {
			file = filepath.Join(flags.data, demoConfig)
		}
		greet(out, file, flags.data, cfg, a, h.address, ui)
	})
	if cause := context.Cause(ctx); err == nil && cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	fmt.Fprintln(out, "holdfast: stopped; everything is kept in", flags.data)
	return err
}

// setUp prepares the namespace of a server that we have started ourselves.
func (h *house) setUp(ctx context.Context) error {
	plan, err := temporal.Check(ctx, h.temporal, h.namespace, workflows.SearchAttributes())
	if err != nil || plan.Done() {
		return err
	}
	return temporal.Apply(ctx, h.temporal, plan)
}

func greet(out io.Writer, file, data string, cfg *config.Config, a addresses, address, ui string) {
	fmt.Fprintf(out, "\n  ingress      http://%s/webhooks/{source}\n", a.ingress)
	if ui != "" {
		fmt.Fprintf(out, "  Temporal UI  %s\n", ui)
	}
	fmt.Fprintf(out, "  Temporal     %s\n  metrics      http://%s/metrics\n  data         %s\n", address, a.metrics, data)
	fmt.Fprintf(out, "\nSend a webhook from another terminal:\n\n  %s\n\n", sendLine(file, cfg))
	fmt.Fprintln(out, "Events that are told appear here. Ctrl-C stops everything.")
}

// sendLine is a command to paste: it sends the ban of an account.
func sendLine(file string, cfg *config.Config) string {
	self, err := os.Executable()
	if err != nil {
		self = "holdfast"
	}
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, self); err == nil && !strings.HasPrefix(rel, "..") {
			self = rel
		}
	}
	line := self + " send "
	if file != "" {
		line += "--config " + file + " "
	}
	for _, dialect := range []string{"nxtele", "meta"} {
		if _, _, err := target(cfg, "", dialect); err == nil {
			return line + dialect + "/account-banned"
		}
	}
	return line + "--list"
}

// workflowURL is where the Temporal UI shows a workflow; empty where there is none.
func workflowURL(ui, namespace, workflow string) string {
	if ui == "" {
		return ""
	}
	return strings.TrimSuffix(ui, "/") + "/namespaces/" + url.PathEscape(cmp.Or(namespace, "default")) + "/workflows/" + url.PathEscape(workflow)
}

// free reports who is wrong if an address is taken, before anything is started. Port 0 is always free.
func free(addr, setting string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("%s is taken (%w); stop what listens there, or set another address as %s", addr, plain(err), setting)
	}
	return l.Close()
}

// freePort returns the port itself, or one that is free for 0.
func freePort(port int, flag string) (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return 0, fmt.Errorf("port %d is taken (%w); stop what listens there, or choose another with --%s", port, plain(err), flag)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// startTimeout is how long the Temporal server may take to come up: half a second usually, more on a busy machine.
const startTimeout = time.Minute
