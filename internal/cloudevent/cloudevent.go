// Package cloudevent writes events as destinations read them: CloudEvents 1.0.
package cloudevent

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"holdfast/internal/webhook"
)

// ContentType is that of an event in structured mode: the whole CloudEvent is the body, so that a signature covers all of it.
const ContentType = "application/cloudevents+json; charset=utf-8"

// BatchContentType is that of several events in one body, each as in structured mode.
const BatchContentType = "application/cloudevents-batch+json; charset=utf-8"

// The content modes, as the setting format of destinations names them. The zero value means structured.
const (
	ModeStructured = "structured" // the whole CloudEvent is the body
	ModeBinary     = "binary"     // the body is its data; the rest is in headers
	ModeBatch      = "batch"      // the body is a list of whole CloudEvents
)

// An Envelope is an event as destinations read it: CloudEvents 1.0 in the JSON format. What is in Data besides, is
// between us and them; nothing in the other attributes says who a person is, because intermediaries log those.
type Envelope struct {
	SpecVersion     string       `json:"specversion"`       // of CloudEvents: 1.0
	ID              string       `json:"id"`                // of the event, the same at every attempt; also in the header webhook-id
	Source          string       `json:"source"`            // /sources/ and the name of the source it came to
	Type            webhook.Type `json:"type"`              // from the catalog, such as account.banned
	Subject         string       `json:"subject,omitempty"` // account/ and the id of the account, if it is known
	Time            *time.Time   `json:"time,omitempty"`    // when it happened, by the provider's clock
	DataContentType string       `json:"datacontenttype"`   // application/json
	DataSchema      string       `json:"dataschema"`        // the name of the JSON Schema of data

	// Extensions. Their names may have lower-case letters and digits only.
	Severity    webhook.Severity `json:"severity"`              // critical, warning or info
	Provider    string           `json:"provider,omitempty"`    // the dialect of the source, such as meta
	Late        bool             `json:"late,omitempty"`        // something later is known already: this is not what is true now
	Test        bool             `json:"test,omitempty"`        // made by a provider's dashboard
	OutOfOrder  bool             `json:"outoforder,omitempty"`  // of a destination with an order: told after its turn, so later events of the account may have been told before
	TimeAssumed bool             `json:"timeassumed,omitempty"` // time is ours, because the provider sent none that can be true
	ZoneAssumed bool             `json:"zoneassumed,omitempty"` // the provider wrote time without a zone

	Data data `json:"data"` // what happened, and to whom
}

// data is whom an event is about, and what happened.
type data struct {
	Account string        `json:"account,omitempty"` // WhatsApp business account id
	Phone   webhook.Phone `json:"phone,omitzero"`    // the business phone number
	Field   string        `json:"field,omitempty"`   // the provider's name of what it came from
	Webhook string        `json:"webhook,omitempty"` // id of the webhook it was first seen in
	Details any           `json:"details"`           // what happened: its members are those of the type
}

// Of makes the envelope of an event.
func Of(e webhook.Event) Envelope {
	out := Envelope{
		SpecVersion:     "1.0",
		ID:              e.ID,
		Source:          "/sources/" + e.Source,
		Type:            e.Type,
		DataContentType: "application/json",
		DataSchema:      e.Type.Schema(),
		Provider:        e.Provider,
		Late:            e.Late,
		Test:            e.Test,
		TimeAssumed:     e.TimeAssumed,
		ZoneAssumed:     e.ZoneAssumed,
		Data:            data{Account: e.Account, Phone: e.Phone, Field: e.Field, Webhook: e.Webhook, Details: e.Data},
	}
	if e.Account != "" {
		out.Subject = "account/" + e.Account
	}
	if !e.Time.IsZero() {
		t := e.Time.UTC() // or the same moment would have many spellings
		out.Time = &t
	}
	if entry, ok := webhook.Lookup(e.Type); ok {
		out.Severity = entry.Severity
	}
	return out
}

// JSON writes the envelope in structured mode: the same bytes whenever it is the same event. The error may quote the event.
func (e Envelope) JSON() ([]byte, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	return body, nil
}

// Batch writes events into one array, each as [Envelope.JSON] does. The error may quote an event.
func Batch(events []Envelope) ([]byte, error) {
	body, err := json.Marshal(events)
	if err != nil {
		return nil, fmt.Errorf("encode events: %w", err)
	}
	return body, nil
}

// DataJSON is the body of binary mode: the data alone, of the content type DataContentType. The error may quote the event.
func (e Envelope) DataJSON() ([]byte, error) {
	body, err := json.Marshal(e.Data)
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	return body, nil
}

// An Attribute is one of those that stand beside the data, its value as text.
type Attribute struct{ Name, Value string }

// Attributes lists what binary mode puts beside the data: all attributes but datacontenttype, which every protocol says in its
// own way, and without those that are left out of JSON.
func (e Envelope) Attributes() []Attribute {
	var at string
	if e.Time != nil {
		at = e.Time.Format(time.RFC3339Nano)
	}
	mark := func(set bool) string {
		if set {
			return "true"
		}
		return ""
	}
	all := []Attribute{
		{"specversion", e.SpecVersion},
		{"id", e.ID},
		{"source", e.Source},
		{"type", string(e.Type)},
		{"subject", e.Subject},
		{"time", at},
		{"dataschema", e.DataSchema},
		{"severity", string(e.Severity)},
		{"provider", e.Provider},
		{"late", mark(e.Late)},
		{"test", mark(e.Test)},
		{"outoforder", mark(e.OutOfOrder)},
		{"timeassumed", mark(e.TimeAssumed)},
		{"zoneassumed", mark(e.ZoneAssumed)},
	}
	return slices.DeleteFunc(all, func(a Attribute) bool { return a.Value == "" })
}

// Encode writes an event in structured mode.
func Encode(e webhook.Event) ([]byte, error) { return Of(e).JSON() }
