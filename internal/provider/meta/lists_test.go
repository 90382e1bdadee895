package meta_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"holdfast/internal/provider/providertest"
	"holdfast/internal/webhook"
)

// What is in no list where one is expected is the only item of it: it does not disappear beside others, and is no other event
// than in a list.
func TestItemInNoList(t *testing.T) {
	const message = `{"id":"m","from":"1","timestamp":"1790005100","type":"text","text":{"body":"hello"}}`
	var keys []string
	for _, body := range []string{
		messages(`"messages":` + message + `,"statuses":[` + sent + `]`), messages(`"statuses":[` + sent + `],"messages":[` + message + `]`),
	} {
		events := known(t, "secret").Normalize([]byte(body), received)
		if len(events) != 2 || events[0].Type != webhook.MessageReceived || events[1].Type != webhook.MessageSent {
			t.Fatalf("%+v", events)
		}
		keys = append(keys, events[0].Key)
	}
	if keys[0] != keys[1] {
		t.Errorf("keys %q", keys)
	}
	const strange = `"reactions":[{"id":"1"},{"id":"2"}],"message_echoes":{"id":"9"}`
	for _, e := range known(t, "secret").Normalize([]byte(messages(strange+`,"statuses":[`+sent+`]`)), received) {
		raw, ok := e.Data.(*webhook.Raw)
		if ok && (!json.Valid(raw.Value) || strings.Count(string(raw.Value), `"message_echoes"`) > 1) {
			t.Errorf("%s", raw.Value)
		}
	}
}

// What is beside preferences is not understood there, but does not disappear.
func TestItemsBesidePreferences(t *testing.T) {
	body := about("user_preferences", `{"metadata":{"phone_number_id":"4"},"contacts":[{"wa_id":"1"}],"errors":[{"code":1}],"user_preferences":[{"wa_id":"1","category":"marketing_messages","value":"stop","timestamp":1790003000}]}`)
	events := known(t, "secret").Normalize(body, received)
	if len(events) != 2 || events[0].Type != webhook.ContactMarketingStopped {
		t.Fatalf("%+v", events)
	}
	if raw, ok := events[1].Data.(*webhook.Raw); !ok || !strings.Contains(string(raw.Value), `"errors"`) {
		t.Errorf("%+v", events[1].Data)
	}
}

// A list that nobody has heard of does not disappear beside those that are understood, and harms none of them.
func TestUnknownListBesideKnown(t *testing.T) {
	const beside = `"contacts":[{"wa_id":"1"},{"wa_id":"2"}],"tags":["a"],"none":[],"reviews":[{"id":"r1","from":"1","stars":5},{"id":"r2"}]`
	for field, around := range map[string]string{"messages": `%s,%s`, "standby": `"standby":{%s,%s}`} {
		of := func(items string) []byte {
			return about(field, `{"metadata":{"phone_number_id":"4"},`+fmt.Sprintf(around, beside, items)+`}`)
		}
		body := of(`"statuses":[` + sent + `]`)
		events := known(t, "secret").Normalize(body, received)
		providertest.Check(t, body, events)
		if len(events) != 3 || events[0].Type != webhook.MessageSent || events[1].Key == "" || events[1].Key == events[2].Key {
			t.Fatalf("%s: %+v", field, events)
		}
		for i, id := range []string{"r1", "r2"} {
			raw, ok := events[1+i].Data.(*webhook.Raw)
			if !ok || !strings.Contains(string(raw.Value), `"reviews":[{"id":"`+id+`"`) || strings.Contains(string(raw.Value), "statuses") || !strings.Contains(string(raw.Value), `"phone_number_id":"4"`) {
				t.Errorf("%s: %s is told as %+v", field, id, events[1+i].Data)
			}
		}
	}
}
