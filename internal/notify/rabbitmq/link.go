package rabbitmq

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"holdfast/internal/notify/sender"
)

var (
	errBlocked  = errors.New("the broker blocks publishers")
	errReturned = errors.New("no queue takes it")
	errNacked   = errors.New("a queue did not take it")
)

// A link is a connection with its channels. A channel is used by one attempt at a time, so that what comes back on it is an answer to that one.
type link struct {
	conn    *amqp.Connection
	blocked atomic.Bool // the broker has too little memory or disk, and reads nothing that is published
	most    int         // channels to keep

	mu   sync.Mutex
	idle []*channel
}

type channel struct {
	*amqp.Channel
	returned chan amqp.Return
	closed   chan *amqp.Error
}

// connect opens a connection within a context.
func connect(ctx context.Context, o *Options, c sender.Context) (*link, error) {
	config := amqp.Config{
		Heartbeat:  10 * time.Second,
		Properties: amqp.Table{"connection_name": c.Agent, "product": "holdfast"},
		Dial: func(network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			if deadline, ok := ctx.Deadline(); ok { // of the handshakes; the library removes it after them
				if err := conn.SetDeadline(deadline); err != nil {
					return nil, errors.Join(err, conn.Close())
				}
			}
			return conn, nil
		},
		TLSClientConfig: o.TLS.Config(),
	}
	conn, err := amqp.DialConfig(string(o.URL), config)
	if err != nil {
		return nil, err
	}
	l := &link{conn: conn, most: c.Concurrency}
	go func() {
		for b := range conn.NotifyBlocked(make(chan amqp.Blocking, 1)) {
			l.blocked.Store(b.Active)
		}
	}()
	return l, nil
}

// close ends the connection. A broker that does not answer is not waited for.
func (l *link) close() { _ = l.conn.CloseDeadline(time.Now().Add(time.Second)) }

// publish returns nil once the broker has confirmed a message.
func (l *link) publish(ctx context.Context, exchange, key string, m amqp.Publishing) error {
	if l.blocked.Load() {
		return errBlocked
	}
	c, err := l.take()
	if err != nil {
		return err
	}
	if ctx.Err() != nil { // given up meanwhile: then it is not published behind the caller's back
		l.give(c)
		return ctx.Err()
	}
	confirmation, err := c.PublishWithDeferredConfirm(exchange, key, true, false, m)
	if err != nil {
		return c.reason(err)
	}
	select {
	case <-confirmation.Done():
	case <-ctx.Done():
		go func() { _ = c.Close() }() // an answer that comes later is nobody's
		return ctx.Err()
	}
	select {
	case _, ok := <-c.returned: // it comes before the confirmation
		if ok {
			l.give(c)
			return errReturned
		}
	default:
	}
	if !confirmation.Acked() {
		if c.IsClosed() {
			return c.reason(amqp.ErrClosed)
		}
		l.give(c)
		return errNacked
	}
	l.give(c)
	return nil
}

// reason is why a channel was closed, or err if it is not known.
func (c *channel) reason(err error) error {
	select {
	case why := <-c.closed:
		if why != nil {
			return why
		}
	default:
	}
	return err
}

// take finds a channel that nobody uses, or opens one.
func (l *link) take() (*channel, error) {
	l.mu.Lock()
	for len(l.idle) > 0 {
		c := l.idle[len(l.idle)-1]
		l.idle = l.idle[:len(l.idle)-1]
		if !c.IsClosed() {
			l.mu.Unlock()
			return c, nil
		}
	}
	l.mu.Unlock()
	opened, err := l.conn.Channel()
	if err != nil {
		return nil, err
	}
	c := &channel{
		Channel:  opened,
		returned: opened.NotifyReturn(make(chan amqp.Return, 1)),
		closed:   opened.NotifyClose(make(chan *amqp.Error, 1)),
	}
	if err := c.Confirm(false); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// give lets others use a channel.
func (l *link) give(c *channel) {
	l.mu.Lock()
	keep := len(l.idle) < l.most
	if keep {
		l.idle = append(l.idle, c)
	}
	l.mu.Unlock()
	if !keep {
		_ = c.Close()
	}
}
