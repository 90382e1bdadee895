package ingress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"holdfast/internal/webhook"
)

// chunked hides the length of a text, so that a client sends it in chunks.
func chunked(s string) io.Reader { return io.MultiReader(strings.NewReader(s)) }

func TestChunkedBodies(t *testing.T) {
	w := newWorld(t, nil)
	const limit = 100 << 10 // of acme
	for _, size := range []int{0, 1, leastHeld - 1, leastHeld, leastHeld + 1, small, limit - 1, limit} {
		body := strings.Repeat("x", size)
		resp, _ := w.send("POST", "/webhooks/acme", chunked(body), map[string]string{signature: sign(body)})
		if resp.StatusCode != 200 {
			t.Errorf("%d bytes: %d", size, resp.StatusCode)
		}
		if got := w.starter.started[w.starter.count()-1].Body; string(got) != body || cap(got) > 2*len(got)+1 {
			t.Errorf("%d bytes: %d started, %d held", size, len(got), cap(got))
		}
		if code := w.post(body); code != 200 {
			t.Errorf("%d bytes, declared: %d", size, code)
		}
	}
	before := w.starter.count()
	for _, size := range []int{limit + 1, 2 * limit} {
		body := strings.Repeat("x", size)
		resp, text := w.send("POST", "/webhooks/acme", chunked(body), map[string]string{signature: sign(body)})
		if resp.StatusCode != 413 || text != "too large\n" {
			t.Errorf("%d bytes: %d %q", size, resp.StatusCode, text)
		}
	}
	if w.starter.count() != before {
		t.Error("started what is over the limit")
	}
}

// head is the head of an authentic POST of a body of some size, of which nothing is sent.
func head(size int, extra string) string {
	return fmt.Sprintf("POST /webhooks/acme HTTP/1.1\r\nHost: h\r\n%s: %s\r\nContent-Length: %d\r\n%s\r\n", signature, sign(body), size, extra)
}

func TestRefusedUnread(t *testing.T) {
	w := newWorld(t, nil)
	forged := strings.Replace(head(1000, ""), signature, "X-Other", 1)
	encoded := head(1000, "Content-Encoding: gzip\r\n")
	for request, want := range map[string]int{forged: 401, encoded: 415, head(1<<30, ""): 413, head(100<<10+1, ""): 413} {
		conn := w.dial()
		fmt.Fprint(conn, request) // and not a byte of the body
		resp := w.reply(conn)
		if resp.StatusCode != want || !resp.Close {
			t.Errorf("%d, close %v; want %d", resp.StatusCode, resp.Close, want)
		}
	}
	conn := w.dial()
	fmt.Fprint(conn, strings.Replace(forged, "\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n", 1))
	if resp := w.reply(conn); resp.StatusCode != 401 {
		t.Errorf("asked to continue: %d", resp.StatusCode)
	}
	reply := httptest.NewRecorder()
	w.in.Handler().ServeHTTP(reply, httptest.NewRequest("POST", "/webhooks/acme", strings.NewReader(body)))
	if reply.Header().Get("Connection") != "close" {
		t.Error("the server is not told to hang up, and would wait for the rest before it replies")
	}
}

func TestSlowBodies(t *testing.T) {
	const stalled = 8
	w := newWorld(t, func(c *Config) {
		c.BodyTimeout, c.StallTimeout = time.Second, time.Minute
		c.MaxInFlight = stalled * small // would not do if what is only declared were held
	})
	began := time.Now()
	first := w.dial()
	fmt.Fprint(first, head(90<<10, "")+"{")
	for range stalled - 1 {
		fmt.Fprint(w.dial(), head(90<<10, "")+"{")
	}
	w.until("they are waited for", func() bool { return w.in.held.used.Load() == stalled*leastHeld })
	if code := w.post(body); code != 200 {
		t.Errorf("another webhook meanwhile: %d", code)
	}
	resp := w.reply(first)
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 408 || string(text) != "took too long\n" || !resp.Close {
		t.Errorf("%d %q, close %v", resp.StatusCode, text, resp.Close)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	w.until("nothing is in flight", func() bool { return w.in.held.used.Load() == 0 })
}

// A body holds what came of it, whatever length is claimed.
func TestHeldGrowsWithWhatComes(t *testing.T) {
	w := newWorld(t, nil)
	conn := w.dial()
	fmt.Fprint(conn, head(100<<10, ""))
	for _, step := range []struct{ more, held int }{{0, leastHeld}, {leastHeld - 1, leastHeld}, {1, 2 * leastHeld}, {3 * leastHeld, 8 * leastHeld}} {
		fmt.Fprint(conn, strings.Repeat("x", step.more))
		w.until(fmt.Sprintf("%d bytes are held", step.held), func() bool { return w.in.held.used.Load() == int64(step.held) })
	}
}

// Who sends nothing is waited for less long than who sends slowly.
func TestStalledBodies(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.BodyTimeout = time.Minute
		c.StallTimeout = 500 * time.Millisecond
	})
	for name, came := range map[string]string{"nothing came": "", "some came": body[:3]} {
		conn := w.dial()
		fmt.Fprint(conn, head(len(body), "")+came)
		if resp := w.reply(conn); resp.StatusCode != 408 || !resp.Close {
			t.Errorf("%s: %d, close %v", name, resp.StatusCode, resp.Close)
		}
	}
	began := time.Now()
	conn := w.dial()
	fmt.Fprint(conn, head(len(body), ""))
	tick := time.NewTicker(700 * time.Millisecond / time.Duration(len(body)))
	defer tick.Stop()
	for i := range len(body) {
		<-tick.C
		fmt.Fprint(conn, body[i:i+1])
	}
	if resp := w.reply(conn); resp.StatusCode != 200 {
		t.Errorf("byte by byte, in %v: %d", time.Since(began), resp.StatusCode)
	}
}

func TestBrokenBodies(t *testing.T) {
	w := newWorld(t, nil)
	conn := w.dial()
	request := strings.Replace(head(0, ""), "Content-Length: 0", "Transfer-Encoding: chunked", 1)
	fmt.Fprint(conn, request+"zz\r\n")
	if resp := w.reply(conn); resp.StatusCode != 400 {
		t.Errorf("malformed chunk: %d", resp.StatusCode)
	}
	conn = w.dial()
	fmt.Fprint(conn, head(1000, "")+"{")
	conn.Close()
	w.until("the one who left is counted", func() bool {
		return w.metric("holdfast_ingress_refused_total", "body_incomplete", "acme") == 2
	})
	if w.starter.count() != 0 {
		t.Error("started")
	}
}

// A recorder's connection cannot bound a body by its declared length, as a server does.
func TestMoreThanDeclared(t *testing.T) {
	w := newWorld(t, nil)
	r := httptest.NewRequest("POST", "/webhooks/acme", strings.NewReader(body))
	r.ContentLength = 3
	r.Header.Set(signature, sign(body))
	reply := httptest.NewRecorder()
	w.in.Handler().ServeHTTP(reply, r)
	if reply.Code != 400 {
		t.Error(reply.Code)
	}
}

func TestInFlight(t *testing.T) {
	const room = 3
	gate, starting := make(chan struct{}), make(chan struct{}, room)
	w := newWorld(t, func(c *Config) {
		c.MaxInFlight = room * leastHeld
		c.Sources = map[string]Source{"acme": {Name: "acme", Provider: signed{secret}, MaxBody: leastHeld - 1}}
	})
	w.starter.say = func(context.Context) error {
		starting <- struct{}{}
		<-gate
		return nil
	}
	codes := make(chan int, room)
	for range room {
		go func() { codes <- w.post(body) }()
	}
	for range room {
		<-starting
	}
	if got := w.metric("holdfast_ingress_in_flight_bytes"); got != room*leastHeld {
		t.Errorf("in flight: %v", got)
	}
	resp, text := w.do("POST", "/webhooks/acme", body, map[string]string{signature: sign(body)})
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "10" || text != "try again later\n" {
		t.Errorf("one too many: %d %q %q", resp.StatusCode, resp.Header.Get("Retry-After"), text)
	}
	if w.metric("holdfast_ingress_refused_total", "overloaded", "acme") != 1 {
		t.Error("not counted")
	}
	close(gate)
	for range room {
		if code := <-codes; code != 200 {
			t.Errorf("let in: %d", code)
		}
	}
	if code := w.post(body); code != 200 {
		t.Errorf("afterwards: %d", code)
	}
}

func TestLargeBodiesLeaveRoom(t *testing.T) {
	b := &budget{limit: 4 << 20}
	var large []*claim
	for {
		c := &claim{budget: b}
		if !c.grow(small + 1) {
			break
		}
		large = append(large, c)
	}
	if used := b.used.Load(); used > 3<<20 || used < 3<<20-small-1 {
		t.Errorf("large ones hold %d of %d", used, b.limit)
	}
	tiny := &claim{budget: b}
	if !tiny.grow(1) || tiny.size != leastHeld {
		t.Errorf("a small one: %+v", tiny)
	}
	if before := b.used.Load(); tiny.grow(2<<20) || b.used.Load() != before || tiny.size != leastHeld {
		t.Errorf("one that grows large: %+v", tiny)
	}
	tiny.release()
	for _, c := range large {
		c.release()
	}
	if b.used.Load() != 0 {
		t.Errorf("%d left", b.used.Load())
	}
}

func TestReasonsOfBodies(t *testing.T) {
	if got := bodyError(io.ErrUnexpectedEOF); got != bodyIncomplete {
		t.Error(got)
	}
	if got := refusedBy(errors.Join(webhook.TimestampOutOfSkew)); got != reason(webhook.TimestampOutOfSkew) {
		t.Error(got)
	}
	if code, _ := reason("what is yet to come").status(); code != http.StatusUnauthorized {
		t.Errorf("a reason nobody thought of: %d", code)
	}
}
