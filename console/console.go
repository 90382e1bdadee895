// Package console shows operators how things are, as JSON that programs may read: destinations, attempts to tell them,
// events of the log, and what is parked. It changes nothing.
//
// It is for the network of operators only, as the metrics are, at whose address it is served: whoever reaches it may read.
// There are ids, types and accounts in it, and neither bodies nor anything that people are known by.
package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gorilla/mux"

	"holdfast/internal/state"
	"holdfast/internal/webhook"
)

// Options are what a console needs to know. All members must be set.
type Options struct {
	// Book is the database; nil while it is not open.
	Book func() Book
	// Configured are the destinations of the configuration as it is now.
	Configured func() map[string]Configured
	// Parked lists the workflows that wait for an operator, the latest first, at most limit of them, as it is to be shown.
	Parked func(ctx context.Context, limit int) (any, error)
	// OrphanAge is that of [holdfast/activities.Destinations].
	OrphanAge time.Duration
	Logger    *slog.Logger
}

// A Book has what is shown.
type Book interface {
	Standings(ctx context.Context, age time.Duration) (map[string]webhook.Standing, error)
	AttemptsOf(ctx context.Context, q state.AttemptQuery) ([]state.Attempted, error)
	EventByID(ctx context.Context, id string) (state.Logged, error)
}

// within bounds how long is looked for one answer.
const within = 10 * time.Second

// atOnce is how many questions are asked at a time. The database's connections are those by which events are recorded, and a
// question may take all of the time that it has.
const atOnce = 2

// How many attempts, or workflows, are told of.
const (
	usualLimit  = 100
	usualParked = 20
	mostLimit   = 1000
)

type console struct {
	Options
	asking chan struct{} // holds one for each question under way
}

// New makes the handler of everything below /api/.
//
//   - GET /api/destinations: a list of [Destination].
//   - GET /api/attempts?event=&workflow=&webhook=&destination=, at least one of these, and limit=: a list of [Attempt], the
//     latest first.
//   - GET /api/events/{id}: an [Event].
//   - GET /api/parked?limit=: what waits for an operator, with how many there are by problem and destination.
//
// Whatever cannot be answered is {"error": "…"}: 400 where the question makes no sense, 404, or 503 if the database, or for
// what is parked Temporal, does not answer.
func New(o Options) http.Handler {
	c := &console{o, make(chan struct{}, atOnce)}
	r := mux.NewRouter().SkipClean(true)
	r.NotFoundHandler = answering(func(*http.Request) (any, error) { return nil, errUnknown })
	for path, answer := range map[string]func(*http.Request) (any, error){
		"/api/destinations": c.destinations,
		"/api/attempts":     c.attempts,
		"/api/events/{id}":  c.event,
		"/api/parked":       c.parked,
	} {
		r.HandleFunc(path, c.reading(answer))
	}
	return r
}

// A problem is what is wrong with a question.
type problem struct {
	status int
	text   string
}

func (p *problem) Error() string { return p.text }

func senseless(format string, args ...any) error {
	return &problem{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

var (
	errUnknown = &problem{http.StatusNotFound, "there is nothing of that name"}
	errBusy    = &problem{http.StatusServiceUnavailable, "others ask already; try again"}
	errClosed  = &problem{http.StatusServiceUnavailable, "the database is not open yet"}
	errMethod  = &problem{http.StatusMethodNotAllowed, "only GET and HEAD are answered"}
)

// reading answers GET and HEAD, in bounded time. What kept it from that is for the log.
func (c *console) reading(answer func(*http.Request) (any, error)) http.HandlerFunc {
	return answering(func(r *http.Request) (any, error) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			return nil, errMethod
		}
		ctx, cancel := context.WithTimeout(r.Context(), within)
		defer cancel()
		select {
		case c.asking <- struct{}{}:
			defer func() { <-c.asking }()
		case <-ctx.Done():
			return nil, errBusy
		}
		value, err := answer(r.WithContext(ctx))
		if _, ours := errors.AsType[*problem](err); err != nil && !ours {
			c.Logger.Warn("Operator's question not answered", "error", err)
			return nil, &problem{http.StatusServiceUnavailable, "that cannot be said now; the log says why"}
		}
		return value, err
	})
}

func answering(answer func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusOK
		value, err := answer(r)
		if p, ok := errors.AsType[*problem](err); ok {
			status, value = p.status, map[string]string{"error": p.text}
		}
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		if status == http.StatusMethodNotAllowed {
			h.Set("Allow", "GET, HEAD")
		}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(value) // who asked has gone
	}
}

func (c *console) destinations(r *http.Request) (any, error) {
	if _, err := parameters(r); err != nil {
		return nil, err
	}
	book := c.Book()
	if book == nil {
		return nil, errClosed
	}
	standings, err := book.Standings(r.Context(), c.OrphanAge)
	if err != nil {
		return nil, err
	}
	return Destinations(c.Configured(), standings), nil
}

func (c *console) attempts(r *http.Request) (any, error) {
	asked, err := parameters(r, "event", "workflow", "webhook", "destination", "limit")
	if err != nil {
		return nil, err
	}
	q := state.AttemptQuery{
		Event: asked.Get("event"), Workflow: asked.Get("workflow"), Webhook: asked.Get("webhook"), Destination: asked.Get("destination"),
	}
	if q.Limit, err = limit(asked, usualLimit); err != nil {
		return nil, err
	}
	if err := Check(q); err != nil {
		return nil, senseless("%s", err)
	}
	book := c.Book()
	if book == nil {
		return nil, errClosed
	}
	list, err := book.AttemptsOf(r.Context(), q)
	if err != nil {
		return nil, err
	}
	return Attempts(list), nil
}

func (c *console) parked(r *http.Request) (any, error) {
	asked, err := parameters(r, "limit")
	if err != nil {
		return nil, err
	}
	most, err := limit(asked, usualParked)
	if err != nil {
		return nil, err
	}
	return c.Parked(r.Context(), most)
}

// limit reads how many are asked for.
func limit(asked url.Values, usual int) (int, error) {
	text := asked.Get("limit")
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > mostLimit {
		return 0, senseless("limit: want a number from 1 to %d", mostLimit)
	}
	return n, nil
}

func (c *console) event(r *http.Request) (any, error) {
	if _, err := parameters(r); err != nil {
		return nil, err
	}
	id := mux.Vars(r)["id"]
	if !eventID.MatchString(id) {
		return nil, senseless("want the id of an event: evt_ and 32 hexadecimal digits")
	}
	book := c.Book()
	if book == nil {
		return nil, errClosed
	}
	logged, err := book.EventByID(r.Context(), id)
	if err != nil {
		return nil, err
	}
	if logged.Event.ID == "" {
		return nil, errUnknown
	}
	return event(logged), nil
}

var (
	eventID   = regexp.MustCompile(`^evt_[0-9a-f]{32}$`)
	webhookID = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// Check says what is wrong with a question for attempts: it must name something, by an id that can be one.
func Check(q state.AttemptQuery) error {
	named := false
	for _, name := range []string{q.Event, q.Workflow, q.Webhook, q.Destination} {
		named = named || name != ""
		if len(name) > 1000 { // as Temporal has it of ids of workflows
			return errors.New("a name is too long")
		}
		if strings.ContainsFunc(name, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }) { // databases refuse some of these
			return errors.New("a name has something in it that cannot be printed")
		}
	}
	if !named {
		return errors.New("want an event, a workflow, a webhook or a destination")
	}
	return CheckIDs(q.Event, q.Webhook)
}

// CheckIDs says what is wrong with the ids of an event and a webhook. Either may be empty.
func CheckIDs(event, webhook string) error {
	switch {
	case event != "" && !eventID.MatchString(event):
		return errors.New("event: want evt_ and 32 hexadecimal digits")
	case webhook != "" && !webhookID.MatchString(webhook):
		return errors.New("webhook: want 32 hexadecimal digits, as workflow ids end with")
	}
	return nil
}

// parameters reads the query of a request, which may have each of some parameters once.
func parameters(r *http.Request, known ...string) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, senseless("the query cannot be read")
	}
	for name, given := range values {
		switch {
		case !slices.Contains(known, name) && len(known) == 0:
			return nil, senseless("there are no parameters")
		case !slices.Contains(known, name):
			return nil, senseless("unknown parameter; there are %s", strings.Join(known, ", "))
		case len(given) > 1 || given[0] == "":
			return nil, senseless("%s: want one value", name)
		}
	}
	return values, nil
}
