package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// ports is where everything will listen. Until release they are really held,
// so that a taken one is found before anything is started and a free one stays
// free while the store is prepared.
type ports struct {
	frontend, ui, metrics      int // ui and metrics are 0 when there is none
	history, matching, workers int // internal services, on loopback

	held []net.Listener
}

func claimPorts(o options) (_ *ports, err error) {
	p := &ports{}
	defer func() {
		if err != nil {
			p.release()
		}
	}()
	if p.frontend, err = p.claim("--port", o.ip, o.port); err != nil {
		return nil, err
	}
	if !o.headless {
		if p.ui, err = p.claim("--ui-port", o.uiIP, o.uiPort); err != nil {
			return nil, err
		}
	}
	if o.metricsPort != 0 {
		if p.metrics, err = p.claim("--metrics-port", o.ip, o.metricsPort); err != nil {
			return nil, err
		}
	}
	for _, internal := range []*int{&p.history, &p.matching, &p.workers} {
		if *internal, err = p.claim("", loopback, 0); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// claim takes a port, a free one if it is 0. The flag is the one to change it with.
func (p *ports) claim(flag, ip string, port int) (int, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(ip, strconv.Itoa(port)))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return 0, fmt.Errorf("port %d on %s is taken: choose another one with %s", port, ip, flag)
	case err != nil:
		return 0, fmt.Errorf("%s: %w", flag, err)
	}
	p.held = append(p.held, listener)
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// release lets go of the ports, for the servers to listen on them.
func (p *ports) release() {
	for _, listener := range p.held {
		_ = listener.Close()
	}
	p.held = nil
}
