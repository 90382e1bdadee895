package notify

import (
	"encoding/json"
	"fmt"
	"time"

	"holdfast/internal/webhook"
)

// contentType says that the whole CloudEvent is the body, so that the signature covers all of it.
const contentType = "application/cloudevents+json; charset=utf-8"

// A cloudEvent is an event as destinations read it: CloudEvents 1.0 in the JSON format. What is in Data besides, is
// between us and them; nothing in the other attributes says who a person is, because intermediaries log those.
type cloudEvent struct {
	SpecVersion     string       `json:"specversion"`
	ID              string       `json:"id"`                // of the event, the same at every attempt; also in webhook-id
	Source          string       `json:"source"`            // /sources/{source}
	Type            webhook.Type `json:"type"`              // from the catalog
	Subject         string       `json:"subject,omitempty"` // account/{id}
	Time            *time.Time   `json:"time,omitempty"`    // when it happened
	DataContentType string       `json:"datacontenttype"`

	// Extensions. Their names may have lower-case letters and digits only.
	Severity    webhook.Severity `json:"severity,omitempty"`    // critical, warning or info
	Provider    string           `json:"provider,omitempty"`    // the dialect of the source
	Late        bool             `json:"late,omitempty"`        // something later is known already: this is not what is true now
	Test        bool             `json:"test,omitempty"`        // made by a provider's dashboard
	TimeAssumed bool             `json:"timeassumed,omitempty"` // Time is ours, because the provider sent none that can be true
	ZoneAssumed bool             `json:"zoneassumed,omitempty"` // the provider wrote Time without a zone

	Data data `json:"data"`
}

type data struct {
	Account string        `json:"account,omitempty"` // WhatsApp business account id
	Phone   webhook.Phone `json:"phone,omitzero"`    // the business phone number
	Field   string        `json:"field,omitempty"`   // the provider's name of what it came from
	Webhook string        `json:"webhook,omitempty"` // id of the webhook it was first seen in
	Details any           `json:"details,omitempty"` // the struct that the catalog names for the type
}

// encode writes an event as a CloudEvent: the same bytes whenever it is the same event.
func encode(e webhook.Event) ([]byte, error) {
	out := cloudEvent{
		SpecVersion:     "1.0",
		ID:              e.ID,
		Source:          "/sources/" + e.Source,
		Type:            e.Type,
		DataContentType: "application/json",
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
	body, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	return body, nil
}
