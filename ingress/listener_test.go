package ingress

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

func TestListenerBoundsConnections(t *testing.T) {
	w := newWorld(t, nil)
	const most = 2
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := w.in.Server("")
	done := make(chan error, 1)
	go func() { done <- srv.Serve(w.in.Listener(l, most)) }()
	w.addr = l.Addr().String()
	open := func(want float64) {
		t.Helper()
		w.until(fmt.Sprintf("%v connections are open", want), func() bool { return w.metric("holdfast_ingress_connections") == want })
	}

	first, second := w.dial(), w.dial()
	open(most)
	third := w.dial()
	fmt.Fprint(third, head(len(body), "")+body)
	w.until("it is told", func() bool { return strings.Contains(w.log.String(), "no room for another connection") })
	if w.starter.count() != 0 || w.metric("holdfast_ingress_connections") != most {
		t.Error("there is no bound")
	}
	first.Close()
	if resp := w.reply(third); resp.StatusCode != 200 {
		t.Errorf("once there is room: %d", resp.StatusCode)
	}
	open(most)
	second.Close()
	open(1)
	third.Close()
	open(0)

	w.dial()
	w.dial()
	open(most)
	if err := srv.Close(); err != nil { // while it waits for room
		t.Error(err)
	}
	<-done //nolint:errcheck // http.ErrServerClosed
	open(0)
}

func TestListenerCloses(t *testing.T) {
	w := newWorld(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bounded := w.in.Listener(l, 1)
	w.addr = l.Addr().String()
	client := w.dial()
	c, err := bounded.Accept()
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 1)
	go func() {
		_, err := bounded.Accept()
		waiting <- err
	}()
	w.until("it is told", func() bool { return strings.Contains(w.log.String(), "no room for another connection") })
	for range 2 {
		bounded.Close()
	}
	if err := <-waiting; !errors.Is(err, net.ErrClosed) { // while the one connection is still open, as in a shutdown
		t.Error(err)
	}

	// Who is refused before the body was read sees the answer, not a reset: the server closes its half first.
	if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Error(err)
	}
	if n, err := client.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("the other end: %d, %v", n, err)
	}
	for range 2 { // gives its room back once
		c.Close()
	}
	if open := w.in.connections.Load(); open != 0 {
		t.Errorf("%d open", open)
	}
	if _, err := bounded.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
