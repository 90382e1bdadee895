package broker

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"
)

// A Keeper keeps one connection for all attempts to tell a destination. The first attempt opens it, and so does the first after it
// was found broken, or closed: a Keeper can be used after Close. An old connection is closed once nobody uses it.
type Keeper[T any] struct {
	// Open connects. Its context ends after Timeout, and not with the attempt that happened to come first.
	Open func(context.Context) (T, error)
	// Broken reports whether a connection will not come back by itself.
	Broken func(T) bool
	// Shut closes a connection.
	Shut    func(T)
	Timeout time.Duration

	mu      sync.Mutex
	current *connection[T]
}

type connection[T any] struct {
	ready   chan struct{} // closed once value or err is set
	value   T
	err     error
	users   int
	retired bool
}

// Use returns a connection once there is one, for use until done is called; or why there is none. It does not wait for longer than the context.
func (k *Keeper[T]) Use(ctx context.Context) (value T, done func(), err error) {
	k.mu.Lock()
	c, shut := k.current, func() {}
	if c != nil && c.opened() && k.Broken(c.value) {
		shut = k.retire()
		c = nil
	}
	if c == nil {
		c = &connection[T]{ready: make(chan struct{})}
		k.current = c
		go k.open(context.WithoutCancel(ctx), c)
	}
	c.users++
	k.mu.Unlock()
	shut()

	select {
	case <-c.ready:
		err = c.err
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		k.done(c)
		return value, nil, err
	}
	return c.value, func() { k.done(c) }, nil
}

// Close gives up the connection.
func (k *Keeper[T]) Close() {
	k.mu.Lock()
	shut := k.retire()
	k.mu.Unlock()
	shut()
}

func (k *Keeper[T]) open(ctx context.Context, c *connection[T]) {
	ctx, cancel := context.WithTimeout(ctx, k.Timeout)
	defer cancel()
	value, err := k.Open(ctx)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("connect: %w", os.ErrDeadlineExceeded) // not that of an attempt's context
	}
	k.mu.Lock()
	c.value, c.err = value, err
	close(c.ready)
	if err != nil && k.current == c {
		k.current = nil // the next attempt tries again
	}
	idle := c.retired && c.users == 0
	k.mu.Unlock()
	if err == nil && idle {
		k.Shut(value)
	}
}

// retire takes the current connection out of use. What it returns closes it if nobody uses it, and must be called without the lock.
func (k *Keeper[T]) retire() (shut func()) {
	c := k.current
	k.current = nil
	if c == nil {
		return func() {}
	}
	c.retired = true
	if c.users > 0 || !c.opened() {
		return func() {}
	}
	return func() { k.Shut(c.value) }
}

func (k *Keeper[T]) done(c *connection[T]) {
	k.mu.Lock()
	c.users--
	last := c.retired && c.users == 0 && c.opened()
	k.mu.Unlock()
	if last {
		k.Shut(c.value)
	}
}

// opened reports whether there is a connection: opened, and without an error.
func (c *connection[T]) opened() bool {
	select {
	case <-c.ready:
		return c.err == nil
	default:
		return false
	}
}
