// Package webhook holds the nouns of Holdfast: the webhook as it was received, the events found in it, what an event
// changes, and the catalog of event types. It imports the standard library only, so that every room can speak of the
// same things without knowing another room.
package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
	"unicode/utf8"
)

// A Webhook is one HTTP POST as it was received and accepted.
type Webhook struct {
	ID       string    `json:"id"`       // see [ID]
	Source   string    `json:"source"`   // the configured endpoint that it came to
	Provider string    `json:"provider"` // the dialect of that source
	Received time.Time `json:"received"` // when the ingress had read it, UTC
	Evidence Evidence  `json:"evidence"` // what proves that it is authentic
	Body     Body      `json:"body"`     // the very bytes
}

// LogValue keeps the body and the evidence out of every log.
func (w Webhook) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", w.ID), slog.String("source", w.Source), slog.Int("bytes", len(w.Body)))
}

// ID names a webhook by what it says: 32 hex digits of a SHA-256 over its source and its raw body. The same body sent
// again to the same source has the same ID, which is what makes a redelivery recognizable: no provider but InnoPaaS
// sends an id of its own.
func ID(source string, body []byte) string {
	h := sha256.New()
	h.Write([]byte(source))
	h.Write([]byte{0}) // a source never contains it, so no two pairs run together
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Evidence is what an ingress keeps of a request's headers, so that a webhook can be verified again later.
//
// Signatures are kept as they came. Credentials (fixed headers) are never kept: Credential says which configured one
// the request showed.
type Evidence struct {
	Headers    map[string]string `json:"headers,omitempty"` // by lower-case name
	Credential string            `json:"credential,omitempty"`
}

// A Body is the raw bytes of a webhook. In JSON it is a string where the bytes are valid UTF-8, so that a person can
// read it in the Temporal UI, and {"base64": "…"} where they are not. Either way every byte survives.
type Body []byte

// MarshalJSON writes the bytes as a string, or in base64 if a string could not hold them.
func (b Body) MarshalJSON() ([]byte, error) {
	if utf8.Valid(b) {
		return json.Marshal(string(b))
	}
	return json.Marshal(struct {
		Base64 []byte `json:"base64"`
	}{b})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (b *Body) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return fmt.Errorf("read body: %w", err)
		}
		*b = Body(s)
		return nil
	}
	var raw struct {
		Base64 []byte `json:"base64"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	*b = raw.Base64
	return nil
}

// A Refusal says why a request is not a webhook of ours. It is an error and a metric label: a closed set, without
// anything of the request in it.
type Refusal string

// The refusals. Each is answered 401, except where the ingress says otherwise.
const (
	MissingEvidence    Refusal = "missing_evidence"      // a header that proves authenticity is absent or empty
	MalformedEvidence  Refusal = "malformed_evidence"    // present, but not of the form the scheme prescribes
	UnknownCredential  Refusal = "unknown_credential"    // names a key that is not configured
	AlgorithmRefused   Refusal = "algorithm_refused"     // asks for an algorithm that is not allowed here
	SignatureMismatch  Refusal = "signature_mismatch"    // well formed, but not made over this body with a secret of ours
	TimestampOutOfSkew Refusal = "timestamp_out_of_skew" // older or newer than the configured tolerance
)

func (r Refusal) Error() string { return string(r) }
