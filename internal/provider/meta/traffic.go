package meta

import "holdfast/internal/webhook"

// itemLists are the members of a value about messages that hold items: each is of something else, and Meta puts them
// together as it likes.
var itemLists = []string{"messages", "statuses", "message_echoes", "calls", "automatic_events", "errors"}

// traffic makes an event of each item of a change about messages. None is understood, but each is known by itself, in
// whatever company it comes again. A chunk of history is one, known by what it says, its phase and order included.
func (c Change) traffic() []webhook.Event {
	value, _ := c.Value.Object()
	c.Phone = valuePhone(c, value)
	scope := c.Phone.ID
	if scope == "" {
		scope = c.Phone.Number
	}
	whole := c.Unrecognized(unknownField)
	if c.Field == "history" {
		whole.Key = ""
		if scope != "" {
			whole.Key = Key(c.Field, scope, hash(canonical(c.Value)))
		}
		return []webhook.Event{whole}
	}
	items := 0
	for _, list := range itemLists {
		for range value[list].Elements() {
			items++
		}
	}
	if items > mostElements {
		return []webhook.Event{c.Unrecognized(tooMany)}
	}
	if items == 0 {
		return []webhook.Event{whole}
	}
	var w wrapper
	if items > 1 {
		var ok bool
		if w, ok = wrapperOf(c.Element, value); !ok {
			return []webhook.Event{whole}
		}
	}
	events := make([]webhook.Event, 0, items)
	for _, list := range itemLists {
		for element := range value[list].Elements() {
			item, _ := element.Object()
			e := webhook.Event{Field: c.Field, Account: c.Account, Phone: c.Phone, Time: item["timestamp"].Time(), Test: c.Test}
			if e.Time.IsZero() {
				e.Time = c.Time
			}
			if key := ItemKey(list, scope, item); key != "" {
				e.Key = Key(c.Field, key)
			} else {
				e.Key = Change{Field: Key(c.Field, list, scope), Account: c.Account, Time: c.Time, Value: element}.key()
			}
			around := c.Element
			if items > 1 {
				around = w.around(list, element, item)
			}
			events = append(events, Raw(e, unknownField, around))
		}
	}
	return events
}

// ItemKey is the natural key of a message, a status, an echo or a call that a business number sent or got, or "" if it has
// no id, like an error of the account, which recurs. The time is not part of it: the same status comes again with another. Scope is the number: two of our own may
// speak of one message. Group statuses share an id and differ in the participant.
func ItemKey(list, scope string, item Object) string {
	id := item["id"].Text()
	if id == "" {
		return ""
	}
	participant := item["recipient_participant_user_id"].Text()
	if participant == "" {
		participant = item["recipient_participant_id"].Text()
	}
	if participant == "" {
		participant = item["participant_recipient_id"].Text()
	}
	return Key(list, scope, id, item["status"].Text(), item["event"].Text(), item["event_name"].Text(), participant)
}

// valuePhone is the business number of a value with metadata, as far as it is fit to name something.
func valuePhone(c Change, value Object) webhook.Phone {
	metadata := value.Object("metadata")
	phone := c.Phone
	if id := metadata["phone_number_id"].Text(); ValidID(id) {
		phone.ID = id
	}
	if number := Digits(metadata["display_phone_number"].Text()); ValidID(number) {
		phone.Number = number
	}
	return phone
}
