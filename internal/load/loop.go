package load

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A run is a plan that is carried out.
type run struct {
	*Driver
	plan  Plan
	began time.Time

	mu      sync.Mutex
	random  *rand.Rand
	sent    int
	shots   []Shot
	answers map[int]int
}

// open sends at the rate of the plan, and nothing that becomes of what was sent changes when the next one is. It returns
// when the last was due.
func (r *run) open(ctx context.Context) time.Duration {
	var callers, pending sync.WaitGroup
	// So much may wait for a free caller before the driver itself would wait.
	queue := make(chan Shot, 1<<17)
	for range r.plan.Callers {
		callers.Go(func() {
			for s := range queue {
				wait, again := r.fire(ctx, &s)
				if !again {
					r.done(s)
					pending.Done()
					continue
				}
				go func() {
					if until(ctx, time.Now().Add(wait)) {
						queue <- s
						return
					}
					r.done(s)
					pending.Done()
				}()
			}
		})
	}
	enqueue := func(s Shot) {
		if !until(ctx, r.began.Add(s.Intended)) {
			return
		}
		s.Queued = time.Since(r.began)
		pending.Add(1)
		queue <- s
	}

	var later []Shot // duplicates, in the order of their times
	at := time.Duration(0)
	for n := 1; ; n++ {
		for len(later) > 0 && later[0].Intended <= at {
			enqueue(later[0])
			later = later[1:]
		}
		s, again, ok := r.next(ctx, at)
		if !ok {
			break
		}
		s.Intended = at
		enqueue(s)
		if again {
			s.Repeat, s.Intended = true, at+r.plan.DuplicateAfter
			later = append(later, s)
		}
		if r.plan.Poisson {
			at += time.Duration(r.random.ExpFloat64() / r.plan.Rate * float64(time.Second))
		} else {
			at = time.Duration(float64(n) / r.plan.Rate * float64(time.Second))
		}
	}
	for _, s := range later {
		enqueue(s)
	}
	sent := time.Since(r.began)
	pending.Wait()
	close(queue)
	callers.Wait()
	return sent
}

// closed keeps all callers busy. A duplicate follows at once.
func (r *run) closed(ctx context.Context) {
	var callers sync.WaitGroup
	for range r.plan.Callers {
		callers.Go(func() {
			for {
				s, again, ok := r.next(ctx, time.Since(r.began))
				if !ok {
					return
				}
				r.insist(ctx, s)
				if again {
					s.Repeat = true
					r.insist(ctx, s)
				}
			}
		})
	}
	callers.Wait()
}

// insist sends a webhook until it is done with.
func (r *run) insist(ctx context.Context, s Shot) {
	s.Intended = time.Since(r.began)
	s.Queued = s.Intended
	for {
		wait, again := r.fire(ctx, &s)
		if !again || !until(ctx, time.Now().Add(wait)) {
			r.done(s)
			return
		}
	}
}

// next thinks of the webhook to be sent at a time since the beginning, and decides whether it will be sent again. It is
// not ok if the plan is at its end.
func (r *run) next(ctx context.Context, at time.Duration) (s Shot, again, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil || r.plan.Duration > 0 && at >= r.plan.Duration || r.plan.Webhooks > 0 && r.sent >= r.plan.Webhooks {
		return s, false, false
	}
	r.sent++
	s = Shot{Webhook: r.Generator.Next(r.began.Add(at)), Forged: r.random.Float64() < r.plan.Forged}
	return s, r.random.Float64() < r.plan.Duplicates, true
}

// fire sends a webhook once, and says whether to send it again, and how much later. What has waited for a free caller as
// long as a request may take is given up: or in overload a run would never end.
func (r *run) fire(ctx context.Context, s *Shot) (wait time.Duration, again bool) {
	if s.Attempts == 0 {
		s.Started = time.Since(r.began)
		if s.Started-s.Queued > r.plan.Timeout {
			s.Done = s.Started
			return 0, false
		}
	}
	s.Attempts++
	body := r.Generator.AppendBody(nil, s.Webhook)
	status, retryAfter := r.post(ctx, body, s.Forged)
	s.Status, s.Done = int16(status), time.Since(r.began)
	r.mu.Lock()
	r.answers[status]++
	r.mu.Unlock()
	if ctx.Err() != nil || int(s.Attempts) > r.plan.Retries || !passing(status) {
		return 0, false
	}
	return max(retryAfter, r.plan.RetryAfter<<(s.Attempts-1)), true
}

// passing reports whether a status speaks of trouble that may pass. 0 is no answer.
func passing(status int) bool {
	return status == 0 || status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout
}

func (r *run) done(s Shot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shots = append(r.shots, s)
}

// post returns the status of the answer, 0 if there was none.
func (r *run) post(ctx context.Context, body []byte, forged bool) (status int, retryAfter time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, r.plan.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, bytes.NewReader(body))
	if err != nil {
		return 0, 0 // the URL was tried by [Driver.Run]
	}
	signed := body
	if forged {
		signed = append(slices.Clip(body), ' ') // of the right form, and made over something else
	}
	req.Header = r.Signer.Sign(signed, time.Now())
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", r.Agent)
	resp, err := r.Transport.RoundTrip(req)
	if err != nil {
		return 0, 0
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // so that the connection can be used again
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		seconds = 0
	}
	return resp.StatusCode, time.Duration(seconds) * time.Second
}

// until waits for a time, and reports whether it came before the context ended.
func until(ctx context.Context, at time.Time) bool {
	wait := time.Until(at)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
