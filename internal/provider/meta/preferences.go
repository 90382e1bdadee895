package meta

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"holdfast/internal/webhook"
)

const preferencesField = "user_preferences"

// preferences makes an event of each item (Meta: user_preferences reference; Business-scoped user IDs). It has no
// entry.time: the items have a time each. It needs no account: a person stops messages of a number.
func (c Change) preferences() []webhook.Event {
	value, reason := c.Value.Object()
	if reason != "" {
		return []webhook.Event{c.Unrecognized(reason)}
	}
	phone := valuePhone(c, value)
	if id := value.Object("metadata")["phone_number_id"]; !id.Missing() && phone.ID == "" {
		return []webhook.Event{c.Unrecognized(badPhone)}
	}
	if phone == (webhook.Phone{}) {
		return []webhook.Event{c.Unrecognized(noPhone)}
	}
	c.Phone = phone
	items := value["user_preferences"].oneOrMany()
	if len(items) == 0 {
		return []webhook.Event{c.Unrecognized(incomplete)}
	}
	if len(items) > mostElements {
		return []webhook.Event{c.Unrecognized(tooMany)}
	}
	contacts := contactsOf(value)
	events := make([]webhook.Event, 0, len(items))
	for _, item := range items {
		events = append(events, c.preference(item, contacts, len(items) == 1))
	}
	return events
}

func (c Change) preference(element Value, contacts contacts, alone bool) webhook.Event {
	e := webhook.Event{Field: c.Field, Account: c.Account, Phone: c.Phone, Time: c.Time, Test: c.Test}
	if reason := flaw(element); reason != "" { // each item for itself: a bad one never harms its neighbours
		return Raw(e, reason, element)
	}
	item, reason := element.Object()
	if reason != "" {
		return Raw(e, reason, element)
	}
	if at := item["timestamp"].Time(); !at.IsZero() {
		e.Time = at
	}
	contact := contactOf(item)
	if contact == (webhook.Contact{}) && alone && len(contacts.all) == 1 {
		contact = contacts.all[0]
	}
	category, wish := item["category"].Text(), item["value"].Text()
	e.Key = preferenceKey(e, contact, category, wish)
	switch {
	case contact == webhook.Contact{}:
		return Raw(e, noUser, element)
	case !validUser(contact.UserID), !validUser(contact.ParentUserID), !validUser(contact.WaID):
		return Raw(e, badUser, element)
	case category != "marketing_messages":
		return Raw(e, unknownEvent, element)
	}
	switch wish {
	case "stop":
		e.Type = webhook.ContactMarketingStopped
	case "resume":
		e.Type = webhook.ContactMarketingResumed
	default:
		return Raw(e, unknownEvent, element)
	}
	e.Data = &webhook.Preference{Contact: contacts.complete(contact), Category: category, Basis: preferencesField, Detail: item["detail"].Text()}
	return e
}

// preferenceKey uses what the item itself says of the person, the business-scoped id first, because the number may be left
// out the next time.
func preferenceKey(e webhook.Event, contact webhook.Contact, category, wish string) string {
	phone, user := e.Phone.ID, contact.UserID
	if phone == "" {
		phone = e.Phone.Number
	}
	if user == "" {
		user = contact.WaID
	}
	if user == "" || e.Time.IsZero() {
		return ""
	}
	return Key(preferencesField, phone, user, category, wish, strconv.FormatInt(e.Time.UnixMilli(), 10))
}

func contactOf(o Object) webhook.Contact {
	return webhook.Contact{
		UserID:       o["user_id"].Text(),
		ParentUserID: o["parent_user_id"].Text(),
		WaID:         strings.TrimPrefix(strings.TrimSpace(o["wa_id"].Text()), "+"),
	}
}

// validUser bounds what names a person: printable characters, no slash. A business-scoped id is up to 135 characters
// long. Empty is valid.
func validUser(id string) bool {
	n := 0
	for _, r := range id {
		if n++; n > 160 || r == '/' || r == utf8.RuneError || !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// contacts is what a value says of the people in it.
type contacts struct {
	all  []webhook.Contact
	byID map[string]webhook.Contact
}

func contactsOf(value Object) contacts {
	found := contacts{byID: map[string]webhook.Contact{}}
	for element := range value["contacts"].Elements() {
		o, _ := element.Object()
		contact := contactOf(o)
		if !validUser(contact.UserID) || !validUser(contact.ParentUserID) || !validUser(contact.WaID) {
			continue
		}
		found.all = append(found.all, contact)
		found.byID[contact.UserID], found.byID[contact.WaID] = contact, contact
	}
	delete(found.byID, "")
	return found
}

// complete adds the other ids of the person, if the value tells them.
func (c contacts) complete(contact webhook.Contact) webhook.Contact {
	for _, id := range []string{contact.UserID, contact.WaID} {
		known, ok := c.byID[id]
		if !ok || contact.UserID != "" && known.UserID != "" && contact.UserID != known.UserID {
			continue
		}
		if contact.UserID == "" {
			contact.UserID = known.UserID
		}
		if contact.ParentUserID == "" {
			contact.ParentUserID = known.ParentUserID
		}
		if contact.WaID == "" {
			contact.WaID = known.WaID
		}
	}
	return contact
}
