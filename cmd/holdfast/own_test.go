package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/webhook"
	"holdfast/workflows"
)

// A heard is an event as a receiver noted it.
type heard struct {
	told
	Late bool `json:"outoforder"`
	at   time.Time
}

// A notebook answers like a receiver, and notes what it took.
type notebook struct {
	mu     sync.Mutex
	heard  []heard
	answer func(heard) int // a status; 0: 204, and it is noted
}

func (n *notebook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var h heard
	if err := json.NewDecoder(r.Body).Decode(&h); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	h.at = time.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.answer != nil {
		if code := n.answer(h); code != 0 {
			w.WriteHeader(code)
			return
		}
	}
	n.heard = append(n.heard, h)
	w.WriteHeader(http.StatusNoContent)
}

func (n *notebook) all() []heard {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.heard)
}

func (n *notebook) answers(f func(heard) int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answer = f
}

// listen makes a listener that writes into a notebook.
func (n *notebook) listen(t *testing.T) *listener {
	l := &listener{Server: httptest.NewServer(n)}
	t.Cleanup(func() {
		l.CloseClientConnections()
		l.Close()
	})
	return l
}

// change changes a destination.
func change(cfg *config.Config, name string, f func(*config.Destination)) {
	d := cfg.Destinations[name]
	f(&d)
	cfg.Destinations[name] = d
}

// turnOf is turn for another account.
func turnOf(of string, n int) []byte {
	return []byte(strings.ReplaceAll(string(turn(n)), account, of))
}

// recorded are the ids of the events of an account, in the order in which they were recorded.
func (r *rig) recorded(h *running, account string) []string {
	r.t.Helper()
	logged, err := h.store.Load().EventsOf(r.t.Context(), account, 100)
	if err != nil {
		r.t.Fatal(err)
	}
	var ids []string
	for _, e := range slices.Backward(logged) {
		ids = append(ids, e.Event.ID)
	}
	return ids
}

// An ordered destination is told what concerns an account in the order recorded, whatever fails, by whichever worker; what it refuses
// is parked, told later, and marked.
func TestOrdered(t *testing.T) {
	r := newRig(t)
	var crm notebook
	cfg := r.config(map[string]*listener{"crm": crm.listen(t)})
	change(cfg, "crm", func(d *config.Destination) { d.Ordered, d.Parallel = true, 3 })
	failures := map[string]int{}
	refused := ""
	crm.answers(func(h heard) int {
		failures[h.ID]++
		switch n := failures[h.ID]; {
		case refused == "" && strings.HasSuffix(h.Subject, "0"):
			refused = h.ID
			return http.StatusUnprocessableEntity
		case h.ID == refused:
			return http.StatusUnprocessableEntity
		case len(failures)%5 == 1 && n == 1: // some fail once
			return http.StatusServiceUnavailable
		}
		return 0
	})
	h := r.start(cfg, both)
	r.start(cfg, roles{worker: true})
	const accounts, each = 5, 8
	var all sync.WaitGroup
	first := make([][]byte, accounts)
	for a := range accounts {
		all.Go(func() {
			of := fmt.Sprint("99001", a)
			for n := range each {
				body := turnOf(of, n)
				if n == 0 {
					first[a] = body
				}
				if code := r.post(h, body); code != http.StatusOK {
					t.Errorf("status %d", code)
				}
				deadline := time.Now().Add(time.Minute)
				for len(r.recorded(h, of)) <= n && time.Now().Before(deadline) { // one of an account at a time, so that the order is known
					<-time.After(5 * time.Millisecond)
				}
			}
		})
	}
	all.Wait()
	eventually(t, "all but what is refused is told", func() bool { return len(crm.all()) == accounts*each-1 })
	own := "owed/crm/" + refused
	eventually(t, "what is refused is parked", func() bool { return r.stageOf(own) == workflows.StageParked })
	crm.answers(nil)
	if err := r.temporal.SignalWorkflow(t.Context(), own, "", workflows.Reprocess, workflows.Command{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is told as well", func() bool { return len(crm.all()) == accounts*each })
	eventually(t, "its workflow ends", func() bool { return r.stageOf(own) == workflows.StageOwed })
	for a := range accounts {
		of := fmt.Sprint("99001", a)
		var got []string
		for _, e := range crm.all() {
			if e.Subject != "account/"+of {
				continue
			}
			if e.Late != (e.ID == refused) {
				t.Errorf("%s is marked: %v", e.ID, e.Late)
			}
			if !e.Late {
				got = append(got, e.ID)
			}
		}
		want := slices.DeleteFunc(r.recorded(h, of), func(id string) bool { return id == refused })
		if !slices.Equal(got, want) {
			t.Errorf("account %s: told\n%q, recorded\n%q", of, got, want)
		}
	}
	if stage := r.stage(first[0]); stage != workflows.StageOwed {
		t.Errorf("stage %q, want owed", stage)
	}
	eventually(t, "nothing is owed", func() bool { return r.run(t, "owed") == "nothing is owed\n" })
}

// A rate holds whichever worker tells it, and when one stops another goes on. Nothing is told twice.
func TestRateOverTwoWorkers(t *testing.T) {
	r := newRig(t)
	var crm notebook
	cfg := r.config(map[string]*listener{"crm": crm.listen(t)})
	const perSecond, n = 10, 60
	change(cfg, "crm", func(d *config.Destination) { d.Rate = perSecond })
	h := r.start(cfg, both)
	second := r.start(cfg, roles{worker: true})
	for i := range n {
		r.post(h, ban(fmt.Sprint("99002", i), time.Now()))
	}
	eventually(t, "some are told", func() bool { return len(crm.all()) > perSecond+2 })
	h.stop()
	eventually(t, "all are told", func() bool { return len(crm.all()) >= n })
	eventually(t, "all is settled", func() bool {
		s, err := second.store.Load().Standing(t.Context(), "crm", time.Hour)
		return err == nil && s.Owed == 0
	})
	got := crm.all()
	seen := map[string]bool{}
	for i, e := range got {
		if seen[e.ID] = true; i >= 2*perSecond {
			if d := e.at.Sub(got[i-2*perSecond].at); d < 900*time.Millisecond {
				t.Errorf("%d events in %v", 2*perSecond+1, d)
			}
		}
	}
	if len(got) != n || len(seen) != n {
		t.Errorf("told %d times, %d events", len(got), len(seen))
	}
}

// A configuration may change how a destination is told while it is: nothing is forgotten, nothing told twice.
func TestOwnAndBack(t *testing.T) {
	r := newRig(t)
	var crm notebook
	l := crm.listen(t)
	plain := r.config(map[string]*listener{"crm": l})
	ordered := r.config(map[string]*listener{"crm": l})
	change(ordered, "crm", func(d *config.Destination) { d.Ordered = true })
	h := r.start(plain, both)
	for round, cfg := range []*config.Config{ordered, plain, ordered, plain} {
		for i := range 20 {
			r.post(h, ban(fmt.Sprint("99003", round, i), time.Now()))
			if i == 10 {
				if err := h.reload(cfg); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	eventually(t, "all are told", func() bool {
		h.gauges.poll(t.Context())
		return len(crm.all()) >= 80
	})
	eventually(t, "all is settled", func() bool {
		s, err := h.store.Load().Standing(t.Context(), "crm", time.Hour)
		return err == nil && s.Owed == 0
	})
	seen := map[string]bool{}
	for _, e := range crm.all() {
		seen[e.ID] = true
	}
	if len(seen) != 80 || len(crm.all()) != 80 {
		t.Errorf("told %d times, %d events", len(crm.all()), len(seen))
	}
}

// Of ten destinations one hangs and one is slow, and the others are told within a second.
func TestTenDestinations(t *testing.T) {
	r := newRig(t)
	const n = 25
	listeners := map[string]*listener{}
	var prompt [8]notebook
	for i := range prompt {
		listeners[fmt.Sprint("prompt", i)] = prompt[i].listen(t)
	}
	hanging, slow := newListener(t), newListener(t)
	listeners["hanging"], listeners["slow"] = hanging, slow
	hanging.answers(func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
	slow.answers(func(w http.ResponseWriter, req *http.Request) {
		select {
		case <-time.After(time.Second):
			w.WriteHeader(http.StatusNoContent)
		case <-req.Context().Done():
		}
	})
	cfg := r.config(listeners)
	change(cfg, "prompt0", func(d *config.Destination) { d.Ordered = true })
	change(cfg, "prompt1", func(d *config.Destination) { d.Rate = 100 })
	h := r.start(cfg, both)
	eventually(t, "those that nobody else tells are told by their workflows", func() bool {
		h.gauges.poll(t.Context())
		for _, name := range []string{"prompt0", "prompt1"} {
			if draining, err := h.desk.Draining(t.Context(), name); err != nil || !draining {
				return false
			}
		}
		return true
	})
	var took []time.Duration
	for i := range n {
		began := time.Now()
		r.post(h, ban(fmt.Sprint("99004", i), began))
		for p := range prompt {
			eventually(t, "a prompt one is told", func() bool { return len(prompt[p].all()) == i+1 })
			took = append(took, prompt[p].all()[i].at.Sub(began))
		}
	}
	slices.Sort(took)
	if median := took[len(took)/2]; median > time.Second { // a busy machine may be late now and then
		t.Errorf("told after %v; all: %v", median, took)
	}
	if len(hanging.told()) > 0 {
		t.Error("the hanging one was told")
	}
	eventually(t, "the hanging one is held", func() bool { return r.stageOf(r.destination("hanging")) == workflows.StageHeld })
	if s := r.standing("hanging"); s.Hold == nil || s.Hold.Cause != webhook.ByTrouble {
		t.Errorf("standing %+v", s)
	}
}
