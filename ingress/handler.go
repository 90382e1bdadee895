package ingress

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"holdfast/internal/provider"
	"holdfast/internal/webhook"
)

const (
	plainText = "text/plain; charset=utf-8"
	// retryAfter is how many seconds a provider is asked to wait after a 503. Those that know no such header have a
	// schedule of their own.
	retryAfter = "10"
	// discardWithin is how long the server may take to throw a body away that was refused unread.
	discardWithin = time.Second
)

// OutcomeHeader says in an answer 200 whether the webhook was accepted or is a duplicate.
const OutcomeHeader = "Holdfast-Outcome"

// webhook serves /webhooks/{path}.
func (in *Ingress) webhook(w http.ResponseWriter, r *http.Request) {
	src := (*in.sources.Load())[mux.Vars(r)["path"]]
	if src == nil {
		in.reject(w, r, rejection{source: unknownSource, err: unknownPath})
		return
	}
	shaker, shakes := src.Provider.(provider.Handshaker)
	switch {
	case r.Method == http.MethodPost:
		in.post(w, r, src)
	case r.Method == http.MethodGet && shakes:
		in.handshake(w, r, src, shaker)
	default:
		w.Header().Set("Allow", http.MethodPost)
		if shakes {
			w.Header().Set("Allow", "GET, POST")
		}
		in.reject(w, r, rejection{source: src.Name, err: wrongMethod})
	}
}

// handshake answers a provider that asks whether this endpoint is ours.
func (in *Ingress) handshake(w http.ResponseWriter, r *http.Request, src *source, shaker provider.Handshaker) {
	answer, err := shake(shaker, r.URL.RawQuery)
	if err != nil {
		in.reject(w, r, rejection{source: src.Name, err: err})
		return
	}
	in.log.Info("answered handshake", "source", src.Name) // only those who know the token can make us write it
	in.reply(w, http.StatusOK, plainText, answer)
}

func shake(shaker provider.Handshaker, rawQuery string) (answer string, err error) {
	defer recoverAs(&err)
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return "", malformedQuery
	}
	answer, ok := shaker.Handshake(query)
	if !ok {
		return "", handshakeRefused
	}
	return answer, nil
}

// post answers a webhook.
func (in *Ingress) post(w http.ResponseWriter, r *http.Request, src *source) {
	began := time.Now()
	hook, err := in.accept(w, r, src)
	result := accepted
	switch {
	case errors.Is(err, webhook.ErrDuplicate):
		result = duplicate
	case err != nil:
		in.reject(w, r, rejection{source: src.Name, err: err, body: hook.Body})
		return
	}
	w.Header().Set(OutcomeHeader, string(result)) // for `holdfast send`; who reads it has proved authentic
	in.reply(w, http.StatusOK, src.contentType, src.answer)
	src.metrics.acknowledged(result, time.Since(began), hook.Received)
	if in.log.Enabled(r.Context(), slog.LevelDebug) {
		in.log.Debug("acknowledged", "webhook", hook, "outcome", string(result))
	}
}

// accept reads, verifies and starts a webhook. The error is nil or ErrDuplicate if it is durable, else a reason or
// what the Starter said. The body of what it returns is nil if it was not read to its end.
func (in *Ingress) accept(w http.ResponseWriter, r *http.Request, src *source) (hook webhook.Webhook, err error) {
	defer recoverAs(&err) // a bug in a provider must neither end the process nor pass for an answer: 503
	if err := checkHeaders(r, src.MaxBody); err != nil {
		return hook, err
	}
	evidence, err := src.Provider.Evidence(r.Header)
	if err != nil {
		return hook, refusedBy(err)
	}
	held := claim{budget: &in.held}
	defer held.release()
	body, err := readBody(w, r, src.MaxBody, patience{in.bodyTimeout, in.stallTimeout}, &held)
	if err != nil {
		return hook, err
	}
	hook = webhook.Webhook{Source: src.Name, Provider: src.Dialect, Received: in.now().UTC(), Evidence: evidence, Body: body}
	if err := src.Provider.Verify(evidence, body, hook.Received); err != nil {
		return hook, refusedBy(err)
	}
	in.metrics.bodyBytes.Observe(float64(len(body)))
	hook.ID = webhook.ID(src.Name, body)
	peek := src.Provider.Peek(body)

	// The client may leave now, which ends the request's context. A start under way goes on nevertheless: it may be
	// durable already, and should the webhook come again, it is a duplicate.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), in.startTimeout)
	defer cancel()
	return hook, in.starter.Start(ctx, hook, peek)
}

// CheckHeaders says whether an ingress would read the body of a request, which declares its length and is for a source with
// this limit; where it would not, the status that it answers and its reason, as `holdfast refused` names it.
func CheckHeaders(r *http.Request, limit int64) (status int, reason string, ok bool) {
	err := checkHeaders(r, limit)
	if err == nil {
		return 0, "", true
	}
	why := asReason(err)
	status, _ = why.status()
	return status, string(why), false
}

// checkHeaders refuses what no provider sends. A body without content type is taken: what it is, its signature says.
func checkHeaders(r *http.Request, limit int64) error {
	switch types := r.Header["Content-Type"]; len(types) {
	case 0:
	case 1:
		mediaType, _, _ := strings.Cut(types[0], ";")
		mediaType = strings.TrimSpace(mediaType)
		if !strings.EqualFold(mediaType, "application/json") && !strings.EqualFold(mediaType, "text/json") {
			return wrongType
		}
	default:
		return wrongType
	}
	for _, encoding := range r.Header["Content-Encoding"] {
		if !strings.EqualFold(encoding, "identity") {
			return encodedBody // evidence covers the bytes as sent, and what is small here may be enormous unpacked
		}
	}
	if r.ContentLength > limit {
		return bodyTooLarge
	}
	return nil
}

// asReason sums up why a request was not accepted.
func asReason(err error) reason {
	if why, ok := errors.AsType[reason](err); ok {
		return why
	}
	if _, ok := errors.AsType[*panicError](err); ok {
		return panicked
	}
	if errors.Is(err, webhook.ErrTooLarge) {
		return doesNotFit
	}
	return unavailable
}

// A rejection is a request that was not answered 200.
type rejection struct {
	source string
	err    error  // see asReason
	body   []byte // nil if it was not read to its end
}

// reject answers a request that is not accepted, and tells operators why.
func (in *Ingress) reject(w http.ResponseWriter, r *http.Request, rej rejection) {
	why := asReason(rej.err)
	code, words := why.status()
	if code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	bytes := int64(len(rej.body))
	if rej.body == nil && r.ContentLength != 0 {
		bytes = r.ContentLength
		hangUp(w)
	}
	in.reply(w, code, plainText, words)

	in.metrics.rejected(rej.source, why, r.Method == http.MethodPost)
	remote, _, err := net.SplitHostPort(r.RemoteAddr) // never a forwarded header: anybody can write one
	if err != nil {
		remote = ""
	}
	now := in.now().UTC()
	entry := Refused{
		First: now, Last: now, Count: 1, Source: rej.source, Reason: string(why), Status: code, Bytes: bytes,
		Remote: remote, UserAgent: printable(r.UserAgent()),
	}
	in.refused.add(entry)
	in.logRejected(r.Context(), entry, rej.err)
}

// hangUp ends the connection after the reply, because what is left of the body is not worth reading. The server takes a
// little of it nevertheless, so that the client sees the reply, but waits no longer than is polite.
func hangUp(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(discardWithin))
}

func (in *Ingress) reply(w http.ResponseWriter, code int, contentType, words string) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	if in.draining.Load() {
		h.Set("Connection", "close") // the next request belongs to another process
	}
	w.WriteHeader(code)
	if words != "" {
		_, _ = io.WriteString(w, words) // a client that is gone does not change what became of its webhook
	}
}
