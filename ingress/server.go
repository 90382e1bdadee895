package ingress

import (
	"log"
	"net/http"
	"time"
)

const (
	headerTimeout  = 5 * time.Second
	idleTimeout    = 90 * time.Second // longer than common load balancers keep a connection, so that they end it, not we
	writeAllowance = 5 * time.Second
	maxHeaderBytes = 16 << 10
)

// Server makes the server of [Ingress.Handler] for an address, with a limit to everything that a client can draw out:
// its headers, its body, the reading of our answer, and doing nothing. The caller listens, serves and shuts it down.
func (in *Ingress) Server(addr string) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           in.Handler(),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout + in.bodyTimeout, // where a body's own deadline does not reach
		WriteTimeout:      in.bodyTimeout + in.startTimeout + writeAllowance,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          log.New(serverLog{in}, "", 0),
		// "OPTIONS *" is answered like any other path that is no source's.
		DisableGeneralOptionsHandler: true,
	}
}
