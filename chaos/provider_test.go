package chaos

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"holdfast/internal/signature"
)

const (
	secret         = "the secret of the app"
	attemptTimeout = 10 * time.Second // of a provider: Meta's is about as long
	backoff        = 200 * time.Millisecond
	longestBackoff = 3 * time.Second
)

// A provider sends a script at a rate, whatever becomes of it, and repeats each webhook until it is answered 200, as real
// ones do. It goes from one ingress to the next, as the balancer in front of them would.
type provider struct {
	t      *testing.T
	script *script
	urls   []string
	rate   float64 // webhooks a second
	client *http.Client

	mu       sync.Mutex
	sent     []time.Time // of each delivery, for the first time; zero: not yet
	acked    []time.Time
	attempts int
	refused  int // answered 503
	cut      int // not answered
	changed  chan struct{}
	held     chan struct{} // closed when sending may go on; nil: it may
}

func newProvider(t *testing.T, s *script, rate float64, urls []string) *provider {
	return &provider{
		t: t, script: s, urls: urls, rate: rate,
		client:  &http.Client{Timeout: attemptTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
		sent:    make([]time.Time, len(s.deliveries)),
		acked:   make([]time.Time, len(s.deliveries)),
		changed: make(chan struct{}),
	}
}

// send sends the whole script and returns when all of it is acknowledged or the context has ended.
func (p *provider) send(ctx context.Context) {
	defer p.client.CloseIdleConnections()
	tick := time.NewTicker(time.Duration(float64(time.Second) / p.rate))
	defer tick.Stop()
	var all sync.WaitGroup
	defer all.Wait()
	for i := range p.script.deliveries {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		p.mu.Lock()
		held := p.held
		p.mu.Unlock()
		if held != nil {
			select {
			case <-ctx.Done():
				return
			case <-held:
			}
		}
		all.Go(func() { p.deliver(ctx, i) })
	}
}

// sendOneByOne sends the next webhook only when the one before is acknowledged: what a quiet day looks like.
func (p *provider) sendOneByOne(ctx context.Context) {
	defer p.client.CloseIdleConnections()
	for i := range p.script.deliveries {
		p.deliver(ctx, i)
	}
}

func (p *provider) deliver(ctx context.Context, i int) {
	p.note(func() { p.sent[i] = time.Now() })
	wait := backoff
	for attempt := 0; ; attempt++ {
		if p.attempt(ctx, i, p.urls[(i+attempt)%len(p.urls)]) {
			p.note(func() { p.acked[i] = time.Now() })
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = min(2*wait, longestBackoff)
	}
}

// attempt reports whether the webhook was acknowledged.
func (p *provider) attempt(ctx context.Context, i int, url string) bool {
	body := p.script.deliveries[i].body
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		p.t.Error(err)
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Hub-Signature-256", signature.HMAC(secret, body))
	resp, err := p.client.Do(req)
	if err != nil {
		p.note(func() { p.attempts++; p.cut++ })
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // the status has said all
	p.note(func() {
		p.attempts++
		if resp.StatusCode == http.StatusServiceUnavailable {
			p.refused++
		}
	})
	switch resp.StatusCode {
	case http.StatusOK:
		return true
	case http.StatusServiceUnavailable:
	default:
		p.t.Errorf("an authentic webhook was answered %d", resp.StatusCode)
	}
	return false
}

// note changes what is known, and wakes those who wait for a change.
func (p *provider) note(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

// hold keeps what was not sent yet from being sent, until release is called.
func (p *provider) hold() (release func()) {
	held := make(chan struct{})
	p.mu.Lock()
	p.held = held
	p.mu.Unlock()
	return func() {
		p.mu.Lock()
		p.held = nil
		p.mu.Unlock()
		close(held)
	}
}

// await returns when a part of the script has been sent.
func (p *provider) await(part float64) {
	p.t.Helper()
	n := int(part * float64(len(p.script.deliveries)))
	limit := time.After(patience)
	for {
		p.mu.Lock()
		sent := slices.IndexFunc(p.sent, time.Time.IsZero)
		if sent < 0 {
			sent = len(p.sent)
		}
		changed := p.changed
		p.mu.Unlock()
		if sent >= n {
			return
		}
		select {
		case <-limit:
			p.t.Fatalf("only %d of %d webhooks were sent in time", sent, n)
		case <-changed:
		}
	}
}

// waiting is how many webhooks were sent and are not acknowledged.
func (p *provider) waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for i := range p.sent {
		if !p.sent[i].IsZero() && p.acked[i].IsZero() {
			n++
		}
	}
	return n
}
