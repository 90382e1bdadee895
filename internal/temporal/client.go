package temporal

import (
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
)

// Options say how to reach Temporal.
type Options struct {
	// Address, Namespace and Profile override what the environment says (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, …) and the
	// profile of the temporal CLI's configuration file, in the way of that CLI.
	Address, Namespace, Profile string
	// Isolated ignores the environment and the file: only Address and Namespace count.
	Isolated   bool
	Converter  converter.DataConverter
	Storage    converter.ExternalStorage // for payloads too large for the server; zero: there is none
	Logger     *slog.Logger
	Registerer prometheus.Registerer // gets the SDK's metrics; nil: none are kept
}

// Connect makes a client that connects when it is first used, so that an ingress can start before Temporal does.
// It returns the namespace and the address as well, as they came out of all settings.
func Connect(o Options) (client.Client, client.Options, error) {
	var options client.Options
	if !o.Isolated {
		var err error
		if options, err = envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{ConfigFileProfile: o.Profile}); err != nil {
			return nil, options, fmt.Errorf("read Temporal's settings: %w", err)
		}
	}
	if o.Address != "" {
		options.HostPort = o.Address
	}
	if o.Namespace != "" {
		options.Namespace = o.Namespace
	}
	if options.HostPort == "" {
		options.HostPort = client.DefaultHostPort
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	options.DataConverter = o.Converter
	if options.ExternalStorage = o.Storage; len(o.Storage.Drivers) > 0 {
		options.PayloadLimits.PayloadSizeWarning = MaxStored // what is measured is mostly not what Temporal gets
	}
	options.Logger = log.NewStructuredLogger(o.Logger)
	if o.Registerer != nil {
		handler, err := sdkMetrics(o.Registerer)
		if err != nil {
			return nil, options, err
		}
		options.MetricsHandler = handler
	}
	c, err := client.NewLazyClient(options)
	if err != nil {
		return nil, options, fmt.Errorf("make Temporal client: %w", err)
	}
	return c, options, nil
}

// sdkMetrics puts the SDK's metrics into a Prometheus registry. Two of the bridge's defaults would make them useless:
// counters that are gauges, and latency buckets meant for milliseconds where the unit is seconds.
func sdkMetrics(r prometheus.Registerer) (client.MetricsHandler, error) {
	exporter, err := otelprom.New(otelprom.WithRegisterer(r), otelprom.WithoutScopeInfo(), otelprom.WithoutTargetInfo())
	if err != nil {
		return nil, fmt.Errorf("bridge the SDK's metrics: %w", err)
	}
	seconds := metric.NewView(
		metric.Instrument{Name: "temporal_*", Kind: metric.InstrumentKindHistogram},
		metric.Stream{Aggregation: metric.AggregationExplicitBucketHistogram{
			Boundaries: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}})
	provider := metric.NewMeterProvider(metric.WithReader(exporter), metric.WithView(seconds))
	return opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter: provider.Meter("temporal-sdk-go"), UseMonotonicCounters: true,
	}), nil
}
