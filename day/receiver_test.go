package day

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// A receiver is a destination that can be told to misbehave. What it has taken, with 204, it remembers.
type receiver struct {
	t       *testing.T
	address string

	mu     sync.Mutex
	server *http.Server
	how    string
	seen   map[string]time.Time // by account: when it was first told
	ids    map[string]int       // of events: how often it was told
	over   chan struct{}        // ends attempts that hang
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{t: t, address: "127.0.0.1:0", how: "well", seen: map[string]time.Time{}, ids: map[string]int{}, over: make(chan struct{})}
	if err := r.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.answer("dead") })
	return r
}

func (r *receiver) url() string { return "http://" + r.address + "/" }

func (r *receiver) open() error {
	l, err := net.Listen("tcp", r.address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	r.address = l.Addr().String()
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 5 * time.Second}
	go func(s *http.Server) { _ = s.Serve(l) }(r.server) // ends when it is closed
	return nil
}

// answer sets how it answers from now on: well, dead (nobody listens), hanging, a status such as 500, or a status with a
// Retry-After in seconds, such as 429/2.
func (r *receiver) answer(how string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.how
	r.how = how
	close(r.over)
	r.over = make(chan struct{})
	switch {
	case how == "dead" && before != "dead":
		_ = r.server.Close() // the listener is gone in any case
	case how != "dead" && before == "dead":
		return r.open()
	}
	return nil
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var e struct{ ID, Subject string }
	if err := json.NewDecoder(req.Body).Decode(&e); err != nil {
		r.t.Errorf("told something that is not JSON: %v", err)
	}
	r.mu.Lock()
	how, over := r.how, r.over
	if how == "well" {
		account := strings.TrimPrefix(e.Subject, "account/")
		if _, known := r.seen[account]; !known {
			r.seen[account] = time.Now()
		}
		r.ids[e.ID]++
	}
	r.mu.Unlock()
	status, after, _ := strings.Cut(how, "/")
	switch {
	case how == "well":
		w.WriteHeader(http.StatusNoContent)
	case how == "hanging":
		select {
		case <-over:
		case <-req.Context().Done():
		}
		panic(http.ErrAbortHandler)
	default:
		var code int
		if _, err := fmt.Sscan(status, &code); err != nil {
			r.t.Errorf("no way to answer: %q", how)
			code = http.StatusNotImplemented
		}
		if after != "" {
			w.Header().Set("Retry-After", after)
		}
		w.WriteHeader(code)
	}
}

// count is of how many accounts it was told.
func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

// once is an error if there is another number of events than of accounts, or one that was told twice.
func (r *receiver) once() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ids) != len(r.seen) {
		return fmt.Errorf("told of %d accounts under %d ids", len(r.seen), len(r.ids))
	}
	for id, n := range r.ids {
		if n > 1 {
			return fmt.Errorf("told of %s %d times", id, n)
		}
	}
	return nil
}

func (r *receiver) first(account string) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen[account]
}
