package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/headers"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

const (
	loopback    = "127.0.0.1"
	clusterName = "active"

	startLimit = 60 * time.Second
)

// serve runs the server until ctx is done or the parent process is gone.
func serve(ctx context.Context, o options, stdout, stderr io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if !o.keepRunning {
		go watchParent(ctx, os.Getppid(), stop)
	}
	// From the moment it should end, whatever it is doing: starting cannot be interrupted, and
	// stopping has been seen to wait for connections that stay.
	defer context.AfterFunc(ctx, func() {
		time.AfterFunc(shutdownLimit, func() {
			fmt.Fprintf(stderr, "holdfast-devserver: not stopped after %v, ending anyway; the state is safe\n", shutdownLimit)
			os.Exit(0)
		})
	})()

	ports, err := claimPorts(o)
	if err != nil {
		return err
	}
	defer ports.release()
	store, err := openStore(o)
	if err != nil {
		return err
	}
	defer store.close()
	if err := prepareNamespaces(store.main, o.namespaces, o.retention, o.searchAttributes); err != nil {
		return err
	}
	ports.release() // the server begins to listen while it is put together
	logger, hush := newLogger(o)
	defer context.AfterFunc(ctx, hush)()
	server, err := newServer(o, store, ports, logger)
	if err != nil {
		return fmt.Errorf("configure the server: %w", err)
	}
	if err := server.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	err = serveUntilDone(ctx, o, store, ports, stdout)
	if ctx.Err() != nil {
		err = nil // told to end before it had started
	}
	return errors.Join(err, server.Stop())
}

// serveUntilDone adds the UI to the started server, says where everything is
// once it can be used, and waits for ctx.
func serveUntilDone(ctx context.Context, o options, s *store, p *ports, stdout io.Writer) error {
	if err := waitUntilServing(ctx, clientAddress(o.ip, p.frontend)); err != nil {
		return err
	}
	if !o.headless {
		ui := startUI(o, p)
		defer ui.Stop()
		if err := waitForUI(ctx, clientAddress(o.uiIP, p.ui)); err != nil {
			return err
		}
	}
	announce(stdout, o, p, s)
	<-ctx.Done()
	return nil
}

// announce is the one line that says where everything is.
func announce(w io.Writer, o options, p *ports, s *store) {
	ui := "no UI"
	if p.ui != 0 {
		ui = "UI http://" + clientAddress(o.uiIP, p.ui)
	}
	fmt.Fprintf(w, "Temporal %s at %s, %s, %s\n", headers.ServerVersion, clientAddress(o.ip, p.frontend), ui, s.name)
}

// clientAddress is where a client on this machine finds what listens on ip and port.
func clientAddress(ip string, port int) string {
	if parsed := net.ParseIP(ip); parsed.IsUnspecified() {
		ip = loopback
	}
	return net.JoinHostPort(ip, strconv.Itoa(port))
}

func newServer(o options, s *store, p *ports, logger log.Logger) (temporal.Server, error) {
	frontend := clientAddress(o.ip, p.frontend)
	hosts := map[primitives.ServiceName]static.Hosts{
		primitives.FrontendService: static.SingleLocalHost(frontend),
		primitives.HistoryService:  static.SingleLocalHost(clientAddress(loopback, p.history)),
		primitives.MatchingService: static.SingleLocalHost(clientAddress(loopback, p.matching)),
		primitives.WorkerService:   static.SingleLocalHost(clientAddress(loopback, p.workers)),
	}
	return temporal.NewServer(
		temporal.WithConfig(serverConfig(o, s, p, frontend)),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts),
		temporal.WithLogger(logger),
		temporal.WithDynamicConfigClient(o.dynamicConfig.over(defaultDynamicConfig(s))),
	)
}

func serverConfig(o options, s *store, p *ports, frontend string) *config.Config {
	rpc := func(ip string, port int) config.Service {
		return config.Service{RPC: config.RPC{BindOnIP: ip, GRPCPort: port}}
	}
	cfg := &config.Config{
		Persistence: s.persistence(),
		Services: map[string]config.Service{
			string(primitives.FrontendService): rpc(o.ip, p.frontend),
			string(primitives.HistoryService):  rpc(loopback, p.history),
			string(primitives.MatchingService): rpc(loopback, p.matching),
			string(primitives.WorkerService):   rpc(loopback, p.workers),
		},
		ClusterMetadata: &cluster.Config{
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			FailoverVersionIncrement: 10,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		PublicClient:        config.PublicClient{HostPort: frontend},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: "disabled"},
			Visibility: config.VisibilityArchival{State: "disabled"},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: "disabled"},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
	}
	if p.metrics != 0 {
		cfg.Global.Metrics = &metrics.Config{Prometheus: &metrics.PrometheusConfig{
			ListenAddress: net.JoinHostPort(o.ip, strconv.Itoa(p.metrics)),
			HandlerPath:   "/metrics",
		}}
	}
	return cfg
}

// waitUntilServing returns once the frontend says it serves.
func waitUntilServing(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	health := healthpb.NewHealthClient(conn)
	request := &healthpb.HealthCheckRequest{Service: "temporal.api.workflowservice.v1.WorkflowService"}
	return poll(ctx, "wait for the frontend", func() error {
		response, err := health.Check(ctx, request, grpc.WaitForReady(true))
		if err == nil && response.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			err = fmt.Errorf("it is %v", response.GetStatus())
		}
		return err
	})
}

// poll calls try until it succeeds or ctx is done, and then says what the last attempt met.
func poll(ctx context.Context, what string, try func() error) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, err)
		case <-ticker.C:
		}
	}
}
