package ingress

import (
	"errors"
	"net/http"

	"holdfast/internal/webhook"
)

// A reason says why a request was not answered 200. It is an error, a metric label and what operators read: a closed
// set, without anything of the request in it. What providers refuse ([webhook.Refusal]) are reasons too.
type reason string

const (
	unknownPath      reason = "unknown_path"
	wrongMethod      reason = "wrong_method"
	wrongType        reason = "wrong_content_type"
	encodedBody      reason = "encoded_body"
	malformedQuery   reason = "malformed_query"
	handshakeRefused reason = "handshake_refused"
	bodyTooLarge     reason = "body_too_large"
	bodyTimedOut     reason = "body_timed_out"
	bodyIncomplete   reason = "body_incomplete"
	otherRefusal     reason = "other_refusal" // by a provider, with an error that is not of the contract
	doesNotFit       reason = "does_not_fit"  // authentic, but webhook.ErrTooLarge
	overloaded       reason = "overloaded"    // too many bytes in flight
	unavailable      reason = "unavailable"   // authentic, but not durable
	panicked         reason = "panicked"
)

func (r reason) Error() string { return string(r) }

// unknownSource is the name under which requests to paths of no source are counted.
const unknownSource = "unknown"

// status translates a reason for those who sent the request. The words are fixed, and the same for every doubt about
// authenticity, so that nobody learns from them how far a forgery came.
func (r reason) status() (code int, words string) {
	switch r {
	case unknownPath:
		return http.StatusNotFound, "not found\n"
	case wrongMethod:
		return http.StatusMethodNotAllowed, "method not allowed\n"
	case wrongType:
		return http.StatusUnsupportedMediaType, "content type must be application/json\n"
	case encodedBody:
		return http.StatusUnsupportedMediaType, "content must not be encoded\n"
	case malformedQuery, bodyIncomplete:
		return http.StatusBadRequest, "malformed request\n"
	case handshakeRefused:
		return http.StatusForbidden, "refused\n"
	case bodyTooLarge, doesNotFit:
		return http.StatusRequestEntityTooLarge, "too large\n"
	case bodyTimedOut:
		return http.StatusRequestTimeout, "took too long\n"
	case overloaded, unavailable, panicked:
		return http.StatusServiceUnavailable, "try again later\n"
	default: // what providers refuse
		return http.StatusUnauthorized, "not authentic\n"
	}
}

// refusedBy translates what a provider refused with.
func refusedBy(err error) reason {
	refusal, ok := errors.AsType[webhook.Refusal](err)
	if !ok {
		return otherRefusal
	}
	switch refusal {
	case webhook.MissingEvidence, webhook.MalformedEvidence, webhook.UnknownCredential, webhook.AlgorithmRefused,
		webhook.SignatureMismatch, webhook.TimestampOutOfSkew:
		return reason(refusal)
	default: // a label that is not of the closed set would grow the metrics without end
		return otherRefusal
	}
}

// An outcome says what became of a webhook.
type outcome string

const (
	accepted  outcome = "accepted"
	duplicate outcome = "duplicate"
	refused   outcome = "refused"     // not authentic or not a webhook
	tooLarge  outcome = "too_large"   // over the limit, or webhook.ErrTooLarge
	notNow    outcome = "unavailable" // to be sent again
)

var outcomes = []outcome{accepted, duplicate, refused, tooLarge, notNow}

// outcome sums reasons up.
func (r reason) outcome() outcome {
	switch code, _ := r.status(); code {
	case http.StatusRequestEntityTooLarge:
		return tooLarge
	case http.StatusServiceUnavailable:
		return notNow
	default:
		return refused
	}
}
