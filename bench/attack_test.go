package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestAttacks has every way try itself on a server that counts, and stop when it is told.
func TestAttacks(t *testing.T) {
	t.Parallel()
	for _, w := range attacks() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			began := make(chan struct{}, 1)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if !strings.HasPrefix(r.Header.Get("X-Hub-Signature-256"), "sha256=") || r.URL.Path != "/webhooks/x" {
					t.Errorf("%s: %s, %v", w.name, r.URL, r.Header)
				}
				n, _ := io.Copy(io.Discard, r.Body) // it may be cut off
				if n != r.ContentLength && r.Context().Err() == nil && w.name != "slow" {
					t.Errorf("%s: %d of %d bytes", w.name, n, r.ContentLength)
				}
				rw.WriteHeader(http.StatusUnauthorized)
				select {
				case began <- struct{}{}:
				default:
				}
			}))
			server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
				if s == http.StateNew && w.name == "crowd" || s == http.StateActive && w.name == "slow" {
					select {
					case began <- struct{}{}:
					default:
					}
				}
			}
			server.Config.MaxHeaderBytes = 2 << 20
			server.Start()
			defer server.Close()
			go func() {
				select {
				case <-began:
				case <-ctx.Done():
				}
				cancel()
			}()
			w.connections = 2
			got := w.against(ctx, server.Listener.Addr().String(), "/webhooks/x")
			// Of the crowd it is enough that it came: nothing is sent, and who dialled may not know yet that it was let in.
			if w.name != "crowd" && (got.Connections == 0 || got.Requests == 0 || got.Bytes == 0) {
				t.Errorf("%+v", got)
			}
			if ctx.Err() != context.Canceled {
				t.Error("nothing came")
			}
		})
	}
}
