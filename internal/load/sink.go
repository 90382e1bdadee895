package load

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/internal/signature"
)

// A Behaviour is how a destination answers. The zero value answers 204 at once.
type Behaviour struct {
	Status int           // default 204
	Delay  time.Duration // before it answers
	Hang   bool          // it never answers; Status and Delay mean nothing then
}

// A Destination is one of a [Sink]: what it was told, and how it answers.
type Destination struct {
	*Ledger
	behaviour atomic.Pointer[Behaviour]
	forged    atomic.Int64
}

// Behave changes how it answers from now on. Who is kept hanging is so until the connection ends.
func (d *Destination) Behave(b Behaviour) { d.behaviour.Store(&b) }

// Forged is how many requests were not signed with the key of the sink. They are answered 401 and not noted.
func (d *Destination) Forged() int { return int(d.forged.Load()) }

// A Sink is destinations, by the first part of the path that they are told at: /crm is the destination crm. It is an
// [http.Handler].
type Sink struct {
	run  Run
	keys []signature.StandardKey
	now  func() time.Time

	mu           sync.RWMutex
	destinations map[string]*Destination
}

// NewSink makes a sink for the updates of a run. What is told must be signed with one of the keys (Standard Webhooks);
// without keys, signatures are not looked at.
func NewSink(run Run, keys ...signature.StandardKey) *Sink {
	return &Sink{run: run, keys: keys, now: time.Now, destinations: map[string]*Destination{}}
}

// Destination returns the one of a name, which is made if it is not there.
func (s *Sink) Destination(name string) *Destination {
	s.mu.RLock()
	d, ok := s.destinations[name]
	s.mu.RUnlock()
	if ok {
		return d
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if d, ok := s.destinations[name]; ok {
		return d
	}
	d = &Destination{Ledger: NewLedger(s.run)}
	d.Behave(Behaviour{})
	s.destinations[name] = d
	return d
}

// Names are those of the destinations that were told anything, sorted.
func (s *Sink) Names() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []string
	for name, d := range s.destinations {
		if d.Known() > 0 {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

const mostTold = 16 << 20

func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	d := s.Destination(name)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostTold))
	at := s.now()
	if err != nil {
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	}
	id := r.Header.Get("webhook-id")
	if len(s.keys) > 0 {
		if err := signature.VerifyStandard(s.keys, id, r.Header.Get("webhook-timestamp"), r.Header.Get("webhook-signature"), body, at, 5*time.Minute); err != nil {
			d.forged.Add(1)
			http.Error(w, "not authentic", http.StatusUnauthorized)
			return
		}
	}
	numbers := d.arrive(id, body, at)
	b := d.behaviour.Load()
	if b.Hang {
		<-r.Context().Done()
		return
	}
	if b.Delay > 0 {
		select {
		case <-time.After(b.Delay):
		case <-r.Context().Done():
			return
		}
	}
	status := b.Status
	if status == 0 {
		status = http.StatusNoContent
	}
	if status/100 == 2 {
		d.answer(numbers) // before it is: who reads the answer may ask at once
	}
	w.WriteHeader(status)
}
