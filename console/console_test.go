package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/console"
	"holdfast/internal/state"
	"holdfast/internal/webhook"
	"holdfast/workflows"
)

const (
	anEvent   = "evt_00000000000000000000000000000001"
	aWebhook  = "000000000000000000000000000000aa"
	aWorkflow = "wh/meta-main/000000000000000000000000000000aa"
	aNumber   = "15550783881"
)

// A desk is a console over HTTP, with a database in which one event is recorded, and owed to crm.
type desk struct {
	t     *testing.T
	at    string
	store *state.Store
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	store, err := state.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "state.db"), state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	d := &desk{t: t, store: store}
	d.at = d.serve(func() console.Book { return store })
	e := webhook.Event{
		ID: anEvent, Type: webhook.AccountAlert, Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Source: "meta-main", Webhook: aWebhook,
		Account: "4711", Phone: webhook.Phone{Number: aNumber}, Data: &webhook.Alert{Description: "secret words"},
	}
	_, err = store.Record(t.Context(), aWorkflow, []webhook.Record{{
		Webhook: aWebhook, Source: "meta-main", Received: time.Now(),
		Events: []webhook.Candidate{{Event: e, Destinations: []webhook.Route{{Destination: "crm"}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) serve(book func() console.Book) string {
	server := httptest.NewServer(console.New(console.Options{
		Book: book,
		Configured: func() map[string]console.Configured {
			return map[string]console.Configured{
				"crm":   {Type: "http", ToldOf: "account.*"},
				"queue": {Type: "kafka", ToldOf: "*", Policy: webhook.Policy{Own: true, Ordered: true, Rate: 10, Parallel: 8}},
			}
		},
		Parked: func(_ context.Context, limit int) (any, error) {
			if limit == 7 {
				return nil, errors.New("secret words")
			}
			return map[string]int{"total": limit}, nil
		},
		OrphanAge: time.Hour,
		Logger:    slog.New(slog.DiscardHandler),
	}))
	d.t.Cleanup(server.Close)
	return server.URL
}

// ask returns the status and the body of an answer.
func (d *desk) ask(method, path string) (int, string) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.at+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if got := resp.Header.Get("Content-Type"); got != "application/json" {
		d.t.Errorf("%s: content type %q", path, got)
	}
	return resp.StatusCode, string(body)
}

// read asks for what there is.
func read[T any](d *desk, path string) T {
	d.t.Helper()
	var value T
	status, body := d.ask(http.MethodGet, path)
	if err := json.Unmarshal([]byte(body), &value); err != nil || status != http.StatusOK {
		d.t.Fatalf("%s: %d, %v: %s", path, status, err, body)
	}
	return value
}

func TestDestinations(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, h := range []webhook.Hold{
		{Destination: "crm", Cause: webhook.ByTrouble, Reason: "status 401", Advice: "Look at the secret.", Probes: 2, Next: time.Now()},
		{Destination: "left", Cause: webhook.ByOperator, Actor: "ada"},
	} {
		h.Since = time.Now()
		if _, err := d.store.Hold(t.Context(), h); err != nil {
			t.Fatal(err)
		}
	}
	list := read[[]console.Destination](d, "/api/destinations")
	for i := range list {
		if held := !list[i].Since.IsZero(); held != (list[i].Name != "queue") || (list[i].Name == "crm") == list[i].Oldest.IsZero() {
			t.Errorf("times of %+v", list[i])
		}
		list[i].Since, list[i].Oldest, list[i].Next = time.Time{}, time.Time{}, time.Time{}
	}
	want := []console.Destination{
		{
			Name: "crm", Type: "http", Stage: workflows.StageHeld, Configured: true, Reason: "status 401", Advice: "Look at the secret.", Probes: 2,
			Owed: 1, ToldOf: "account.*",
		},
		{Name: "left", Stage: workflows.StagePaused, Actor: "ada"},
		{Name: "queue", Type: "kafka", Stage: workflows.StageFlowing, Configured: true, Own: true, Rate: 10, Ordered: true, Parallel: 8, ToldOf: "*"},
	}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("destinations (-want +got):\n%s", diff)
	}
}

func TestParked(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for path, want := range map[string]int{"/api/parked": 20, "/api/parked?limit=3": 3} {
		if got := read[map[string]int](d, path)["total"]; got != want {
			t.Errorf("%s: %d are listed, want %d", path, got, want)
		}
	}
	if status, body := d.ask(http.MethodGet, "/api/parked?limit=7"); status != http.StatusServiceUnavailable || strings.Contains(body, "secret") {
		t.Errorf("if nobody can say: %d: %s", status, body)
	}
	if status, _ := d.ask(http.MethodGet, "/api/parked?limit=1001"); status != http.StatusBadRequest {
		t.Errorf("too many: %d", status)
	}
}

func TestAttempts(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	began := time.Now().Truncate(time.Microsecond).UTC()
	var noted []webhook.Attempt
	for n := range 3 {
		noted = append(noted, webhook.Attempt{
			Event: anEvent, At: began.Add(time.Duration(n) * time.Second), Took: 1500 * time.Millisecond, Number: n + 1,
			Outcome: webhook.Retry, Status: 503, Reason: "status 503", Next: began.Add(time.Minute),
		})
	}
	if err := d.store.Settle(t.Context(), aWorkflow, "crm", webhook.Settlement{Attempts: noted}); err != nil {
		t.Fatal(err)
	}
	want := console.Attempt{
		At: began.Add(2 * time.Second), Destination: "crm", Event: anEvent, Workflow: aWorkflow, Number: 3,
		Outcome: webhook.Retry, Status: 503, Seconds: 1.5, Reason: "status 503", Next: began.Add(time.Minute),
	}
	for _, by := range []string{"event=" + anEvent, "workflow=" + aWorkflow, "webhook=" + aWebhook, "destination=crm", "event=" + anEvent + "&destination=crm"} {
		list := read[[]console.Attempt](d, "/api/attempts?"+by)
		if len(list) != 3 {
			t.Fatalf("by %s: %d attempts", by, len(list))
		}
		if diff := cmp.Diff(want, list[0]); diff != "" {
			t.Errorf("by %s, the latest (-want +got):\n%s", by, diff)
		}
	}
	if list := read[[]console.Attempt](d, "/api/attempts?destination=crm&limit=1"); len(list) != 1 || list[0].Number != 3 {
		t.Errorf("at most one: %+v", list)
	}
	if status, body := d.ask(http.MethodGet, "/api/attempts?destination=other"); status != http.StatusOK || strings.TrimSpace(body) != "[]" {
		t.Errorf("of another: %d, %s", status, body)
	}
}

// An event is shown without what it says, and without the number it is about.
func TestEvent(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	status, body := d.ask(http.MethodGet, "/api/events/"+anEvent)
	var got console.Event
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK {
		t.Fatalf("%d, %v: %s", status, err, body)
	}
	if got.Recorded.IsZero() {
		t.Error("it does not say when it was recorded")
	}
	got.Recorded = time.Time{}
	want := console.Event{
		ID: anEvent, Type: webhook.AccountAlert, Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Source: "meta-main", Account: "4711",
		Webhook: aWebhook, Workflow: aWorkflow, Outcome: webhook.Fresh, Routes: []string{"crm"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if strings.Contains(body, aNumber) || strings.Contains(body, "secret words") {
		t.Errorf("it shows what it says: %s", body)
	}
}

// What makes no sense is refused in words that help.
func TestRefusals(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, tt := range []struct {
		method, path, says string
		status             int
	}{
		{"GET", "/api/attempts", "want an event, a workflow, a webhook or a destination", 400},
		{"GET", "/api/attempts?destination=crm&destination=log", "destination: want one value", 400},
		{"GET", "/api/attempts?destination=", "destination: want one value", 400},
		{"GET", "/api/attempts?event=1%27%20OR%201=1", "event: want evt_ and 32 hexadecimal digits", 400},
		{"GET", "/api/attempts?webhook=evt_", "webhook: want 32 hexadecimal digits", 400},
		{"GET", "/api/attempts?destination=crm&limit=0", "limit: want a number from 1 to 1000", 400},
		{"GET", "/api/attempts?destination=crm&limit=1001", "limit: want a number from 1 to 1000", 400},
		{"GET", "/api/attempts?destination=crm&limit=many", "limit: want a number", 400},
		{"GET", "/api/attempts?destnation=crm", "unknown parameter; there are event, workflow, webhook, destination, limit", 400},
		{"GET", "/api/attempts?destination=" + strings.Repeat("x", 1001), "too long", 400},
		{"GET", "/api/attempts?workflow=%00", "cannot be printed", 400},
		{"GET", "/api/attempts?destination=%ff", "cannot be printed", 400},
		{"GET", "/api/attempts?%zz", "the query cannot be read", 400},
		{"GET", "/api/destinations?all=1", "there are no parameters", 400},
		{"GET", "/api/events/4711", "want the id of an event", 400},
		{"GET", "/api/events/evt_" + strings.Repeat("f", 32), "there is nothing of that name", 404},
		{"GET", "/api/everything", "there is nothing of that name", 404},
		{"GET", "/api/", "there is nothing of that name", 404},
		{"POST", "/api/destinations", "only GET and HEAD", 405},
		{"DELETE", "/api/events/" + anEvent, "only GET and HEAD", 405},
	} {
		var got struct {
			Error string `json:"error"`
		}
		status, body := d.ask(tt.method, tt.path)
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != tt.status || !strings.Contains(got.Error, tt.says) {
			t.Errorf("%s %s: %d, %s, want %d and %q", tt.method, tt.path, status, body, tt.status, tt.says)
		}
	}
}

// A database that does not answer, or is not open yet, is said to be so, and its errors stay in the log.
func TestWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	paths := []string{"/api/destinations", "/api/attempts?destination=crm", "/api/events/" + anEvent}
	if err := d.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{"that cannot be said now; the log says why", "the database is not open yet"} {
		for _, path := range paths {
			if status, body := d.ask(http.MethodGet, path); status != http.StatusServiceUnavailable || !strings.Contains(body, `{"error":"`+says+`"}`) {
				t.Errorf("%s: %d, %s", path, status, body)
			}
		}
		d.at = d.serve(func() console.Book { return nil })
	}
}

// A store satisfies the console.
var _ console.Book = (*state.Store)(nil)

// Destinations changes nothing that it is given, and has each name once.
func TestDestinationsByName(t *testing.T) {
	t.Parallel()
	standings := map[string]webhook.Standing{"b": {Owed: 1}, "c": {}}
	list := console.Destinations(map[string]console.Configured{"a": {}, "b": {}}, standings)
	var names []string
	for _, d := range list {
		names = append(names, d.Name)
	}
	if !slices.Equal(names, []string{"a", "b", "c"}) || len(standings) != 2 || list[1].Owed != 1 || list[2].Configured {
		t.Errorf("destinations %+v of standings %+v", list, standings)
	}
	if list := console.Destinations(nil, nil); list == nil || len(list) != 0 {
		t.Errorf("none: %#v", list)
	}
}

// A crowd is a book that counts who asks, and answers nobody in time.
type crowd struct {
	console.Book
	asking atomic.Int64
}

func (c *crowd) Standings(ctx context.Context, _ time.Duration) (map[string]webhook.Standing, error) {
	c.asking.Add(1)
	defer c.asking.Add(-1)
	<-ctx.Done()
	return nil, ctx.Err()
}

// Those who ask many slow questions do not take the connections by which events are recorded.
func TestFewAskAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := new(crowd)
		handler := console.New(console.Options{
			Book:       func() console.Book { return c },
			Configured: func() map[string]console.Configured { return nil },
			OrphanAge:  time.Hour,
			Logger:     slog.New(slog.DiscardHandler),
		})
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/destinations", nil))
				if w.Code != http.StatusServiceUnavailable {
					t.Errorf("status %d", w.Code)
				}
			})
		}
		synctest.Wait()
		if n := c.asking.Load(); n != 2 {
			t.Errorf("%d ask at once", n)
		}
		all.Wait()
	})
}
