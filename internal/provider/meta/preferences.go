package meta

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

const preferencesField = "user_preferences"

// marketing is the category of messages that people stop and resume.
const marketing = "marketing_messages"

// preferences makes an event of each item (Meta: user_preferences reference; Business-scoped user IDs). It has no
// entry.time: the items have a time each. It needs no account: a person stops messages of a number.
func (c Change) preferences() []webhook.Event {
	value, reason := c.Value.Object()
	if reason != "" {
		return []webhook.Event{c.Unrecognized(reason)}
	}
	phone := valuePhone(c, value)
	if id := value.Object("metadata").Get("phone_number_id"); !id.Missing() && phone.ID == "" {
		return []webhook.Event{c.Unrecognized(badPhone)}
	}
	if phone == (webhook.Phone{}) {
		return []webhook.Event{c.Unrecognized(noPhone)}
	}
	c.Phone = phone
	items := value.Get("user_preferences").OneOrMany()
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
	if slices.ContainsFunc(value, func(m lenient.Member) bool { return isList(m) && !m.Is(preferencesField) }) {
		events = append(events, c.Unrecognized(unknownField)) // what is understood must not hide what is not
	}
	return events
}

func (c Change) preference(element lenient.Value, contacts contacts, alone bool) webhook.Event {
	e := webhook.Event{Field: c.Field, Account: c.Account, Phone: c.Phone, Time: c.Time, Test: c.Test}
	if reason := lenient.Flaw(element); reason != "" { // each item for itself: a bad one never harms its neighbours
		return e.Unrecognized(reason, element)
	}
	item, reason := element.Object()
	if reason != "" {
		return e.Unrecognized(reason, element)
	}
	if at := item.Get("timestamp").Time(); !at.IsZero() {
		e.Time = at
	}
	contact := contactOf(item)
	if contact == (webhook.Contact{}) && alone && len(contacts.all) == 1 {
		contact = contacts.all[0].Contact
	}
	category, wish := item.Get("category").Text(), item.Get("value").Text()
	e.Key = preferenceKey(e, contact, category, wish)
	switch {
	case contact == webhook.Contact{}:
		return e.Unrecognized(noUser, element)
	case !validContact(contact):
		return e.Unrecognized(badUser, element)
	case category != marketing:
		return e.Unrecognized(unknownEvent, element)
	}
	switch wish {
	case "stop":
		e.Type = webhook.ContactMarketingStopped
	case "resume":
		e.Type = webhook.ContactMarketingResumed
	default:
		return e.Unrecognized(unknownEvent, element)
	}
	contact, _ = contacts.complete(contact)
	e.Data = &webhook.Preference{Contact: contact, Category: category, Basis: preferencesField, Detail: item.Get("detail").Text()}
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
	return webhook.Key(preferencesField, phone, user, category, wish, strconv.FormatInt(e.Time.UnixMilli(), 10))
}

func contactOf(o lenient.Object) webhook.Contact {
	return contactNamed(o, "user_id", "parent_user_id", "wa_id")
}

// contactNamed reads what names a person from members that are called differently wherever they are.
func contactNamed(o lenient.Object, user, parent, number string) webhook.Contact {
	return webhook.Contact{
		UserID:       o.Get(user).Text(),
		ParentUserID: o.Get(parent).Text(),
		WaID:         strings.TrimPrefix(strings.TrimSpace(o.Get(number).Text()), "+"),
	}
}

func validContact(c webhook.Contact) bool {
	return validUser(c.UserID) && validUser(c.ParentUserID) && validUser(c.WaID)
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
	all []person
	by  map[string]int // index in all by each id; nil if there are few
}

// A person is a contact with all that is said of it.
type person struct {
	webhook.Contact
	said lenient.Object
}

func contactsOf(value lenient.Object) contacts {
	var found contacts
	for element := range value.Get("contacts").Elements() {
		if len(element) > mostAround {
			continue // or every item could repeat what it says
		}
		o, _ := element.Object()
		if contact := contactOf(o); validContact(contact) {
			found.all = append(found.all, person{contact, o})
		}
	}
	if len(found.all) <= 4 {
		return found
	}
	found.by = make(map[string]int, 2*len(found.all))
	for i, p := range found.all {
		found.by[p.UserID], found.by[p.WaID] = i, i
	}
	return found
}

// find returns who has an id: the last, if several say so.
func (c contacts) find(id string) (person, bool) {
	if id == "" {
		return person{}, false
	}
	if c.by != nil {
		i, ok := c.by[id]
		if !ok {
			return person{}, false
		}
		return c.all[i], true
	}
	for _, p := range slices.Backward(c.all) {
		if p.UserID == id || p.WaID == id {
			return p, true
		}
	}
	return person{}, false
}

// complete adds the other ids of the person, if the value tells them, and returns what else it says of the person.
func (c contacts) complete(contact webhook.Contact) (_ webhook.Contact, said lenient.Object) {
	for _, id := range [...]string{contact.UserID, contact.WaID} {
		known, ok := c.find(id)
		if !ok || contact.UserID != "" && known.UserID != "" && contact.UserID != known.UserID {
			continue
		}
		contact.UserID = cmp.Or(contact.UserID, known.UserID)
		contact.ParentUserID = cmp.Or(contact.ParentUserID, known.ParentUserID)
		contact.WaID = cmp.Or(contact.WaID, known.WaID)
		if said == nil {
			said = known.said
		}
	}
	return contact, said
}
