package ingress

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReadiness(t *testing.T) {
	now := noon
	var trouble atomic.Pointer[error]
	var asked atomic.Int32
	w := newWorld(t, func(c *Config) {
		c.Now = func() time.Time { return now }
		c.Checks = []Check{
			{Name: "spool", Ask: func(context.Context) error { return nil }},
			{Name: "stood in for", Advisory: true, Ask: func(context.Context) error { return errors.New("away") }},
			{Name: "temporal", Ask: func(context.Context) error {
				asked.Add(1)
				if err := trouble.Load(); err != nil {
					return *err
				}
				return nil
			}},
		}
	})
	public := func(code int, text string) {
		t.Helper()
		if resp, got := w.do("GET", "/readyz", "", nil); resp.StatusCode != code || got != text {
			t.Errorf("%d %q, want %d %q", resp.StatusCode, got, code, text)
		}
	}
	public(200, "ready\n")
	err := errors.New("no connection to temporal")
	trouble.Store(&err)
	public(200, "ready\n") // as a second ago
	if asked.Load() != 1 {
		t.Errorf("asked %d times in a second", asked.Load())
	}
	now = now.Add(time.Second)
	public(503, "not ready\n")

	reply := httptest.NewRecorder()
	w.in.OperatorHandler().ServeHTTP(reply, httptest.NewRequest("GET", "/readyz", nil))
	var got Readiness
	if err := json.Unmarshal(reply.Body.Bytes(), &got); err != nil || reply.Code != 503 {
		t.Fatal(err, reply.Code)
	}
	want := Readiness{Checks: []CheckState{
		{Name: "spool", OK: true, Since: noon},
		{Name: "stood in for", Advisory: true, Error: "away", Since: noon},
		{Name: "temporal", Error: "no connection to temporal", Since: now},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	trouble.Store(nil)
	now = now.Add(time.Minute)
	public(200, "ready\n")
	if log := w.log.String(); strings.Count(log, "check failed") != 2 || !strings.Contains(log, `"after":"1m0s"`) {
		t.Errorf("log: %s", log)
	}
	w.in.Drain()
	public(503, "not ready\n")
	if code := w.post(body); code != 200 {
		t.Errorf("webhook while draining: %d", code)
	}
}

func TestCheckThatHangsOrPanics(t *testing.T) {
	now := noon
	hang, calls := make(chan struct{}), atomic.Int32{}
	r := newReadiness([]Check{
		{Name: "hangs", Ask: func(context.Context) error { calls.Add(1); <-hang; return nil }},
		{Name: "panics", Ask: func(context.Context) error { panic("planted") }},
	}, func() time.Time { return now }, newWorld(t, nil).in.log)
	r.within = 10 * time.Millisecond
	for range 3 {
		states := r.look(t.Context())
		if states[0].OK || states[0].Error != "no answer in time" || states[1].OK || strings.Contains(states[1].Error, "planted") {
			t.Errorf("%+v", states)
		}
		now = now.Add(checksHold)
	}
	if calls.Load() != 1 {
		t.Errorf("%d calls at a time", calls.Load())
	}
	close(hang)
	r.within = 10 * time.Second
	if states := r.look(t.Context()); !states[0].OK {
		t.Errorf("after it answered: %+v", states)
	}
}
