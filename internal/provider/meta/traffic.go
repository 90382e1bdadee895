package meta

import (
	"cmp"

	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

// itemLists are the members of a value about messages that hold items: each is of something else, and Meta puts them
// together as it likes.
var itemLists = []string{"messages", "statuses", "message_echoes", "calls", "automatic_events", "errors"}

// traffic makes the events of each item of a change about messages. An item that is not understood is known by itself all
// the same, in whatever company it comes again. A chunk of history is one, known by what it says, its phase and order
// included.
func (c Change) traffic() []webhook.Event {
	value, reason := c.Value.Object()
	c.Phone = valuePhone(c, value)
	t := traffic{Change: c, value: value, scope: cmp.Or(c.Phone.ID, c.Phone.Number)}
	if id := value.Object("metadata").Get("phone_number_id"); !id.Missing() && !webhook.ValidID(id.Text()) {
		t.reason = badPhone
	}
	if c.Field == "history" {
		whole := c.Unrecognized(unknownField)
		whole.Key = ""
		if t.scope != "" {
			whole.Key = webhook.Key(c.Field, t.scope, hash(lenient.Canonical(c.Value)))
		}
		return []webhook.Event{whole}
	}
	for _, list := range itemLists {
		for range value.Get(list).Elements() {
			t.items++
		}
	}
	switch {
	case t.items > mostElements:
		return []webhook.Event{c.Unrecognized(tooMany)}
	case t.items == 0:
		return []webhook.Event{c.Unrecognized(cmp.Or(reason, noItems))}
	case c.Field != messagesField && t.items > 1 && !t.apart(): // nothing of it is understood: it stays whole
		return []webhook.Event{c.Unrecognized(unknownField)}
	}
	t.events = make([]webhook.Event, 0, t.items)
	for _, list := range itemLists {
		read := t.reader(list)
		for element := range value.Get(list).Elements() {
			t.add(list, element, read)
		}
	}
	return t.events
}

// traffic is a change about messages while its items are read.
type traffic struct {
	Change
	value  lenient.Object
	scope  string // the number, as natural keys name it: two of our own may speak of one message
	items  int    // how many there are
	reason string // why none of them can be understood, or nothing

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

// reader finds the reader of a list; nil if nobody understands its items.
func (t *traffic) reader(list string) itemReader {
	if t.Field != messagesField {
		return nil
	}
	switch list {
	case "statuses":
		return readStatus
	case "messages":
		return readMessage
	}
	return nil
}

func (t *traffic) add(list string, element lenient.Value, read itemReader) {
	item, reason := element.Object()
	e := webhook.Event{Field: t.Field, Account: t.Account, Phone: t.Phone, Time: item.Get("timestamp").Time(), Test: t.Test}
	if e.Time.IsZero() {
		e.Time = t.Time
	}
	if e.Key = t.itemKey(list, item); e.Key == "" {
		e.Key = Change{Field: webhook.Key(t.Field, list, t.scope), Account: t.Account, Time: t.Time, Value: element}.key()
	}
	reason = cmp.Or(reason, t.reason)
	switch {
	case read == nil:
		reason = unknownField
	case reason == "":
		if reason = t.flaws.Of(element); reason == "" {
			reason = read(t, e, item, element)
		}
	}
	if reason != "" {
		t.events = append(t.events, e.Unrecognized(reason, t.around(list, element, item)))
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
		w, ok := t.wrapper(t.value)
		t.wrapped, t.wrapOK = &w, ok
	}
	return t.wrapOK
}

// contacts are those of the value.
func (t *traffic) contacts() contacts {
	if t.people == nil {
		people := contactsOf(t.value)
		t.people = &people
	}
	return *t.people
}

// itemKey is the natural key of a message, a status, an echo or a call that a business number sent or got, or "" if it
// has no id, like an error of the account, which recurs. The time is not part of it: the same status comes again with
// another. Group statuses share an id and differ in the participant.
func (t *traffic) itemKey(list string, item lenient.Object) string {
	id := item.Get("id").Text()
	if id == "" {
		return ""
	}
	participant := cmp.Or(item.Get("recipient_participant_user_id").Text(), item.Get("recipient_participant_id").Text(),
		item.Get("participant_recipient_id").Text())
	return webhook.Key(t.Field, list, t.scope, id, item.Get("status").Text(), item.Get("event").Text(), item.Get("event_name").Text(), participant)
}

// valuePhone is the business number of a value with metadata, as far as it is fit to name something.
func valuePhone(c Change, value lenient.Object) webhook.Phone {
	metadata := value.Object("metadata")
	phone := c.Phone
	if id := metadata.Get("phone_number_id").Text(); webhook.ValidID(id) {
		phone.ID = id
	}
	if number := lenient.Digits(metadata.Get("display_phone_number").Text()); webhook.ValidID(number) {
		phone.Number = number
	}
	return phone
}
