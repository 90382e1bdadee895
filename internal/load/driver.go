package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// A Signer signs as a provider does: see provider.Signer.
type Signer interface {
	Sign(body []byte, at time.Time) http.Header
}

// A Driver sends webhooks to one URL.
type Driver struct {
	Generator *Generator
	Signer    Signer
	URL       string
	Transport http.RoundTripper // see [NewTransport]
	Agent     string            // User-Agent
}

// A Plan says how to send. Rate and Duration, or Callers and one of Duration and Webhooks, must be set.
type Plan struct {
	// Rate makes the loop open: so many webhooks in a second, however long their answers take. 0 is a closed loop: each
	// caller sends the next one when the last was answered.
	Rate    float64
	Poisson bool // arrivals of an open loop come by chance, not evenly
	// Callers is how many requests are under way at most. Default 2,048 in an open loop; what comes on top waits, and the
	// waiting counts.
	Callers  int
	Duration time.Duration
	Webhooks int // how many to send at most; 0: no such end

	Duplicates     float64       // share of webhooks that are sent twice, byte for byte
	DuplicateAfter time.Duration // how much later; 0: at once
	Forged         float64       // share of webhooks with a signature that does not hold

	Timeout time.Duration // of a request, and of waiting for a free caller; default 10 s
	// Retries is how often a webhook is sent again that was answered 408, 429 or 5xx, or not at all, as providers do.
	Retries    int
	RetryAfter time.Duration // default 1 s, twice as long each time; a Retry-After of the answer counts if it is longer
}

// A Shot is a webhook that was sent. Times are since the beginning of its [Outcome].
type Shot struct {
	Webhook
	Intended time.Duration // when it should have been sent; in a closed loop, when it was
	Queued   time.Duration // when the driver got round to it: later than intended if the driver was late itself
	Started  time.Duration // when its first request began: later than queued if no caller was free
	Done     time.Duration // when its last answer came, or was given up
	Status   int16         // of the last answer; 0: none
	Attempts uint8         // requests; 0: no caller was free in time
	Repeat   bool          // it was a duplicate
	Forged   bool
}

// Acknowledged reports whether it was accepted.
func (s Shot) Acknowledged() bool { return s.Status >= 200 && s.Status < 300 }

// An Outcome is what came of a plan.
type Outcome struct {
	Began   time.Time
	Sent    time.Duration // when the last webhook of an open loop was due, or of a closed one answered
	Ended   time.Duration // when nothing was under way any more
	Shots   []Shot        // in no order
	Answers map[int]int   // all answers by status, those that were tried again included; 0: none
}

// NewTransport makes connections, as many as there are callers at most, and keeps them open.
func NewTransport(callers int) *http.Transport {
	return &http.Transport{
		MaxIdleConns:        callers,
		MaxIdleConnsPerHost: callers,
		MaxConnsPerHost:     callers,
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true,
		WriteBufferSize:     16 << 10,
	}
}

func (p Plan) withDefaults() (Plan, error) {
	p.Callers = cmp.Or(p.Callers, map[bool]int{true: 2048, false: 1}[p.Rate > 0])
	p.Timeout = cmp.Or(p.Timeout, 10*time.Second)
	p.RetryAfter = cmp.Or(p.RetryAfter, time.Second)
	switch {
	case p.Rate < 0 || p.Rate > 1_000_000:
		return p, errors.New("the rate is not possible")
	case p.Callers < 1 || p.Callers > 65_536:
		return p, errors.New("the number of callers is not possible")
	case p.Duration <= 0 && p.Webhooks <= 0:
		return p, errors.New("there is no end: neither a duration nor a number of webhooks")
	case p.Duplicates < 0 || p.Duplicates > 1 || p.Forged < 0 || p.Forged > 1:
		return p, errors.New("a share is between 0 and 1")
	case p.Retries < 0 || p.Retries > 100:
		return p, errors.New("the number of retries is not possible")
	}
	return p, nil
}

// Run carries a plan out. It returns when everything was answered or given up. A context that ends gives everything up.
func (d *Driver) Run(ctx context.Context, plan Plan) (*Outcome, error) {
	plan, err := plan.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("plan the load: %w", err)
	}
	r := &run{
		Driver: d, plan: plan, began: time.Now(), answers: map[int]int{},
		random: rand.New(rand.NewPCG(uint64(d.Generator.Run()), 1)),
	}
	var sent time.Duration
	if plan.Rate > 0 {
		sent = r.open(ctx)
	} else {
		r.closed(ctx)
		sent = time.Since(r.began)
	}
	return &Outcome{Began: r.began, Sent: sent, Ended: time.Since(r.began), Shots: r.shots, Answers: r.answers}, nil
}
