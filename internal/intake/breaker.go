package intake

import "sync"

// tolerated is how many starts may fail one after the other before Temporal counts as away. One that hangs is enough:
// whoever waited for it has waited long.
const tolerated = 3

// A breaker knows whether Temporal takes webhooks. The zero value believes that it does.
type breaker struct {
	mu       sync.Mutex
	failures int
	why      string // empty while Temporal takes webhooks
}

// reason says why Temporal counts as away; empty if it does not.
func (b *breaker) reason() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.why
}

// failed notes a failure, and reports whether that opened the breaker.
func (b *breaker) failed(hung bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures++
	if b.why != "" || !hung && b.failures < tolerated {
		return false
	}
	b.why = "starts fail"
	if hung {
		b.why = "a start got no answer in time"
	}
	return true
}

// worked notes a success, and reports whether that closed the breaker.
func (b *breaker) worked() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.why != ""
	b.failures, b.why = 0, ""
	return was
}
