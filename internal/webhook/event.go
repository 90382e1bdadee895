package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
)

// An Event is one normalized fact in a webhook.
type Event struct {
	ID       string    `json:"id,omitempty"`       // the same for every redelivery and attempt; set by the Normalize activity
	Type     Type      `json:"type"`               // from the catalog
	Time     time.Time `json:"time"`               // when it happened, by the provider's clock, bounded by the arrival
	Source   string    `json:"source,omitempty"`   // set by the Normalize activity
	Provider string    `json:"provider,omitempty"` // set by the Normalize activity
	Webhook  string    `json:"webhook,omitempty"`  // id of the webhook it was first seen in; set by the Normalize activity
	Account  string    `json:"account,omitempty"`  // WhatsApp business account id
	Phone    Phone     `json:"phone,omitzero"`     // the business phone number it is about
	Field    string    `json:"field,omitempty"`    // the provider's name of what it came from, such as account_update
	Test     bool      `json:"test,omitempty"`     // made by a provider's dashboard: told, but changes no state
	// TimeAssumed says that Time is not the provider's: it sent none, or one that cannot be true.
	TimeAssumed bool `json:"time_assumed,omitempty"`
	// ZoneAssumed says that the provider wrote Time without a zone.
	ZoneAssumed bool `json:"zone_assumed,omitempty"`
	// Stale says that it happened longer ago than duplicates are remembered: recorded, but not told.
	Stale bool `json:"stale,omitempty"`
	// Late says that something later was known when it was recorded: told, but it is not what is true now.
	Late bool `json:"late,omitempty"`
	// Data is what happened: a pointer to the struct of this package that the catalog names for Type.
	Data any `json:"data"`

	// Key is the natural key of the event within its source: what stays the same when the provider sends it again,
	// alone or in another batch. Empty if the provider gives nothing to tell two such events apart; then the event is
	// known by its webhook and position. It may hold a user's number, so it is hashed into ID and never leaves memory.
	Key string `json:"-"`
}

// A Phone is a business phone number. Either member may be empty: account-level webhooks name the number only as
// text, preferences name both.
type Phone struct {
	ID     string `json:"id,omitempty"`     // Meta's phone_number_id
	Number string `json:"number,omitempty"` // digits only, unless the provider's text has none
}

// LogValue keeps everything a person is known by out of logs: ids and types only.
func (e Event) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", e.ID), slog.String("type", string(e.Type)), slog.String("account", e.Account))
}

// Unrecognized makes an event of something authentic that is not understood: why, in words that hold nothing of it, and
// the element as it came.
func (e Event) Unrecognized(reason string, element []byte) Event {
	e.Type, e.Data = Unrecognized, &Raw{Reason: reason, Value: element}
	return e
}

// UnmarshalJSON reads an event, with Data of the type that the catalog names. A type that this program does not know
// (the event log of a newer version) is an error.
func (e *Event) UnmarshalJSON(data []byte) error {
	type plain Event // without this method
	guess := typeOf(data)
	in := plain{}
	if entry, ok := Lookup(guess); ok {
		in.Data = entry.data() // a pointer is read into
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("read event: %w", err)
	}
	entry, ok := Lookup(in.Type)
	if !ok {
		return fmt.Errorf("read event: type %q is not in the catalog of this version", in.Type)
	}
	if in.Type != guess || in.Data == nil { // written by somebody else, or without data
		in.Data = entry.data()
		if err := json.Unmarshal(data, &struct {
			Data any `json:"data"`
		}{in.Data}); err != nil {
			return fmt.Errorf("read data of %s: %w", in.Type, err)
		}
	}
	*e = Event(in)
	return nil
}

// typeOf guesses the type of an event in JSON from where we write it, so that its data is read once: every workflow reads
// what its activities say, and to look for the type by reading everything takes as long as the rest.
func typeOf(data []byte) Type {
	_, after, _ := bytes.Cut(data, []byte(`"type":"`))
	guess, _, _ := bytes.Cut(after[:min(len(after), 64)], []byte{'"'})
	return Type(guess)
}
