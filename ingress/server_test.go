package ingress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestServerLimits(t *testing.T) {
	w := newWorld(t, nil)
	srv := w.in.Server("127.0.0.1:0")
	if srv.ReadHeaderTimeout <= 0 || srv.ReadTimeout <= w.in.bodyTimeout || srv.IdleTimeout <= 0 || srv.MaxHeaderBytes != 16<<10 ||
		srv.WriteTimeout <= w.in.bodyTimeout+w.in.startTimeout {
		t.Errorf("%+v", srv)
	}
	srv.ReadHeaderTimeout = 20 * time.Millisecond
	w.addr = w.serve(srv)

	slow := w.dial()
	fmt.Fprint(slow, "POST /webhooks/acme HTTP/1.1\r\nHost: h\r\nX-Slow: ")
	_ = slow.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, err := slow.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("slow header: %d, %v", n, err)
	}
	large := w.dial()
	fmt.Fprint(large, "GET /webhooks/acme HTTP/1.1\r\nHost: h\r\nX-Large: "+strings.Repeat("x", 32<<10)+"\r\n\r\n")
	if resp := w.reply(large); resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("large header: %d", resp.StatusCode)
	}
	star := w.dial()
	fmt.Fprint(star, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")
	if resp := w.reply(star); resp.StatusCode != 404 {
		t.Errorf("OPTIONS *: %d", resp.StatusCode)
	}
}

func TestServerLog(t *testing.T) {
	w := newWorld(t, nil)
	for range 3 {
		w.in.Server("").ErrorLog.Print("accept: too many open files")
	}
	if log := w.log.String(); strings.Count(log, "too many open files") != 1 {
		t.Error(log)
	}
}

func TestShutdownFinishesWhatIsInFlight(t *testing.T) {
	w := newWorld(t, nil)
	starting, gate := make(chan struct{}), make(chan struct{})
	w.starter.say = func(context.Context) error {
		close(starting)
		<-gate
		return nil
	}
	srv := w.in.Server("127.0.0.1:0")
	w.addr = w.serve(srv)
	code := make(chan int, 1)
	go func() { code <- w.post(body) }()
	<-starting
	w.in.Drain()
	down := make(chan error, 1)
	go func() { down <- srv.Shutdown(context.WithoutCancel(t.Context())) }()
	w.until("nobody is let in any more", func() bool {
		conn, err := net.Dial("tcp", w.addr)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	close(gate)
	if got := <-code; got != 200 {
		t.Errorf("in flight: %d", got)
	}
	if err := <-down; err != nil {
		t.Error(err)
	}
}

func TestKeepAlive(t *testing.T) {
	w := newWorld(t, nil)
	conn := w.dial()
	for _, s := range []string{sign(body), strings.Repeat("0", 64), sign(body)} { // a forgery that was read ends nothing
		fmt.Fprintf(conn, "POST /webhooks/acme HTTP/1.1\r\nHost: h\r\n%s: %s\r\nContent-Length: %d\r\n\r\n%s", signature, s, len(body), body)
		resp := w.reply(conn)
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.Close {
			t.Errorf("%d, close %v, %v", resp.StatusCode, resp.Close, err)
		}
	}
	if w.starter.count() != 2 {
		t.Errorf("%d started", w.starter.count())
	}
}

func TestProbes(t *testing.T) {
	w := newWorld(t, nil)
	for name, handler := range map[string]http.Handler{"public": w.in.Handler(), "operator": w.in.OperatorHandler()} {
		for _, path := range []string{"/healthz", "/readyz"} {
			for method, want := range map[string]int{"GET": 200, "HEAD": 200, "POST": 405} {
				reply := httptest.NewRecorder()
				handler.ServeHTTP(reply, httptest.NewRequest(method, path, strings.NewReader("x")))
				if reply.Code != want || (want == 405) != (reply.Header().Get("Allow") == "GET, HEAD") {
					t.Errorf("%s: %s %s: %d %v", name, method, path, reply.Code, reply.Header())
				}
			}
		}
		reply := httptest.NewRecorder()
		handler.ServeHTTP(reply, httptest.NewRequest("GET", "/healthz", nil))
		if reply.Body.String() != "ok\n" {
			t.Errorf("%s: %q", name, reply.Body)
		}
	}
	reply := httptest.NewRecorder()
	w.in.OperatorHandler().ServeHTTP(reply, httptest.NewRequest("GET", "/webhooks/acme", nil))
	if reply.Code != 404 {
		t.Errorf("webhooks at the operators' door: %d", reply.Code)
	}
}
