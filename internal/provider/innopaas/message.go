package innopaas

import (
	"cmp"
	"strings"

	"holdfast/internal/provider/lenient"
	"holdfast/internal/provider/meta"
	"holdfast/internal/webhook"
)

// readMessage reads a message that somebody sent (InnoPaaS: Inbound messages). Members are Meta's in camel case; the
// content of type contacts is in contact, and media have a link, from which InnoPaaS is to be asked for them: it is in Raw.
func readMessage(n notice) ([]webhook.Event, string) {
	from, ok := number(n.body.Get("from"))
	m := &webhook.Message{
		ID:     cmp.Or(n.body.Get("wamid").Text(), n.body.Get("id").Text()),
		From:   webhook.Contact{WaID: from},
		Name:   n.body.Object("customerProfile").Get("name").Text(),
		Type:   n.body.Get("type").Text(),
		Errors: messageErrors(n.body.Get("errors")),
		Raw:    webhook.Body(n.raw),
	}
	switch {
	case m.ID == "" || m.Type == "":
		return nil, incomplete
	case !ok:
		return nil, badUser
	}
	if answered := n.body.Object("context"); len(answered) > 0 {
		m.Context = &webhook.Context{Message: answered.Get("id").Text(), From: answered.Get("from").Text()}
	} else if to := n.body.Object("reaction").Get("messageId").Text(); to != "" {
		m.Context = &webhook.Context{Message: to}
	}
	e := n.event
	e.Phone = cmp.Or(ours(n.body, "to"), n.phone)
	if at, guessed := n.clock.read(n.body.Get("sendTime")); !at.IsZero() {
		e.Time, e.ZoneAssumed = at, guessed
	}
	e.Key = webhook.Key(messageKind, e.Phone.Number, m.ID)
	if strings.EqualFold(m.Type, "system") {
		return moved(e, m.From, n.body.Object("system"))
	}
	said, basis := say(m.Type, n.body)
	m.Text, m.Payload = said.text, said.payload
	e.Type, e.Data = webhook.MessageReceived, m
	events := []webhook.Event{e}
	if basis != "" {
		p := webhook.Preference{Contact: m.From, Basis: basis, Detail: cmp.Or(m.Text, m.Payload), Message: m.ID}
		if e, ok := meta.Wish(e, n.words.Said(m.Payload, m.Text), p); ok {
			events = append(events, e)
		}
	}
	return events, ""
}

// moved is a person with another number. InnoPaaS says only that there is such a notice; where the new number is would be
// Meta's member, in either case.
func moved(e webhook.Event, person webhook.Contact, system lenient.Object) ([]webhook.Event, string) {
	for _, name := range []string{"newWaId", "new_wa_id", "waId", "wa_id"} {
		if now, ok := number(system.Get(name)); ok && now != "" && now != person.WaID {
			e.Type = webhook.ContactIDChanged
			e.Data = &webhook.Identity{
				Contact: webhook.Contact{WaID: now}, Previous: person, Reason: system.Get("type").Text(), Detail: system.Get("body").Text(),
			}
			return []webhook.Event{e}, ""
		}
	}
	return nil, unknownEvent
}

// A saying is what a person said with a message.
type saying struct {
	text    string // written, or the label of what was pressed
	payload string // behind what was pressed
}

// replies are the members of interactive for what can be pressed. How its type spells them is not documented, so whichever is
// there counts: a stop must not be missed for the spelling.
var replies = []string{"buttonReply", "listReply", "button_reply", "list_reply"}

// say reads the member of a message that has the name of its type. The basis says how a person can make a wish by it:
// by a keyword or a button, or not at all.
func say(kind string, body lenient.Object) (said saying, basis string) {
	if kind == "contacts" {
		return saying{text: names(body.Get("contact"))}, ""
	}
	content := body.Object(kind)
	switch kind {
	case "text":
		return saying{text: content.Get("body").Text()}, "keyword"
	case "button":
		return saying{content.Get("text").Text(), content.Get("payload").Text()}, "button"
	case "interactive":
		for _, name := range replies {
			if pressed := content.Object(name); len(pressed) > 0 {
				return saying{pressed.Get("title").Text(), pressed.Get("id").Text()}, "button"
			}
		}
		other := content.Object(content.Get("type").Text())
		return saying{other.Get("title").Text(), other.Get("id").Text()}, ""
	case "reaction":
		return saying{text: content.Get("emoji").Text()}, ""
	case "order":
		return saying{text: content.Get("text").Text()}, ""
	case "location":
		return saying{text: cmp.Or(content.Get("name").Text(), content.Get("address").Text())}, ""
	}
	return saying{text: content.Get("caption").Text()}, ""
}

// names are those of shared contacts.
func names(list lenient.Value) string {
	var all []string
	for element := range list.Elements() {
		o, _ := element.Object()
		if name := o.Object("name").Get("formattedName").Text(); name != "" {
			all = append(all, name)
		}
	}
	return strings.Join(all, ", ")
}
