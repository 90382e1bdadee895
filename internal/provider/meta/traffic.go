package meta

import (
	"time"

	"holdfast/internal/webhook"
)

// traffic is what can be said of a change about messages without understanding it.
type traffic struct {
	key   string
	phone webhook.Phone
	time  time.Time // of the first item
}

// trafficOf looks at the items of a change about messages. The keys of its items are the key of the change, if all have
// one; an error of the account stands for itself, and recurs, so a change with one has none. A chunk of history is known
// by what it says, its phase and order included.
func trafficOf(c Change) traffic {
	value, _ := c.Value.Object()
	t := traffic{phone: valuePhone(c, value)}
	scope := t.phone.ID
	if scope == "" {
		scope = t.phone.Number
	}
	if c.Field == "history" {
		if scope != "" {
			t.key = Key(c.Field, scope, hash(canonical(c.Value)))
		}
		return t
	}
	var keys []string
	complete := value["errors"].Missing()
	for _, list := range []string{"messages", "statuses", "message_echoes", "calls", "automatic_events"} {
		for element := range value[list].Elements() {
			item, _ := element.Object()
			if t.time.IsZero() {
				t.time = item["timestamp"].Time()
			}
			key := ItemKey(list, scope, item)
			keys = append(keys, key)
			complete = complete && key != ""
		}
	}
	switch {
	case !complete || len(keys) == 0:
		t.key = c.key()
	case len(keys) == 1:
		t.key = Key(c.Field, keys[0])
	default:
		t.key = Key(c.Field, "items", hash([]byte(Key(keys...))))
	}
	return t
}

// ItemKey is the natural key of a message, a status, an echo or a call that a business number sent or got, or "" if it has
// no id. The time is not part of it: the same status comes again with another. Scope is the number: two of our own may
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
