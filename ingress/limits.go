package ingress

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

const (
	// leastHeld is what a request counts for even if its body is tiny: about what its goroutine and its connection's
	// buffers hold. So a bound of bytes is one of requests as well. It is also how much is set aside before a byte of a
	// body has come. From there memory doubles when it is full, so that a length which is only claimed holds nothing.
	leastHeld = 8 << 10
	// small is the size up to which a body may have the last of what there is; see [budget.share].
	small = 64 << 10
)

// A budget bounds what bodies hold in memory, over all requests. It never waits: whoever does not fit is told to come
// again, which costs less than a queue of requests that hold memory while they wait for memory.
type budget struct {
	limit int64
	used  atomic.Int64
}

// share is how much may be in use after a body of this size has been let in. Large bodies leave a quarter to small
// ones: the news of a ban is small, and a crowd of large bodies shall not keep it out.
func (b *budget) share(size int64) int64 {
	if size > small {
		return b.limit / 4 * 3
	}
	return b.limit
}

// A claim is what one request holds of a budget.
type claim struct {
	budget *budget
	size   int64
}

// grow makes the claim hold at least size, or reports false and leaves it as it was.
func (c *claim) grow(size int64) bool {
	size = max(size, leastHeld)
	more, share := size-c.size, c.budget.share(size)
	for more > 0 {
		used := c.budget.used.Load()
		if used+more > share {
			return false
		}
		if c.budget.used.CompareAndSwap(used, used+more) {
			c.size = size
			break
		}
	}
	return true
}

func (c *claim) release() {
	c.budget.used.Add(-c.size)
	c.size = 0
}

// A patience is how long a body is waited for.
type patience struct {
	whole time.Duration // for all of it
	more  time.Duration // for its first byte, and for more after each
}

// readBody reads a body of at most limit bytes that comes within a time, and makes held grow with it. The slice is not
// nil, not shared and not reused: whoever accepts the webhook keeps it. The error is a reason.
func readBody(w http.ResponseWriter, r *http.Request, limit int64, wait patience, held *claim) ([]byte, error) {
	// Of the real clock. A writer without a connection below it (a recorder) has no deadlines, and no slow client either.
	connection, began := http.NewResponseController(w), time.Now()

	// One byte more than allowed shows what is too much, and that a declared length has ended, without growing again.
	most := limit + 1
	if r.ContentLength >= 0 {
		most = r.ContentLength + 1
	}
	size := min(leastHeld, most)
	if !held.grow(size) {
		return nil, overloaded
	}
	bounded := http.MaxBytesReader(w, r.Body, limit)
	body := make([]byte, 0, size)
	for {
		_ = connection.SetReadDeadline(earlier(began.Add(wait.whole), time.Now().Add(wait.more)))
		n, err := bounded.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, bodyError(err)
		}
		if len(body) < cap(body) {
			continue
		}
		if size == most {
			return nil, bodyIncomplete // more than its declared length, which no HTTP server lets happen
		}
		size = min(2*size, most)
		if !held.grow(size) {
			return nil, overloaded
		}
		body = append(make([]byte, 0, size), body...)
	}
	if cap(body) > 2*len(body)+1 { // it may be kept for long
		body = append(make([]byte, 0, len(body)), body...)
	}
	return body, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func bodyError(err error) reason {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return bodyTooLarge
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return bodyTimedOut
	}
	return bodyIncomplete // the client went away, or its chunks are malformed
}
