package nxtele

import (
	"encoding/json"
	"time"

	"holdfast/internal/provider/lenient"
	"holdfast/internal/provider/meta"
	"holdfast/internal/webhook"
)

// Normalize finds the events in a body, which is of one of two families: a field and a value, which are Meta's (NXCloud
// wiki: phone webhook, template webhook), or lists of statuses and messages beside what they are of (WhatsApp API webhook).
func (p *Provider) Normalize(body []byte, received time.Time) []webhook.Event {
	if !json.Valid(body) {
		return whole(body, "not JSON")
	}
	top, reason := lenient.Cut(body).Object()
	if reason != "" {
		return whole(body, reason)
	}
	if len(top.Get("field"))+len(top.Get("value")) == 0 {
		return p.messages(body, top, received)
	}
	events := p.change(body, top, received)
	if len(top.Get("statuses").UpTo(1))+len(top.Get("messages").UpTo(1)) > 0 { // of both families: neither hides the other
		events = append(events, p.messages(body, top, received)...)
	}
	return events
}

func whole(body []byte, reason string) []webhook.Event {
	return []webhook.Event{webhook.Event{}.Unrecognized(reason, body)}
}

// change relays one of Meta's values. Account, time and business number are inside of it; user_preferences has none of
// them.
func (p *Provider) change(body []byte, top lenient.Object, received time.Time) []webhook.Event {
	field := top.Get("field").Text()
	if !webhook.ValidField(field) {
		return whole(body, "malformed field name")
	}
	value := top.Object("value")
	c := meta.Change{
		Field:    field,
		Phone:    phone(value),
		Time:     value.Get("time").Time(),
		Value:    top.Get("value"),
		Element:  lenient.Cut(body),
		Received: received,
		Words:    p.words,
	}
	account := value.Get("wabaId")
	switch {
	case webhook.ValidID(account.Text()):
		c.Account = account.Text()
	case !account.Missing() && string(account) != `""`:
		return []webhook.Event{c.Unrecognized("malformed account id")}
	}
	return c.Events()
}

// messages relays lists of statuses and messages, which are Meta's as well: the body is what Meta calls a value.
func (p *Provider) messages(body []byte, top lenient.Object, received time.Time) []webhook.Event {
	if len(top.Get("statuses"))+len(top.Get("messages")) == 0 {
		return whole(body, "unknown object")
	}
	c := meta.Change{
		Field: "messages", Phone: phone(top), Value: lenient.Cut(body), Element: lenient.Cut(body), Received: received, Words: p.words,
	}
	if account := top.Get("wabaId").Text(); webhook.ValidID(account) {
		c.Account = account
	}
	return c.Events()
}

// phone is the business number as the envelope names it: the table of nxtele's page says business_phone, its samples
// also merchant_phone.
func phone(o lenient.Object) webhook.Phone {
	for _, text := range []string{o.Get("business_phone").Text(), o.Get("merchant_phone").Text(), o.Object("metadata").Get("display_phone_number").Text()} {
		if number := lenient.Digits(text); webhook.ValidID(number) {
			return webhook.Phone{Number: number}
		}
	}
	return webhook.Phone{}
}

// Peek decodes no more of the value than its account.
func (p *Provider) Peek(body []byte) webhook.Peek {
	var peek webhook.Peek
	for member := range lenient.Cut(body).Members() {
		switch {
		case member.Is("field"):
			field := member.Value.Text()
			peek.AddField(field)
			peek.Urgent = !meta.Traffic(field)
		case member.Is("statuses"), member.Is("messages"):
			peek.AddField("messages")
		case member.Is("wabaId"):
			peek.AddAccount(member.Value.Text())
		case member.Is("value"):
			for member := range member.Value.Members() {
				if member.Is("wabaId") {
					peek.AddAccount(member.Value.Text())
				}
			}
		}
	}
	return peek
}
