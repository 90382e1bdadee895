// Package provider holds the contract that every provider of webhooks fulfils, and the list of them. A provider is a
// dialect: how its webhooks prove that they are authentic, and what they say. To add one, write a folder beside meta
// and a line in [List].
package provider

import (
	"net/http"
	"net/url"
	"time"

	"holdfast/internal/webhook"
)

// A Provider speaks one dialect with the secrets of one source. It is safe for concurrent use and does no input or
// output: what it says depends on its arguments and its configuration only.
type Provider interface {
	// Evidence looks at the form of what should prove a request authentic, before its body is read, and returns what to
	// keep of it. The error is a [webhook.Refusal].
	Evidence(h http.Header) (webhook.Evidence, error)

	// Verify reports whether the evidence holds for exactly these bytes, received at that time. The error is a
	// [webhook.Refusal]. It is asked in the ingress and again in the workflow, where the configuration may be newer.
	Verify(ev webhook.Evidence, body []byte, received time.Time) error

	// Peek looks at a verified body cheaply. It never fails: what it cannot read it leaves empty.
	Peek(body []byte) webhook.Peek

	// Normalize finds the events in a verified body. It never fails: what it does not understand becomes an
	// [webhook.Unrecognized] event with the element as it came, and a bad element never harms its neighbours. The
	// result depends on its arguments only. ID, Source, Provider and Webhook are left empty; Key is set where the element
	// has a natural key. Time is the provider's, or the zero time if it sent none that can be read.
	Normalize(body []byte, received time.Time) []webhook.Event

	// Answer is what the provider wants to read when its webhook was accepted. The status is always 200.
	Answer() (contentType, body string)
}

// A Handshaker is a provider that checks an endpoint with a GET before it sends webhooks.
type Handshaker interface {
	// Handshake returns what to answer with status 200 and type text/plain, or false if the request does not know our
	// secret or is malformed.
	Handshake(query url.Values) (answer string, ok bool)
}

// A Signer is a provider that can make the evidence it verifies, as its real counterpart would: `holdfast send` uses it.
type Signer interface {
	// Sign returns the headers for a body sent at a time, made with the first configured secret.
	Sign(body []byte, at time.Time) http.Header
}

// An Adviser is a provider that knows where its operators should look when a request is refused. `holdfast verify` shows it.
type Adviser interface {
	// Advise says what to look at, in a sentence or two, or "".
	Advise(refusal webhook.Refusal) string
}
