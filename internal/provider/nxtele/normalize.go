package nxtele

import (
	"encoding/json"
	"time"

	"holdfast/internal/provider/meta"
	"holdfast/internal/webhook"
)

// mostElements bounds what one webhook becomes.
const mostElements = 5_000

// Normalize finds the events in a body, which is of one of two families: a field and a value, which are Meta's (NXCloud
// wiki: phone webhook, template webhook), or lists of statuses and messages beside what they are of (WhatsApp API webhook).
func (p *Provider) Normalize(body []byte, received time.Time) []webhook.Event {
	if !json.Valid(body) {
		return whole(body, "not JSON")
	}
	top, reason := meta.Cut(body).Object()
	if reason != "" {
		return whole(body, reason)
	}
	_, hasField := top["field"]
	_, hasValue := top["value"]
	if hasField || hasValue {
		return change(body, top, received)
	}
	return messages(body, top)
}

func whole(body []byte, reason string) []webhook.Event {
	return []webhook.Event{meta.Raw(webhook.Event{}, reason, body)}
}

// change relays one of Meta's values. Account, time and business number are inside of it; user_preferences has none of
// them.
func change(body []byte, top meta.Object, received time.Time) []webhook.Event {
	field := top["field"].Text()
	if !meta.ValidField(field) {
		return whole(body, "malformed field name")
	}
	value := top.Object("value")
	c := meta.Change{
		Field:    field,
		Phone:    phone(value),
		Time:     value["time"].Time(),
		Value:    top["value"],
		Element:  meta.Cut(body),
		Received: received,
	}
	account := value["wabaId"]
	switch {
	case meta.ValidID(account.Text()):
		c.Account = account.Text()
	case !account.Missing() && string(account) != `""`:
		return []webhook.Event{c.Unrecognized("malformed account id")}
	}
	return c.Events()
}

// messages passes statuses and messages on, each for itself.
func messages(body []byte, top meta.Object) []webhook.Event {
	of := phone(top)
	if id := top.Object("metadata")["phone_number_id"].Text(); meta.ValidID(id) {
		of.ID = id
	}
	scope := of.ID
	if scope == "" {
		scope = of.Number
	}
	account := top["wabaId"].Text()
	if !meta.ValidID(account) {
		account = ""
	}
	var events []webhook.Event
	for _, list := range []string{"statuses", "messages"} {
		for element := range top[list].Elements() {
			if len(events) == mostElements {
				return whole(body, "too many elements")
			}
			item, _ := element.Object()
			e := webhook.Event{Field: list, Account: account, Phone: of, Time: item["timestamp"].Time(), Key: meta.ItemKey(list, scope, item)}
			events = append(events, meta.Raw(e, "unknown field", element))
		}
	}
	if len(events) == 0 {
		return whole(body, "unknown object")
	}
	return events
}

// phone is the business number as the envelope names it: the table of nxtele's page says business_phone, its samples
// also merchant_phone.
func phone(o meta.Object) webhook.Phone {
	for _, text := range []string{o["business_phone"].Text(), o["merchant_phone"].Text(), o.Object("metadata")["display_phone_number"].Text()} {
		if number := meta.Digits(text); meta.ValidID(number) {
			return webhook.Phone{Number: number}
		}
	}
	return webhook.Phone{}
}

// Peek decodes no more of the value than its account.
func (p *Provider) Peek(body []byte) webhook.Peek {
	var peek webhook.Peek
	for name, member := range meta.Cut(body).Members() {
		switch name {
		case "field":
			field := member.Text()
			meta.Note(&peek.Fields, field, meta.ValidField)
			peek.Urgent = !meta.Traffic(field)
		case "statuses", "messages":
			meta.Note(&peek.Fields, name, meta.ValidField)
		case "wabaId":
			meta.Note(&peek.Accounts, member.Text(), meta.ValidID)
		case "value":
			for name, member := range member.Members() {
				if name == "wabaId" {
					meta.Note(&peek.Accounts, member.Text(), meta.ValidID)
				}
			}
		}
	}
	return peek
}
