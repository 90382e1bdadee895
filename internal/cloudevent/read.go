package cloudevent

import (
	"encoding/json"
	"fmt"
	"strings"

	"holdfast/internal/webhook"
)

// Read reads an event in structured mode, as destinations are told it: what [Of] has made of an event, turned back. A type that
// this version does not know is an error. The error may quote the event.
func Read(body []byte) (webhook.Event, error) {
	var kind struct {
		SpecVersion string       `json:"specversion"`
		Type        webhook.Type `json:"type"`
	}
	if err := json.Unmarshal(body, &kind); err != nil {
		return webhook.Event{}, fmt.Errorf("read CloudEvent: %w", err)
	}
	entry, ok := webhook.Lookup(kind.Type)
	switch {
	case kind.SpecVersion != "1.0":
		return webhook.Event{}, fmt.Errorf("read CloudEvent: specversion is not 1.0")
	case !ok:
		return webhook.Event{}, fmt.Errorf("read CloudEvent: type %q is not in the catalog of this version", kind.Type)
	}
	in := Envelope{Data: data{Details: entry.New()}} // a pointer is read into
	if err := json.Unmarshal(body, &in); err != nil {
		return webhook.Event{}, fmt.Errorf("read CloudEvent: %w", err)
	}
	if in.Data.Details == nil {
		in.Data.Details = entry.New()
	}
	e := webhook.Event{
		ID:          in.ID,
		Type:        in.Type,
		Source:      strings.TrimPrefix(in.Source, "/sources/"),
		Provider:    in.Provider,
		Webhook:     in.Data.Webhook,
		Account:     in.Data.Account,
		Phone:       in.Data.Phone,
		Field:       in.Data.Field,
		Test:        in.Test,
		TimeAssumed: in.TimeAssumed,
		ZoneAssumed: in.ZoneAssumed,
		Late:        in.Late,
		Data:        in.Data.Details,
	}
	if in.Time != nil {
		e.Time = *in.Time
	}
	return e, nil
}
