package meta

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"holdfast/internal/webhook"
)

// mostElements bounds what one webhook becomes. Meta promises no more than 1,000 updates in one.
const mostElements = 5_000

// Normalize finds the events in a body. The envelope must be right; each change is then read for itself, so that a bad one
// never harms its neighbours. What it does not understand is unrecognized, in the largest piece that is not understood.
func (p *Provider) Normalize(body []byte, received time.Time) []webhook.Event {
	if !json.Valid(body) {
		return whole(body, notJSON)
	}
	top, reason := Cut(body).Object()
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
			events = append(events, Raw(webhook.Event{}, reason, element))
			continue
		}
		before := changes
		for change := range entry.Get("changes").Elements() {
			changes++
			if len(events) >= mostElements {
				return whole(body, tooMany)
			}
			events = append(events, p.changeEvents(entry, change, received)...)
		}
		if changes == before {
			events = append(events, Raw(webhook.Event{}, noChanges, element))
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

func (p *Provider) changeEvents(entry Object, element Value, received time.Time) []webhook.Event {
	c := Change{Time: entry.Get("time").Time(), Element: element, Received: received, Words: p.words}
	id := entry.Get("id")
	account := id.Text()
	switch {
	case ValidID(account):
		c.Account, c.Test = account, account == "0"
	case !id.Missing():
		return []webhook.Event{Raw(webhook.Event{Time: c.Time}, badAccount, element)}
	}
	change, reason := element.Object()
	if reason != "" {
		return []webhook.Event{c.Unrecognized(reason)}
	}
	field := change.Get("field").Text()
	if !ValidField(field) {
		return []webhook.Event{c.Unrecognized(malformedField)}
	}
	c.Field, c.Value = field, change.Get("value")
	return c.Events()
}

// whole is a body that is not understood. It has no natural key: it is known by its webhook.
func whole(body []byte, reason string) []webhook.Event {
	return []webhook.Event{Raw(webhook.Event{}, reason, body)}
}

// ValidField reports whether a text is a possible name of a field. What else is sent as one is kept out of events and
// of [webhook.Peek].
func ValidField(field string) bool {
	for i := range len(field) {
		c := field[i]
		if c != '_' && c != '-' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return len(field) > 0 && len(field) <= 64
}

// Traffic reports whether a field is about messages, of which there are many, and not about an account, a phone, a
// preference or a template, of which there are few (Meta: Webhooks overview, and the pages of the fields).
func Traffic(field string) bool {
	switch field {
	case "messages", "message_echoes", "calls", "history", "standby", "automatic_events", "tracking_events":
		return true
	}
	return strings.HasPrefix(field, "smb_") || strings.HasPrefix(field, "group_")
}

// Peek decodes no value.
func (p *Provider) Peek(body []byte) webhook.Peek {
	var peek webhook.Peek
	for member := range Cut(body).Members() {
		if !member.Is("entry") {
			continue
		}
		for entry := range member.Value.Elements() {
			peekEntry(&peek, entry)
		}
	}
	return peek
}

func peekEntry(peek *webhook.Peek, entry Value) {
	for member := range entry.Members() {
		switch {
		case member.Is("id"):
			Note(&peek.Accounts, member.Value.Text(), ValidID)
		case member.Is("changes"):
			for change := range member.Value.Elements() {
				for member := range change.Members() {
					if member.Is("field") {
						field := member.Value.Text()
						Note(&peek.Fields, field, ValidField)
						peek.Urgent = peek.Urgent || !Traffic(field)
					}
				}
			}
		}
	}
}

// Note adds a text to a list of a [webhook.Peek] once. The list stays short, whatever is sent.
func Note(list *[]string, text string, valid func(string) bool) {
	if valid(text) && len(*list) < 100 && !slices.Contains(*list, text) {
		*list = append(*list, text)
	}
}
