package ingress

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// logRejected writes one line for the first rejection of a source and reason in a second. A flood costs a line a
// second, with the number of those left out.
func (in *Ingress) logRejected(ctx context.Context, r Refused, err error) {
	leftOut, ok := in.lines.next(kind{r.Source, r.Reason})
	if !ok {
		return
	}
	attrs := []slog.Attr{
		slog.String("source", r.Source), slog.String("reason", r.Reason), slog.Int("status", r.Status),
		slog.Int64("bytes", r.Bytes), slog.String("remote", r.Remote), slog.Int64("left_out", leftOut),
	}
	level := slog.LevelWarn // somebody's configuration may be wrong
	switch reason(r.Reason) {
	case unknownPath:
		level = slog.LevelInfo // the internet
	case overloaded, doesNotFit:
		level = slog.LevelError
	case unavailable, panicked:
		level = slog.LevelError
		attrs = append(attrs, slog.String("err", err.Error()))
	default: // the reason says it all
	}
	if bug, ok := errors.AsType[*panicError](err); ok {
		attrs = append(attrs, slog.String("stack", string(bug.stack)))
	}
	in.log.LogAttrs(ctx, level, "refused", attrs...)
}

// A kind is what log lines have in common: two closed sets, so that there are never many.
type kind struct{ source, reason string }

// A sampler lets one line of a kind through each second.
type sampler struct {
	now   func() time.Time
	mu    sync.Mutex
	kinds map[kind]*sample
}

type sample struct {
	let     time.Time
	leftOut int64
}

func newSampler(now func() time.Time) *sampler {
	return &sampler{now: now, kinds: make(map[kind]*sample)}
}

// next reports whether a line may be written now, and if so how many were left out since the last one.
func (s *sampler) next(k kind) (leftOut int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	last := s.kinds[k]
	if last == nil {
		s.kinds[k] = &sample{let: now}
		return 0, true
	}
	if since := now.Sub(last.let); 0 <= since && since < time.Second {
		last.leftOut++
		return 0, false
	}
	leftOut, last.let, last.leftOut = last.leftOut, now, 0
	return leftOut, true
}

// A serverLog takes what net/http says, such as a TLS handshake that failed: a line a second of it.
type serverLog struct{ in *Ingress }

func (l serverLog) Write(line []byte) (int, error) {
	if leftOut, ok := l.in.lines.next(kind{"server", ""}); ok {
		l.in.log.Warn("http server complained", "err", strings.TrimSpace(string(line)), "left_out", leftOut)
	}
	return len(line), nil
}
