package ingress

import (
	"errors"
	"net"
	"sync"
)

// Listener bounds how many connections of a listener are open at once, and counts them. While there is no room it
// accepts nothing: who comes waits with the operating system, until somebody leaves or the waiting is given up. Most is
// at least 1.
func (in *Ingress) Listener(l net.Listener, most int) net.Listener {
	return &listener{Listener: l, in: in, room: make(chan struct{}, most), closed: make(chan struct{})}
}

type listener struct {
	net.Listener
	in     *Ingress
	room   chan struct{} // one element for each open connection
	closed chan struct{}
	close  sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.room <- struct{}{}:
	default:
		if leftOut, ok := l.in.lines.next(kind{"listener", ""}); ok {
			l.in.log.Error("no room for another connection", "open", cap(l.room), "left_out", leftOut)
		}
		select {
		case l.room <- struct{}{}:
		case <-l.closed:
			return nil, net.ErrClosed
		}
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.room
		return nil, err
	}
	l.in.connections.Add(1)
	return &connection{Conn: c, leave: sync.OnceFunc(func() {
		l.in.connections.Add(-1)
		<-l.room
	})}, nil
}

func (l *listener) Close() error {
	l.close.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// A connection gives its room back when it is closed.
type connection struct {
	net.Conn
	leave func()
}

func (c *connection) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// CloseWrite is what the server ends a connection with whose request it did not read to the end: otherwise the client
// would not see the answer.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
