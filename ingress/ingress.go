// Package ingress is the door of the house: it takes HTTP requests from providers, finds out whether they are
// authentic, and answers 200 only when the webhook in them is durable.
//
// A request pays its way in. What can be told from the request line and the headers is told before a byte of the body
// is read: the path, the method, the content type, the declared length, the form of the evidence. The body is then
// read once, within a time, without long pauses and within what all requests together may hold in memory, and verified
// over exactly those bytes. What is left is handed to a [Starter].
//
// Strangers learn nothing here. Every answer is a status and a few fixed words; why a request was refused is told to
// operators only, by metrics, sampled log lines and the list behind [Ingress.OperatorHandler]. None of them holds a
// body, evidence, a query or a path that is not configured.
package ingress

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/provider"
	"holdfast/internal/webhook"
)

// A Starter makes webhooks durable. It is safe for concurrent use and bounds its own concurrency.
type Starter interface {
	// Start returns nil once the webhook is durable, so that it survives the end of this process at any moment; the
	// provider is then told never to send it again. Otherwise the error is, or wraps,
	//
	//   - [webhook.ErrDuplicate] if the very same webhook is durable already,
	//   - [webhook.ErrTooLarge] if it never will be, because of its size,
	//   - anything else if it could not be made durable now: the provider is asked to send it again.
	//
	// Start returns soon after ctx is done. The body is the Starter's to keep, and not to change.
	Start(ctx context.Context, w webhook.Webhook, p webhook.Peek) error
}

// A Source is one configured endpoint.
type Source struct {
	Name     string            // in metrics, logs and webhooks; not "unknown", which stands for paths that are no source's
	Dialect  string            // name of the provider's dialect, for [webhook.Webhook]
	Provider provider.Provider // with this source's secrets
	MaxBody  int64             // bytes of a body; 0 means 4 MiB
}

// Config is what an Ingress is made of. Only Starter is required; zero values of the others mean what is said there.
type Config struct {
	Sources      map[string]Source     // see [Ingress.Replace]
	Starter      Starter               // takes what is authentic
	Checks       []Check               // what must be well for the ingress to be ready
	MaxInFlight  int64                 // bytes that all requests together may hold; 0 means 64 MiB
	BodyTimeout  time.Duration         // for a whole body to arrive; 0 means 10 s
	StallTimeout time.Duration         // for its first byte, and for more after each; 0 means 3 s
	StartTimeout time.Duration         // for the Starter; 0 means 5 s
	Logger       *slog.Logger          // nil: nothing is logged
	Registerer   prometheus.Registerer // nil: metrics are kept to ourselves
	Now          func() time.Time      // nil: time.Now. For what is recorded; time-outs are always of the real clock
}

// An Ingress serves the webhooks of a changing set of sources.
type Ingress struct {
	sources      atomic.Pointer[map[string]*source]
	starter      Starter
	held         budget
	bodyTimeout  time.Duration
	stallTimeout time.Duration
	startTimeout time.Duration
	now          func() time.Time
	log          *slog.Logger
	lines        *sampler
	metrics      *metrics
	refused      *refusals
	readiness    *readiness
	connections  atomic.Int64 // open, of all listeners of [Ingress.Listener]
	draining     atomic.Bool
}

// A source is a Source, what it answers, and its counters.
type source struct {
	Source
	contentType, answer string
	metrics             *sourceMetrics
}

const (
	defaultMaxBody      = 4 << 20
	defaultMaxInFlight  = 64 << 20
	defaultBodyTimeout  = 10 * time.Second
	defaultStallTimeout = 3 * time.Second
	defaultStartTimeout = 5 * time.Second
)

// New makes an Ingress. It fails if there is no Starter, if a source is not complete, or if the Registerer has metrics
// of these names already.
func New(c Config) (*Ingress, error) {
	if c.Starter == nil {
		return nil, errors.New("new ingress: no starter")
	}
	in := &Ingress{
		starter:      c.Starter,
		bodyTimeout:  or(c.BodyTimeout, defaultBodyTimeout),
		stallTimeout: or(c.StallTimeout, defaultStallTimeout),
		startTimeout: or(c.StartTimeout, defaultStartTimeout),
		now:          c.Now,
		log:          c.Logger,
	}
	in.held.limit = or(c.MaxInFlight, defaultMaxInFlight)
	if in.now == nil {
		in.now = time.Now
	}
	if in.log == nil {
		in.log = slog.New(slog.DiscardHandler)
	}
	in.lines = newSampler(in.now)
	in.refused = newRefusals(refusalsKept)
	in.readiness = newReadiness(c.Checks, in.now, in.log)
	var err error
	if in.metrics, err = newMetrics(c.Registerer, &in.held, &in.connections); err != nil {
		return nil, fmt.Errorf("new ingress: %w", err)
	}
	if err := in.Replace(c.Sources); err != nil {
		return nil, fmt.Errorf("new ingress: %w", err)
	}
	return in, nil
}

func or[T int64 | time.Duration](value, zero T) T {
	if value == 0 {
		return zero
	}
	return value
}

// Replace makes these the sources, all at once, by the segment of their path after /webhooks/. Requests under way end
// with the source that they began with. On error nothing has changed: a source has no name, no provider, a path
// of no or several segments, or a limit that bodies in flight would never leave room for.
func (in *Ingress) Replace(sources map[string]Source) error {
	next := make(map[string]*source, len(sources))
	for path, s := range sources {
		s.MaxBody = or(s.MaxBody, defaultMaxBody)
		switch {
		case s.Name == "":
			return errors.New("replace sources: one has no name")
		case path == "" || strings.Contains(path, "/"): // not told: it may be secret
			return fmt.Errorf("replace sources: path of %s is not one segment", s.Name)
		case s.Name == unknownSource:
			return fmt.Errorf("replace sources: %q cannot be the name of one", s.Name)
		case s.Provider == nil:
			return fmt.Errorf("replace sources: %s has no provider", s.Name)
		case s.MaxBody < 0 || max(s.MaxBody+1, leastHeld) > in.held.share(s.MaxBody+1):
			return fmt.Errorf("replace sources: body limit of %s does not fit into what may be in flight", s.Name)
		}
		src := &source{Source: s}
		if err := src.ask(); err != nil {
			return fmt.Errorf("replace sources: answer of %s: %w", s.Name, err)
		}
		next[path] = src
	}
	for _, src := range next {
		src.metrics = in.metrics.of(src.Name)
	}
	if previous := in.sources.Swap(&next); previous != nil {
		in.metrics.forget(*previous, next)
	}
	return nil
}

// ask asks the provider once for what it answers always.
func (s *source) ask() (err error) {
	defer recoverAs(&err)
	s.contentType, s.answer = s.Provider.Answer()
	return nil
}

// Handler serves what the world may see: /webhooks/{path}, /healthz and /readyz. It never redirects.
func (in *Ingress) Handler() http.Handler {
	r := newRouter(func(w http.ResponseWriter, q *http.Request) {
		in.reject(w, q, rejection{source: unknownSource, err: unknownPath})
	})
	r.HandleFunc("/webhooks/{path}", in.webhook)
	r.HandleFunc("/healthz", in.reading(in.healthz))
	r.HandleFunc("/readyz", in.reading(in.readyz))
	return r
}

// newRouter makes a router that answers every path it does not know itself. A router that cleans paths would redirect,
// and providers do not follow.
func newRouter(unknown http.HandlerFunc) *mux.Router {
	r := mux.NewRouter().SkipClean(true)
	r.NotFoundHandler = unknown
	return r
}

// Drain makes the ingress not ready, so that load balancers turn to another. Webhooks that come nevertheless are
// accepted as ever. To end, call it, give the load balancers time to notice, and shut the server down: that lets
// requests under way finish.
func (in *Ingress) Drain() { in.draining.Store(true) }
