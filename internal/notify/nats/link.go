package nats

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	errLost   = errors.New("connection lost")
	errDenied = errors.New("not allowed")
)

// A link is a connection, and who waits for an answer on it. A server says that something is not allowed, but not in answer to whom, and
// when the connection is lost no answer comes: attempts that would wait until their time is over are told.
type link struct {
	conn   *nats.Conn
	stream jetstream.JetStream
	deaf   atomic.Bool // no answers can reach us: said once for each connection

	mu      sync.Mutex
	waiting map[*attempt]bool
}

type attempt struct {
	subject string
	end     context.CancelCauseFunc
}

// publish returns nil once a stream has stored a message.
func (l *link) publish(ctx context.Context, m *nats.Msg) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	a := &attempt{m.Subject, end}
	l.mu.Lock()
	l.waiting[a] = true
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		delete(l.waiting, a)
		l.mu.Unlock()
	}()
	if !l.conn.IsConnected() {
		return errLost
	}
	_, err := l.stream.PublishMsg(ctx, m)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// denied ends the attempts that the server does not allow.
func (l *link) denied(err error) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return
	}
	_, subject, publishing := strings.Cut(err.Error(), `Publish to "`)
	if !publishing {
		l.deaf.Store(true)
		l.end(errDenied, "")
		return
	}
	subject, _, _ = strings.Cut(subject, `"`)
	l.end(errDenied, subject)
}

// end ends the attempts with a subject, or all of them.
func (l *link) end(why error, subject string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for a := range l.waiting {
		if subject == "" || a.subject == subject {
			a.end(why)
		}
	}
}
