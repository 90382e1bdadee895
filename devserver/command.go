package main

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	uiversion "github.com/temporalio/ui-server/v2/server/version"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/headers"
)

// options is everything `server start-dev` can be told.
type options struct {
	ip               string // frontend's address; internal services are always on loopback
	port             int    // frontend; 0 picks a free one
	headless         bool
	uiIP             string // empty: same as ip
	uiPort           int    // uiPortUnset: port + 1000; 0 picks a free one
	uiCodecEndpoint  string
	metricsPort      int // 0: no metrics
	dbFilename       string
	postgres         string
	namespaces       []string
	retention        time.Duration // for namespaces that do not exist yet
	searchAttributes searchAttributes
	dynamicConfig    dynamicConfig
	logLevel         string
	logFormat        string
	keepRunning      bool
}

const (
	uiPortUnset      = -1
	defaultRetention = 10 * 24 * time.Hour
	// minRetention is the shortest that Temporal's own API takes for a local namespace.
	minRetention = time.Hour
)

// usageError is a command line that cannot be followed.
type usageError struct{ error }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "holdfast-devserver",
		Short:         "A Temporal server and its web UI in one program, for development and tests",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          help,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return usagef("%w (see --help)", err)
	})
	server := &cobra.Command{Use: "server", Short: "Run the server", Args: noArgs, RunE: help}
	server.AddCommand(newStartCommand())
	root.AddCommand(server, newVersionCommand())
	return root
}

// noArgs is cobra.NoArgs as a usage error.
func noArgs(command *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("unknown command or argument %q for %q (see --help)", args[0], command.CommandPath())
	}
	return nil
}

func help(command *cobra.Command, _ []string) error { return command.Help() }

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of the Temporal server and of its UI",
		Args:  noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			printVersion(command.OutOrStdout())
			return nil
		},
	}
}

func printVersion(w io.Writer) {
	fmt.Fprintf(w, "holdfast-devserver: Temporal server %s, UI %s\n", headers.ServerVersion, uiversion.UIVersion)
}

func newStartCommand() *cobra.Command {
	o := options{
		searchAttributes: searchAttributes{},
		dynamicConfig:    dynamicConfig{values: dynamicconfig.StaticClient{}},
	}
	command := &cobra.Command{
		Use:   "start-dev",
		Short: "Start a development server: in memory, on a SQLite file or on PostgreSQL",
		Args:  noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := o.complete(); err != nil {
				return err
			}
			return serve(command.Context(), o, command.OutOrStdout(), command.ErrOrStderr())
		},
	}
	f := command.Flags()
	f.SortFlags = false
	f.StringVar(&o.ip, "ip", "127.0.0.1", "IP `address` of the frontend")
	f.IntVarP(&o.port, "port", "p", 7233, "`port` of the frontend; 0 picks a free one")
	f.StringVarP(&o.dbFilename, "db-filename", "f", "", "keep the state in this SQLite `file` (default: in memory, gone at the end)")
	f.StringVar(&o.postgres, "postgres", "", "keep the state in PostgreSQL: `URL` of a database; it and <name>_visibility are created if missing")
	f.StringArrayVarP(&o.namespaces, "namespace", "n", []string{"default"}, "`name` of a namespace to create if missing; repeatable")
	f.DurationVar(&o.retention, "retention", defaultRetention, "how long a namespace created now keeps closed workflows")
	f.Var(o.searchAttributes, "search-attribute", "`Name=Type` of a search attribute to register in the namespaces if missing; repeatable")
	f.Var(o.dynamicConfig, "dynamic-config-value", "`key=value` of Temporal's dynamic configuration, value as JSON or YAML; repeatable")
	f.BoolVar(&o.headless, "headless", false, "no web UI")
	f.StringVar(&o.uiIP, "ui-ip", "", "IP `address` of the web UI (default: as --ip)")
	f.IntVar(&o.uiPort, "ui-port", uiPortUnset, "`port` of the web UI; 0 picks a free one (default: --port + 1000)")
	f.Lookup("ui-port").DefValue = "0" // hides it: the usage says what it is
	f.StringVar(&o.uiCodecEndpoint, "ui-codec-endpoint", "", "`URL` at which the web UI has payloads decoded")
	f.IntVar(&o.metricsPort, "metrics-port", 0, "`port` for the server's Prometheus metrics (default: none)")
	f.StringVar(&o.logLevel, "log-level", "error", "`level` of the server's log on stderr: "+strings.Join(logLevels, ", "))
	f.StringVar(&o.logFormat, "log-format", "text", "`format` of the server's log: "+strings.Join(logFormats, ", "))
	f.BoolVar(&o.keepRunning, "keep-running", false, "do not end when the parent process does")
	return command
}

var (
	logLevels  = []string{"debug", "info", "warn", "error", "never"}
	logFormats = []string{"text", "json", "pretty"} // pretty is the CLI's word for text
)

// complete checks what the flags' own types could not, and fills in the
// defaults that depend on other flags.
func (o *options) complete() error {
	if o.uiIP == "" {
		o.uiIP = o.ip
	}
	for _, address := range []struct {
		flag string
		ip   *string
	}{{"--ip", &o.ip}, {"--ui-ip", &o.uiIP}} {
		// Temporal takes only addresses; localhost is what people (and clients' options) say.
		if *address.ip == "localhost" {
			*address.ip = "127.0.0.1"
		}
		if net.ParseIP(*address.ip) == nil {
			return usagef("%s: %q is not an IP address", address.flag, *address.ip)
		}
	}
	uiPort := o.uiPort
	if uiPort == uiPortUnset {
		uiPort = 0
	}
	for _, port := range []struct {
		flag string
		port int
	}{{"--port", o.port}, {"--ui-port", uiPort}, {"--metrics-port", o.metricsPort}} {
		if port.port < 0 || port.port > 65535 {
			return usagef("%s: %d is not a port", port.flag, port.port)
		}
	}
	if o.uiPort == uiPortUnset && o.port != 0 {
		uiPort = o.port + 1000
		if uiPort > 65535 && !o.headless {
			return usagef("--ui-port: the default, --port + 1000, is %d, which is no port: set it", uiPort)
		}
	}
	o.uiPort = uiPort
	if o.dbFilename != "" && o.postgres != "" {
		return usagef("--db-filename and --postgres exclude each other")
	}
	if slices.Contains(o.namespaces, "") {
		return usagef("--namespace: the name is empty")
	}
	if o.retention < minRetention {
		return usagef("--retention: %v is less than Temporal's minimum of %v", o.retention, minRetention)
	}
	if o.uiCodecEndpoint != "" {
		if u, err := url.Parse(o.uiCodecEndpoint); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return usagef("--ui-codec-endpoint: %q is not an http or https URL", o.uiCodecEndpoint)
		}
	}
	if !slices.Contains(logLevels, o.logLevel) {
		return usagef("--log-level: %q is none of %s", o.logLevel, strings.Join(logLevels, ", "))
	}
	if !slices.Contains(logFormats, o.logFormat) {
		return usagef("--log-format: %q is none of %s", o.logFormat, strings.Join(logFormats, ", "))
	}
	return nil
}
