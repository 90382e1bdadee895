package meta

import (
	"cmp"

	"holdfast/internal/optout"
	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

// messagesField is the field of messages and their statuses. A reseller whose envelope names no field uses it as well.
const messagesField = "messages"

// readMessage reads an element of messages (Meta: Messages webhook reference; Business-scoped user IDs). A message that
// is one of the words for it, or a pressed button that says one, stops or resumes marketing.
func readMessage(t *traffic, e webhook.Event, item lenient.Object, element lenient.Value) string {
	m := &webhook.Message{
		ID:       item.Get("id").Text(),
		From:     contactNamed(item, "from_user_id", "from_parent_user_id", "from"),
		Group:    item.Get("group_id").Text(),
		Type:     item.Get("type").Text(),
		Context:  answered(item.Object("context")),
		Referral: referral(item.Object("referral")),
		Raw:      webhook.Body(element),
	}
	switch {
	case m.ID == "", m.Type == "":
		return incomplete
	case !validContact(m.From):
		return badUser
	}
	m.From, m.Name = t.contacts().complete(m.From)
	said, basis := say(m.Type, item)
	m.Text, m.Payload = said.text, said.payload
	e.Type, e.Data = webhook.MessageReceived, m
	t.events = append(t.events, e)

	wish := t.Words.Wish(m.Payload)
	if other := t.Words.Wish(m.Text); wish != optout.Stop && other != optout.None { // where the two disagree, it is a stop
		wish = other
	}
	types := map[optout.Wish]webhook.Type{optout.Stop: webhook.ContactMarketingStopped, optout.Resume: webhook.ContactMarketingResumed}
	if basis != "" && wish != optout.None {
		t.wish(e, types[wish], webhook.Preference{Contact: m.From, Basis: basis, Detail: cmp.Or(m.Text, m.Payload), Message: m.ID})
	}
	return ""
}

// wish adds what a person wants of marketing messages, as far as an item says so by the way. It needs somebody who
// wants it, and a number of ours not to be written to from.
func (t *traffic) wish(item webhook.Event, wanted webhook.Type, p webhook.Preference) {
	if p.Contact.UserID == "" && p.Contact.WaID == "" || item.Phone == (webhook.Phone{}) {
		return
	}
	p.Category = marketing
	item.Type, item.Data, item.Key = wanted, &p, webhook.Key(string(wanted), item.Key)
	t.events = append(t.events, item)
}

// A saying is what a person said with a message.
type saying struct {
	text    string // written, or the label of what was pressed
	payload string // behind what was pressed
}

// say reads the member of a message that has the name of its type. The basis says how a person can make a wish by it:
// by a keyword or a button, or not at all.
func say(kind string, item lenient.Object) (said saying, basis string) {
	content := item.Object(kind)
	switch kind {
	case "text":
		return saying{text: content.Get("body").Text()}, "keyword"
	case "button":
		return saying{content.Get("text").Text(), content.Get("payload").Text()}, "button"
	case "interactive":
		reply := content.Get("type").Text()
		pressed := content.Object(reply)
		said = saying{cmp.Or(pressed.Get("title").Text(), pressed.Get("body").Text()), pressed.Get("id").Text()}
		if reply == "button_reply" || reply == "list_reply" {
			basis = "button"
		}
		return said, basis
	case "reaction":
		return saying{text: content.Get("emoji").Text()}, ""
	case "order":
		return saying{text: content.Get("text").Text()}, ""
	}
	return saying{text: content.Get("caption").Text()}, ""
}

func answered(o lenient.Object) *webhook.Context {
	c := webhook.Context{Message: o.Get("id").Text(), From: o.Get("from").Text()}
	if c == (webhook.Context{}) {
		return nil
	}
	return &c
}

func referral(o lenient.Object) *webhook.Referral {
	r := webhook.Referral{
		Type: o.Get("source_type").Text(), ID: o.Get("source_id").Text(), URL: o.Get("source_url").Text(),
		Headline: o.Get("headline").Text(), Click: o.Get("ctwa_clid").Text(),
	}
	if r == (webhook.Referral{}) {
		return nil
	}
	return &r
}
