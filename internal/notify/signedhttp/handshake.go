package signedhttp

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"holdfast/internal/notify/verdict"
	"holdfast/internal/webhook"
)

const (
	consentLasts  = 6 * time.Hour
	refusalLasts  = 10 * time.Second // or each of many events would ask
	askAgainAfter = time.Minute      // at the earliest, when something has failed since
	burst         = time.Second      // what is allowed in that time may come at once
)

// A consent is what a receiver has said to being told, and how often.
type consent struct {
	origin string
	rate   int // that we ask for, a minute; 0 for none
	now    func() time.Time
	turn   chan struct{} // holds one while somebody asks

	mu       sync.Mutex
	asked    time.Time
	until    time.Time        // what is below is known until then
	refusal  *webhook.Verdict // nil: it agrees
	interval time.Duration    // between two requests; 0 for as many as there are
	next     time.Time        // when a request would be on time
}

func newConsent(h Handshake) *consent {
	return &consent{origin: h.Origin, rate: h.Rate, now: time.Now, turn: make(chan struct{}, 1)}
}

// ask returns nil if a request may be sent now. Whoever comes while another asks waits for the answer.
func (c *consent) ask(ctx context.Context, d *destination) *webhook.Verdict {
	if !c.known() {
		clock := verdict.Start(ctx)
		select {
		case c.turn <- struct{}{}:
		case <-ctx.Done():
			return clock.Ended(ctx, nil)
		}
		defer func() { <-c.turn }()
		if !c.known() {
			refusal, interval := d.handshake(ctx)
			if refusal != nil && ctx.Err() != nil {
				return refusal // the next one may have more time
			}
			c.learned(refusal, interval)
		}
	}
	return c.admit()
}

func (c *consent) known() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now().Before(c.until)
}

func (c *consent) learned(refusal *webhook.Verdict, interval time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked, c.refusal, c.interval = c.now(), refusal, interval
	c.until = c.asked.Add(consentLasts)
	if refusal != nil {
		c.until = c.asked.Add(refusalLasts)
	}
}

// admit lets a request pass, if it is agreed to, and not too early.
func (c *consent) admit() *webhook.Verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refusal != nil {
		refusal := *c.refusal
		return &refusal
	}
	now := c.now()
	if soon := now.Add(burst); soon.Before(c.next) {
		return &webhook.Verdict{Kind: webhook.Deferred, Reason: "as many requests as it allows were made", RetryAfter: c.next.Sub(soon)}
	}
	if now.After(c.next) {
		c.next = now
	}
	c.next = c.next.Add(c.interval)
	return nil
}

// saw notes how a request ended. After a failure the receiver may be another.
func (c *consent) saw(v *webhook.Verdict) {
	if v == nil || v.Kind == webhook.Refused {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if again := c.asked.Add(askAgainAfter); again.Before(c.until) {
		c.until = again
	}
}

// handshake asks the receiver. Only its header tells that it agrees, whatever the status is.
func (d *destination) handshake(ctx context.Context) (refusal *webhook.Verdict, interval time.Duration) {
	r := d.template.Clone(ctx)
	r.Method = http.MethodOptions
	if d.consent.rate > 0 {
		r.Header.Set("WebHook-Request-Rate", strconv.Itoa(d.consent.rate))
	}
	status, header, failure := d.exchange(r)
	if failure != nil {
		return failure, 0
	}
	if allowed := header.Get("WebHook-Allowed-Origin"); allowed == "*" || strings.EqualFold(allowed, d.consent.origin) {
		return nil, intervalOf(header.Get("WebHook-Allowed-Rate"))
	}
	if v := answered(status, header, d.consent.now()); v != nil && (v.Kind == webhook.Retry || v.Kind == webhook.Gone) {
		return v, 0
	}
	return &webhook.Verdict{
		Kind: webhook.Trouble, Reason: "no consent in the handshake", Status: status,
		Advice: "It has to answer OPTIONS with the origin of the handshake in WebHook-Allowed-Origin; or take handshake away.",
	}, 0
}

// intervalOf reads a rate: requests a minute, or an asterisk for any. What cannot be read bounds nothing.
func intervalOf(rate string) time.Duration {
	if n, err := strconv.ParseUint(rate, 10, 31); err == nil && n > 0 {
		return time.Minute / time.Duration(n)
	}
	return 0
}
