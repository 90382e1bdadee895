package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
)

// startUI serves the web UI until Stop, with all its actions enabled.
func startUI(o options, p *ports) *uiserver.Server {
	host := o.uiIP
	if strings.Contains(host, ":") {
		host = "[" + host + "]" // the UI appends the port as it is
	}
	ui := uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		TemporalGRPCAddress: clientAddress(o.ip, p.frontend),
		Host:                host,
		Port:                p.ui,
		EnableUI:            true,
		DefaultNamespace:    o.namespaces[0],
		Codec:               uiconfig.Codec{Endpoint: o.uiCodecEndpoint},
		// It is served without TLS, and not every browser makes an exception for loopback.
		CORS: uiconfig.CORS{CookieInsecure: true},
		// It would be fetched from elsewhere.
		DisableNewsFetch: true,
		HideLogs:         true,
	}))
	// Start ends the process if it cannot listen, so there is no error to wait for.
	go func() { _ = ui.Start() }()
	return ui
}

// waitForUI returns once the UI answers.
func waitForUI(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	return poll(ctx, "wait for the UI", func() error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/healthz", nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("it answers %s", response.Status)
		}
		return nil
	})
}
