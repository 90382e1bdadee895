package meta

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

// Fields about conversations that somebody else handles, and about calls.
const (
	standbyField = "standby"
	callsField   = "calls"
)

// itemLists are the members of a value about messages that hold items: each is of something else, and Meta puts them
// together as it likes.
var itemLists = []string{
	"messages", "statuses", "message_echoes", "calls", "groups", "state_sync", "history", "user_id_update", "automatic_events", "events", "errors",
}

// traffic makes the events of each item of a change about messages. An item that is not understood is known by itself all
// the same, in whatever company it comes again.
func (c Change) traffic() []webhook.Event {
	value, reason := c.Value.Object()
	c.Phone = valuePhone(c, value)
	t := traffic{Change: c, value: value, inside: value, scope: cmp.Or(c.Phone.ID, c.Phone.Number)}
	if id := value.Object("metadata").Get("phone_number_id"); !id.Missing() && !webhook.ValidID(id.Text()) {
		t.reason = badPhone
	}
	if copies := value.Object(standbyField); c.Field == standbyField && len(copies) > 0 {
		if t.count(); t.items > 0 { // neither must hide the other
			return []webhook.Event{c.Unrecognized(unknownEvent)}
		}
		t.inside, t.nested = copies, true
	}
	t.count()
	switch {
	case t.items > mostElements:
		return []webhook.Event{c.Unrecognized(tooMany)}
	case t.items == 0:
		return []webhook.Event{c.Unrecognized(cmp.Or(reason, noItems))}
	case t.items > 1 && !t.understood && !t.apart(): // it stays whole
		return []webhook.Event{c.Unrecognized(unknownField)}
	}
	t.events = make([]webhook.Event, 0, t.items)
	for _, list := range itemLists {
		read := itemsOf(t.Field, list)
		for element := range t.list(list).Elements() {
			t.add(list, element, read)
		}
	}
	for _, list := range t.unknown {
		for element := range list.Value.Elements() {
			t.add(list.Name.Text(), element, nil)
		}
	}
	return t.events
}

// traffic is a change about messages while its items are read.
type traffic struct {
	Change
	value      lenient.Object
	inside     lenient.Object   // what the items are in: the value, or a member of it
	nested     bool             // it is a member
	scope      string           // the number, as natural keys name it: two of our own may speak of one message
	items      int              // how many there are
	understood bool             // somebody reads some of them
	unknown    []lenient.Member // lists of other items, beside those that are understood
	callErrors lenient.Value    // of the only call: they are beside it
	reason     string           // why none of them can be understood, or nothing

	people  *contacts // nil until somebody asks
	wrapped *wrapper  // nil until something is not understood; wrapOK says whether it can be used then
	wrapOK  bool
	flaws   lenient.Flaws
	events  []webhook.Event
}

// An itemReader adds the events of an item whose JSON is sound to those of the change. It is given what is common to all
// of them, the natural key of the item included. The reason is empty unless the item is not understood; then nothing was
// added.
type itemReader func(t *traffic, e webhook.Event, item lenient.Object, element lenient.Value) (reason string)

// itemsOf finds the reader of a list of a field; nil if nobody understands its items.
func itemsOf(field, list string) itemReader {
	if list == "errors" {
		return readProblem
	}
	switch field {
	case messagesField:
		switch list {
		case "messages":
			return readMessage
		case "statuses":
			return readStatus
		}
	case standbyField:
		switch list {
		case "messages":
			return readCopy
		case "message_echoes":
			return readEcho(webhook.MessageStandby)
		case "statuses":
			return readStatus
		}
	case "message_echoes", "smb_message_echoes":
		if list == "message_echoes" {
			return readEcho(webhook.MessageEchoed)
		}
	case callsField:
		switch list {
		case "calls":
			return readCall
		case "statuses":
			return readCallStatus
		}
	case "history":
		switch list {
		case "history":
			return readChunk
		case "messages", "message_echoes":
			return readOldMessage
		}
	case "smb_app_state_sync":
		if list == "state_sync" {
			return readSync
		}
	case "user_id_update":
		if list == "user_id_update" {
			return readUserID
		}
	case "automatic_events":
		if list == "automatic_events" {
			return readAutomatic
		}
	case "tracking_events":
		if list == "events" {
			return readTracking
		}
	}
	if list == "groups" && strings.HasPrefix(field, "group_") {
		return readGroup
	}
	return nil
}

// count counts the items, and looks at how they are to be read.
func (t *traffic) count() {
	if t.Field == callsField && len(t.list("calls").UpTo(2)) == 1 {
		t.callErrors = t.inside.Get("errors")
	}
	for _, list := range itemLists {
		before := t.items
		for range t.list(list).Elements() {
			t.items++
		}
		t.understood = t.understood || t.items > before && itemsOf(t.Field, list) != nil
	}
	if !t.understood {
		return
	}
	for _, member := range t.inside { // what is understood must not hide what is not
		if t.isUnknown(member) {
			t.unknown = append(t.unknown, member)
			for range member.Value.Elements() {
				t.items++
			}
		}
	}
}

// isUnknown reports whether a member is a list of items that nobody has heard of.
func (t *traffic) isUnknown(member lenient.Member) bool {
	return !slices.ContainsFunc(itemLists, member.Is) && isList(member) // in this order: known lists are long
}

// isList reports whether a member is a list of items.
func isList(member lenient.Member) bool {
	if member.Is("contacts") {
		return false
	}
	first := member.Value.UpTo(1)
	return len(first) == 1 && first[0][0] == '{'
}

// list finds the items of a kind.
func (t *traffic) list(name string) lenient.Value {
	if name == "errors" && t.callErrors != nil {
		return nil
	}
	return asList(t.inside.Get(name))
}

// asList makes a list of a single item that is in none: so sent, it would vanish beside those that are in one.
func asList(v lenient.Value) lenient.Value {
	if len(v) == 0 || v[0] != '{' {
		return v
	}
	return slices.Concat(lenient.Value{'['}, v, lenient.Value{']'})
}

func (t *traffic) add(list string, element lenient.Value, read itemReader) {
	item, reason := element.Object()
	e := webhook.Event{Field: t.Field, Account: t.Account, Phone: t.Phone, Time: item.Get("timestamp").Time(), Test: t.Test}
	if e.Time.IsZero() && list == "state_sync" {
		e.Time = item.Object("metadata").Get("timestamp").Time()
	}
	if e.Time.IsZero() {
		e.Time = t.Time
	}
	e.Key = t.itemKey(list, item, element, e.Time)
	reason = cmp.Or(reason, t.reason)
	switch {
	case read == nil:
		reason = unknownField
	case reason == "":
		// A chunk of history is passed on as it came: what is wrong with one of its messages is not of the others.
		if list != "history" {
			reason = t.flaws.Of(element)
		}
		if reason == "" {
			reason = read(t, e, item, element)
		}
	}
	if reason != "" {
		t.events = append(t.events, e.Unrecognized(reason, t.around(list, element, item)))
		if list == "calls" && t.items > 1 {
			t.callErrors = nil // nobody has told them: they are read for themselves, after the calls
		}
	}
}

// around is the change with one item only, or that item if the change cannot be taken apart.
func (t *traffic) around(list string, element lenient.Value, item lenient.Object) lenient.Value {
	switch {
	case t.items == 1:
		return t.Element
	case t.apart():
		return t.wrapped.around(list, element, item)
	}
	return element
}

// apart reports whether the change can be taken apart, and does so the first time.
func (t *traffic) apart() bool {
	if t.wrapped == nil {
		w, ok := t.wrapper()
		t.wrapped, t.wrapOK = &w, ok
	}
	return t.wrapOK
}

// contacts are those of the value.
func (t *traffic) contacts() contacts {
	if t.people == nil {
		people := contactsOf(t.inside)
		t.people = &people
	}
	return *t.people
}

// orOnly is the person that an item names or, where the only item names nobody, the only contact beside it: of people with a
// username, resellers tell the id only there.
func (t *traffic) orOnly(contact webhook.Contact) webhook.Contact {
	if contact == (webhook.Contact{}) && t.items == 1 && len(t.contacts().all) == 1 {
		return t.contacts().all[0].Contact
	}
	return contact
}

// beside is a member that is beside the items, if it is short enough to be repeated with each.
func (t *traffic) beside(name string) lenient.Value {
	v := t.inside.Get(name)
	if len(v) > mostAround {
		return nil
	}
	return v
}

// itemKey is the natural key of an item, or "" if it has none, like an error of the account, which recurs.
func (t *traffic) itemKey(list string, item lenient.Object, element lenient.Value, at time.Time) string {
	switch list {
	case "groups", "state_sync", "user_id_update", "events": // known by what they say and when: the same may happen again
		scope := cmp.Or(t.scope, t.Account)
		if scope == "" || at.IsZero() {
			return ""
		}
		return webhook.Key(t.Field, list, scope, strconv.FormatInt(at.UnixMilli(), 10), hash(lenient.Canonical(element)))
	case "history":
		if t.scope == "" {
			return ""
		}
		chunk := item.Object("metadata")
		// It may have 3 MB, so its members are not sorted.
		return webhook.Key(t.Field, list, t.scope, chunk.Get("phase").Text(), chunk.Get("chunk_order").Text(), hash(lenient.Compact(element)))
	}
	// A message, a status, an echo or a call that a business number sent or got. The time is not part of it: the same status
	// comes again with another. Group statuses share an id and differ in the participant.
	id := item.Get("id").Text()
	if id == "" {
		return Change{Field: webhook.Key(t.Field, list, t.scope), Account: t.Account, Time: t.Time, Value: element}.key()
	}
	participant := cmp.Or(item.Get("recipient_participant_user_id").Text(), item.Get("recipient_participant_id").Text(),
		item.Get("participant_recipient_id").Text())
	return webhook.Key(t.Field, list, t.scope, id, item.Get("status").Text(), item.Get("event").Text(), item.Get("event_name").Text(), participant)
}

// valuePhone is the business number of a value with metadata, as far as it is fit to name something.
func valuePhone(c Change, value lenient.Object) webhook.Phone {
	return phoneOf(c, value.Object("metadata"))
}

func phoneOf(c Change, named lenient.Object) webhook.Phone {
	phone := c.Phone
	if id := named.Get("phone_number_id").Text(); webhook.ValidID(id) {
		phone.ID = id
	}
	if number := lenient.Digits(named.Get("display_phone_number").Text()); webhook.ValidID(number) {
		phone.Number = number
	}
	return phone
}

// peopleOf reads the people of a list; not ok if one of them cannot be named.
func peopleOf(list lenient.Value) (people []webhook.Contact, ok bool) {
	for element := range list.Elements() {
		o, _ := element.Object()
		contact := contactOf(o)
		if contact == (webhook.Contact{}) {
			contact.WaID = contactNamed(o, "", "", "input").WaID // as it was asked for
		}
		if !validContact(contact) {
			return nil, false
		}
		if contact != (webhook.Contact{}) {
			people = append(people, contact)
		}
	}
	return people, true
}
