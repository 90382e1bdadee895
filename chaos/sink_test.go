package chaos

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

// A telling is one attempt to tell a destination of an event, as the destination saw it.
type telling struct {
	id       string // webhook-id
	key      string // see [correlate]
	body     [sha256.Size]byte
	late     bool
	at       time.Time
	answered bool // with 204; else refused, or not at all
}

// A sink is a destination that remembers every attempt, and that can be in trouble.
type sink struct {
	name, address, secret string
	events                []string // patterns, as configured
	t                     *testing.T
	key                   signature.StandardKey

	mu       sync.Mutex
	server   *http.Server
	tellings []telling
	trouble  func(id string) http.HandlerFunc // what answers instead; nil, or returns nil: 204
}

func newSink(t *testing.T, name, address string, events ...string) *sink {
	s := &sink{name: name, address: address, events: events, t: t, secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
	var err error
	if s.key, err = signature.ParseStandardKey(signature.Secret(s.secret)); err != nil {
		t.Fatal(err)
	}
	s.open()
	t.Cleanup(s.cut)
	return s
}

// open begins to listen, always at the same address.
func (s *sink) open() {
	s.t.Helper()
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.mu.Lock()
	s.server = server
	s.mu.Unlock()
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.t.Errorf("sink %s: %v", s.name, err)
		}
	}()
}

// cut ends it as kill -9 would: connections break, whatever is on them.
func (s *sink) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.server.Close() // its listener and connections are gone either way
}

// fails lets something else answer the events that it is returned for, until mend is called.
func (s *sink) fails(trouble func(id string) http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = trouble
}

func (s *sink) mend() { s.fails(nil) }

// refusing answers 503 to everything.
func refusing(string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
}

// moody answers 503 to a quarter of the events, always the same ones. That is no trouble of the destination as a whole.
func moody(id string) http.HandlerFunc {
	if sha256.Sum256([]byte(id))[0]%4 == 0 {
		return refusing(id)
	}
	return nil
}

// hanging accepts and never answers, until it is told to stop or whoever asks gives up.
func hanging(stop <-chan struct{}) func(string) http.HandlerFunc {
	return func(string) http.HandlerFunc {
		return func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-stop:
			}
			panic(http.ErrAbortHandler) // the connection breaks
		}
	}
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // whoever told was killed meanwhile
	}
	h := r.Header
	// A clock that is wrong by an hour is one of the faults, so any time will do.
	if err := signature.VerifyStandard([]signature.StandardKey{s.key}, h.Get("webhook-id"), h.Get("webhook-timestamp"),
		h.Get("webhook-signature"), body, time.Now(), 365*24*time.Hour); err != nil {
		s.t.Errorf("told with a bad signature: %v", err)
	}
	var e struct {
		ID   string       `json:"id"`
		Type webhook.Type `json:"type"`
		Time time.Time    `json:"time"`
		Late bool         `json:"late"`
	}
	if err := json.Unmarshal(body, &e); err != nil || e.ID != h.Get("webhook-id") {
		s.t.Errorf("told something that is no event, or under another id than its own (%v)", err)
	}
	told := telling{id: e.ID, key: correlate(e.Type, e.Time), body: sha256.Sum256(body), late: e.Late, at: time.Now()}
	s.mu.Lock()
	var answer http.HandlerFunc
	if s.trouble != nil {
		answer = s.trouble(e.ID)
	}
	told.answered = answer == nil
	s.tellings = append(s.tellings, told)
	s.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// all is every attempt so far.
func (s *sink) all() []telling {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]telling(nil), s.tellings...)
}
