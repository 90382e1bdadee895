package meta

import (
	"cmp"
	"strings"

	"holdfast/internal/optout"
	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

// messagesField is the field of messages and their statuses. A reseller whose envelope names no field uses it as well.
const messagesField = "messages"

// readMessage reads an element of messages (Meta: Messages webhook reference; Business-scoped user IDs). A message that
// is one of the words for it (not in a group), or a pressed button that says one, stops or resumes marketing.
func readMessage(t *traffic, e webhook.Event, item lenient.Object, element lenient.Value) string {
	m, said := content(item, element)
	if m.Type == system {
		return readIdentity(t, e, item, element)
	}
	if reason := t.from(m, item); reason != "" {
		return reason
	}
	e.Type, e.Data = webhook.MessageReceived, m
	if m.Type == "edit" || m.Type == "revoke" {
		if m.Original == "" {
			return incomplete
		}
		if e.Type = webhook.MessageEdited; m.Type == "revoke" {
			e.Type = webhook.MessageRevoked
		}
	}
	t.said(e, m, said)
	return ""
}

// readCopy reads a message of a conversation that somebody else handles, such as Meta's agent (Meta: Standby webhooks). What
// the person wishes holds for the number, whoever was spoken to: it comes nowhere else.
func readCopy(t *traffic, e webhook.Event, item lenient.Object, element lenient.Value) string {
	m, said := content(item, element)
	if m.Type == system {
		return readIdentity(t, e, item, element)
	}
	if reason := t.from(m, item); reason != "" {
		return reason
	}
	e.Type, e.Data = webhook.MessageStandby, m
	t.said(e, m, said)
	return ""
}

// said adds the event of a message that a person wrote, and what the person wishes by it. A word that is written in a group
// is for its members; a button that is pressed there is one of the business.
func (t *traffic) said(e webhook.Event, m *webhook.Message, said saying) {
	t.events = append(t.events, e)
	if said.basis == "" || said.basis == "keyword" && m.Group != "" {
		return
	}
	t.wish(e, t.Words.Said(m.Payload, m.Text), webhook.Preference{
		Contact: m.From, Basis: said.basis, Detail: cmp.Or(m.Text, m.Payload), Message: m.ID,
	})
}

// readEcho reads a message that the business sent by other means, as an event of a type (Meta: smb_message_echoes reference;
// Standby webhooks, where what was asked of the API is in a member of its own).
func readEcho(as webhook.Type) itemReader {
	return func(t *traffic, e webhook.Event, item lenient.Object, element lenient.Value) string {
		sent := item
		if asked := item.Object("message"); len(asked) > 0 && item.Get("type").Missing() {
			sent = asked
		}
		m, _ := content(sent, element)
		m.ID = item.Get("id").Text()
		if sent.Get("recipient_type").Text() == "group" {
			m.Group = sent.Get("to").Text()
		} else {
			m.To = contactNamed(sent, "to_user_id", "to_parent_user_id", "to")
		}
		switch {
		case m.ID == "", m.Type == "":
			return incomplete
		case !validContact(m.To):
			return badUser
		}
		m.To, _ = t.who(m, m.To)
		e.Type, e.Data = as, m
		t.events = append(t.events, e)
		return ""
	}
}

// content reads what a message says, whoever sent it.
func content(item lenient.Object, element lenient.Value) (*webhook.Message, saying) {
	m := &webhook.Message{
		ID:       item.Get("id").Text(),
		Group:    item.Get("group_id").Text(),
		Type:     item.Get("type").Text(),
		Context:  answered(item.Object("context")),
		Referral: referral(item.Object("referral")),
		Errors:   messageErrors(item.Get("errors")),
		Raw:      webhook.Body(element),
	}
	said := say(m.Type, item)
	m.Text, m.Payload = said.text, said.payload
	switch m.Type {
	case "edit", "revoke":
		change := item.Object(m.Type)
		m.Original = change.Get("original_message_id").Text()
		m.Context = answered(change.Object("message").Object("context"))
	case "reaction":
		if to := item.Object(m.Type).Get("message_id").Text(); m.Context == nil && to != "" {
			m.Context = &webhook.Context{Message: to}
		}
	}
	return m, said
}

// from adds who sent a message.
func (t *traffic) from(m *webhook.Message, item lenient.Object) (reason string) {
	m.From = t.orOnly(contactNamed(item, "from_user_id", "from_parent_user_id", "from"))
	switch {
	case m.ID == "", m.Type == "":
		return incomplete
	case !validContact(m.From):
		return badUser
	}
	var said lenient.Object
	m.From, said = t.who(m, m.From)
	m.IdentityHash = cmp.Or(said.Get("identity_key_hash").Text(), item.Object("identity").Get("hash").Text())
	return ""
}

// who completes the person that a message is from or to.
func (t *traffic) who(m *webhook.Message, contact webhook.Contact) (_ webhook.Contact, said lenient.Object) {
	contact, said = t.contacts().complete(contact)
	profile := said.Object("profile")
	m.Name, m.Username = profile.Get("name").Text(), profile.Get("username").Text()
	return contact, said
}

// wish adds what a person wants of marketing messages, as far as an item says so by the way.
func (t *traffic) wish(item webhook.Event, wish optout.Wish, p webhook.Preference) {
	if e, ok := Wish(item, wish, p); ok {
		t.events = append(t.events, e)
	}
}

// A saying is what a person said with a message.
type saying struct {
	text    string // written, or the label of what was pressed
	payload string // behind what was pressed
	basis   string // how a person can make a wish by it: by a keyword or a button; or nothing
}

// say reads the member of a message that has the name of its type.
func say(kind string, item lenient.Object) saying {
	if kind == "contacts" {
		return saying{text: names(item.Get(kind))}
	}
	content := item.Object(kind)
	switch kind {
	case "text":
		return saying{text: content.Get("body").Text(), basis: "keyword"}
	case "button":
		return saying{content.Get("text").Text(), content.Get("payload").Text(), "button"}
	case "interactive":
		return reply(content)
	case "reaction":
		return saying{text: content.Get("emoji").Text()}
	case "order":
		return saying{text: content.Get("text").Text()}
	case "location":
		return saying{text: cmp.Or(content.Get("name").Text(), content.Get("address").Text())}
	case "edit":
		changed := content.Object("message")
		said := say(changed.Get("type").Text(), changed)
		return saying{text: said.text, payload: said.payload} // whoever corrects a message makes no wish by that
	}
	return saying{text: content.Get("caption").Text()}
}

// reply reads an interactive message: what somebody chose or filled in, or what a business asks.
func reply(content lenient.Object) saying {
	kind := content.Get("type").Text()
	o := content.Object(kind)
	said := saying{text: cmp.Or(o.Get("title").Text(), o.Get("body").Text()), payload: o.Get("id").Text()}
	switch kind {
	case "button_reply", "list_reply":
		said.basis = "button"
	case "nfm_reply":
		said.payload = o.Get("response_json").Text()
	case "call_permission_reply":
		said.payload = o.Get("response").Text()
	case "product":
		said.payload = cmp.Or(said.payload, o.Get("product_retailer_id").Text())
	}
	said.text = cmp.Or(said.text, content.Object("body").Get("text").Text())
	return said
}

// names are those of shared contacts.
func names(list lenient.Value) string {
	var all []string
	for element := range list.Elements() {
		o, _ := element.Object()
		if name := o.Object("name").Get("formatted_name").Text(); name != "" {
			all = append(all, name)
		}
	}
	return strings.Join(all, ", ")
}

func answered(o lenient.Object) *webhook.Context {
	if len(o) == 0 {
		return nil
	}
	c := webhook.Context{
		Message: cmp.Or(o.Get("id").Text(), o.Get("message_id").Text()), From: o.Get("from").Text(),
		Product: o.Object("referred_product").Get("product_retailer_id").Text(),
	}
	if c == (webhook.Context{}) {
		return nil
	}
	return &c
}

func referral(o lenient.Object) *webhook.Referral {
	if len(o) == 0 {
		return nil
	}
	r := webhook.Referral{
		Type: o.Get("source_type").Text(), ID: o.Get("source_id").Text(), URL: o.Get("source_url").Text(),
		Headline: o.Get("headline").Text(), Click: o.Get("ctwa_clid").Text(),
	}
	if r == (webhook.Referral{}) {
		return nil
	}
	return &r
}
