package meta

import (
	"encoding/json"
	"strings"
	"time"

	"holdfast/internal/optout"
	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

// mostElements bounds what one webhook becomes. Meta promises no more than 1,000 updates in one.
const mostElements = 5_000

// Normalize finds the events in a body.
func (p *Provider) Normalize(body []byte, received time.Time) []webhook.Event {
	return Normalize(body, received, p.words)
}

// Normalize finds the events in a body in Meta's envelope, whoever sent it. The envelope must be right; each change is then read for itself, so that a bad one
// never harms its neighbours. What it does not understand is unrecognized, in the largest piece that is not understood.
func Normalize(body []byte, received time.Time, words optout.Words) []webhook.Event {
	if !json.Valid(body) {
		return whole(body, notJSON)
	}
	top, reason := lenient.Cut(body).Object()
	if reason != "" {
		return whole(body, reason)
	}
	if top.Get("object").Text() != "whatsapp_business_account" {
		return whole(body, unknownObject)
	}
	list := top.Get("entry")
	if len(list) == 0 || list[0] != '[' {
		return whole(body, noEntries)
	}
	var events []webhook.Event
	entries, changes := 0, 0
	for element := range list.Elements() {
		entries++
		if len(events) >= mostElements {
			return whole(body, tooMany)
		}
		entry, reason := element.Object()
		if reason != "" {
			events = append(events, webhook.Event{}.Unrecognized(reason, element))
			continue
		}
		before, id, at := changes, entry.Get("id"), entry.Get("time").Time()
		for change := range entry.Get("changes").Elements() {
			changes++
			if len(events) >= mostElements {
				return whole(body, tooMany)
			}
			events = append(events, changeEvents(id, at, change, received, words)...)
		}
		if changes == before {
			events = append(events, webhook.Event{}.Unrecognized(noChanges, element))
		}
	}
	switch {
	case entries == 0:
		return whole(body, noEntries)
	case changes == 0:
		return whole(body, noChanges)
	}
	return events
}

// changeEvents finds the events in a change of the entry with an id and a time.
func changeEvents(id lenient.Value, at time.Time, element lenient.Value, received time.Time, words optout.Words) []webhook.Event {
	c := Change{Entry: true, Time: at, Element: element, Received: received, Words: words}
	account := id.Text()
	switch {
	case webhook.ValidID(account):
		c.Account, c.Test = account, account == "0"
	case !id.Missing():
		return []webhook.Event{webhook.Event{Time: c.Time}.Unrecognized(badAccount, element)}
	}
	change, reason := element.Object()
	if reason != "" {
		return []webhook.Event{c.Unrecognized(reason)}
	}
	field := change.Get("field").Text()
	if !webhook.ValidField(field) {
		return []webhook.Event{c.Unrecognized(malformedField)}
	}
	c.Field, c.Value = field, change.Get("value")
	return c.Events()
}

// whole is a body that is not understood. It has no natural key: it is known by its webhook.
func whole(body []byte, reason string) []webhook.Event {
	return []webhook.Event{webhook.Event{}.Unrecognized(reason, body)}
}

// Traffic reports whether a field is about messages, of which there are many, and not about an account, a phone, a
// preference or a template, of which there are few (Meta: Webhooks overview, and the pages of the fields).
func Traffic(field string) bool {
	switch field {
	case "messages", "message_echoes", "calls", "history", "standby", "messaging_handovers", "user_id_update", "automatic_events", "tracking_events":
		return true
	}
	return strings.HasPrefix(field, "smb_") || strings.HasPrefix(field, "group_")
}

// Peek decodes no value.
func (p *Provider) Peek(body []byte) webhook.Peek { return Peek(body) }

// Peek is that of a body in Meta's envelope, whoever sent it.
func Peek(body []byte) webhook.Peek {
	var peek webhook.Peek
	for member := range lenient.Cut(body).Members() {
		if !member.Is("entry") {
			continue
		}
		for entry := range member.Value.Elements() {
			peekEntry(&peek, entry)
		}
	}
	return peek
}

// peekEntry takes the id of an entry for an account unless nothing but partner solutions is in it: that is a business
// portfolio's.
func peekEntry(peek *webhook.Peek, entry lenient.Value) {
	var id string
	var solutions, others bool
	for member := range entry.Members() {
		switch {
		case member.Is("id"):
			id = member.Value.Text()
		case member.Is("changes"):
			for change := range member.Value.Elements() {
				for member := range change.Members() {
					if member.Is("field") {
						field := member.Value.Text()
						peek.AddField(field)
						peek.Urgent = peek.Urgent || !Traffic(field)
						solutions, others = solutions || field == solutionsField, others || field != solutionsField
					}
				}
			}
		}
	}
	if others || !solutions {
		peek.AddAccount(id)
	}
}
