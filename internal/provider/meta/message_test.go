package meta_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/optout"
	"holdfast/internal/provider/meta"
	"holdfast/internal/provider/providertest"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

// understand returns the types of the events of a change about messages, in their order, and what they carry.
func understand(t *testing.T, p *meta.Provider, items string) (types []webhook.Type, events []webhook.Event) {
	t.Helper()
	body := []byte(messages(items))
	events = p.Normalize(body, received)
	providertest.Check(t, body, events)
	for _, e := range events {
		types = append(types, e.Type)
	}
	return types, events
}

func TestStatuses(t *testing.T) {
	ada := webhook.Contact{UserID: "US.7", WaID: "15550100077"}
	tests := []struct {
		name, contacts, status string
		want                   webhook.Type
		data                   any
	}{
		{"sent", `[]`, `{"id":"m","status":"sent","recipient_id":"15550100077"}`, webhook.MessageSent, &webhook.MessageStatus{Message: "m", Recipient: webhook.Contact{WaID: "15550100077"}}},
		{"delivered", `[]`, `{"id":"m","status":"delivered"}`, webhook.MessageDelivered, &webhook.MessageStatus{Message: "m"}},
		{"read", `[]`, `{"id":"m","status":"read"}`, webhook.MessageRead, &webhook.MessageStatus{Message: "m"}},
		{"played", `[]`, `{"id":"m","status":"played"}`, webhook.MessagePlayed, &webhook.MessageStatus{Message: "m"}},
		{"deleted", `[]`, `{"id":"m","status":"deleted"}`, webhook.MessageDeleted, &webhook.MessageStatus{Message: "m"}},
		{"warning", `[]`, `{"id":"m","status":"warning","errors":[{"code":131051,"message":"t"}]}`, webhook.MessageWarned, &webhook.MessageStatus{Message: "m", Errors: []webhook.MessageError{{Code: "131051", Title: "t"}}}},
		{
			"failed, with a code in quotes", `[]`, `{"id":"m","status":"failed","errors":[{"code":"131026","title":"t","message":"t","error_data":{"details":"d"},"href":"h"},7,{"code":1}]}`,
			webhook.MessageFailed, &webhook.MessageStatus{Message: "m", Errors: []webhook.MessageError{{Code: "131026", Title: "t", Details: "d", Advice: webhook.OtherChannel}, {Code: "1", Advice: webhook.RetryLater}}},
		},
		{"failed, one error", `[]`, `{"id":"m","status":"failed","errors":{"code":250,"message":"t","details":"d"}}`, webhook.MessageFailed, &webhook.MessageStatus{Message: "m", Errors: []webhook.MessageError{{Code: "250", Title: "t", Details: "d", Advice: webhook.FixAccount}}}},
		{"failed, who knows why", `[]`, `{"id":"m","status":"failed","errors":null}`, webhook.MessageFailed, &webhook.MessageStatus{Message: "m"}},
		{"by id", `[{"user_id":"US.7","wa_id":"15550100077"}]`, `{"id":"m","status":"sent","recipient_user_id":"US.7","parent_recipient_user_id":"US.ENT.9"}`, webhook.MessageSent, &webhook.MessageStatus{Message: "m", Recipient: webhook.Contact{UserID: "US.7", ParentUserID: "US.ENT.9", WaID: "15550100077"}}},
		{"by number, as text with a plus", `[{"user_id":"US.7","wa_id":15550100077}]`, `{"id":"m","status":"sent","recipient_id":"+15550100077"}`, webhook.MessageSent, &webhook.MessageStatus{Message: "m", Recipient: ada}},
		{"one of many", `[{"wa_id":"1"},{"wa_id":"2"},{"wa_id":"3"},{"wa_id":"4"},{"user_id":"US.7","wa_id":"15550100077"}]`, `{"id":"m","status":"sent","recipient_user_id":"US.7"}`, webhook.MessageSent, &webhook.MessageStatus{Message: "m", Recipient: ada}},
		{"of a group", `[]`, `{"id":"m","status":"read","recipient_id":"G1","recipient_type":"group","recipient_participant_id":"1","recipient_participant_user_id":"US.1"}`, webhook.MessageRead, &webhook.MessageStatus{Message: "m", Group: "G1", Recipient: webhook.Contact{UserID: "US.1", WaID: "1"}}},
		{"of a group, the other name", `[]`, `{"id":"m","status":"read","recipient_id":"G1","participant_recipient_id":"1"}`, webhook.MessageRead, &webhook.MessageStatus{Message: "m", Group: "G1", Recipient: webhook.Contact{WaID: "1"}}},
		{"of a group as a whole", `[]`, `{"id":"m","status":"sent","recipient_id":"G1","recipient_type":"group"}`, webhook.MessageSent, &webhook.MessageStatus{Message: "m", Group: "G1"}},
		{
			"charged", `[]`, `{"id":"m","status":"sent","biz_opaque_callback_data":"order 7","conversation":{"id":"c","expiration_timestamp":"1790005000","origin":{"type":"marketing"}},"pricing":{"billable":false,"pricing_model":"PMP","type":"regular","category":"marketing"}}`,
			webhook.MessageSent, &webhook.MessageStatus{
				Message: "m", Callback: "order 7", Conversation: &webhook.Conversation{ID: "c", Origin: "marketing", Expires: time.Unix(1790005000, 0).UTC()},
				Pricing: &webhook.Pricing{Billable: new(false), Model: "PMP", Type: "regular", Category: "marketing"},
			},
		},
		{"of a group, charged as a whole", `[]`, `{"id":"m","status":"read","recipient_id":"G1","recipient_type":"group","recipient_participant_user_id":"US.1","recipient_participant_parent_user_id":"US.ENT.1","conversation":{"id":"c","pricing":{"category":"group_service"}}}`, webhook.MessageRead, &webhook.MessageStatus{Message: "m", Group: "G1", Recipient: webhook.Contact{UserID: "US.1", ParentUserID: "US.ENT.1"}, Conversation: &webhook.Conversation{ID: "c"}, Pricing: &webhook.Pricing{Category: "group_service"}}},
		{"parent id, the other name", `[]`, `{"id":"m","status":"sent","recipient_user_id":"US.7","recipient_parent_user_id":"US.ENT.9","recipient_identity_key_hash":"h"}`, webhook.MessageSent, &webhook.MessageStatus{Message: "m", Recipient: webhook.Contact{UserID: "US.7", ParentUserID: "US.ENT.9"}, IdentityHash: "h"}},
		{
			"with costs", `[]`, `{"id":"m","status":"sent","costs":[{"currency":"USD","price":0.10,"foreign_price":"0.09","cdr_type":"marketing","message_id":"m","direction":1},7,{}]}`,
			webhook.MessageSent, &webhook.MessageStatus{Message: "m", Costs: []webhook.Cost{{Currency: "USD", Price: "0.10", ForeignPrice: "0.09", Type: "marketing", Direction: "1"}}},
		},
		{"members of other kinds", `7`, `{"id":"m","status":"sent","conversation":[],"pricing":"free","costs":"none","errors":7,"biz_opaque_callback_data":{},"recipient_id":["1"],"recipient_type":1}`, webhook.MessageSent, &webhook.MessageStatus{Message: "m"}},
		{"by the sender's id", `[]`, `{"id":"order-7","meta_message_id":"wamid.1","status":"sent"}`, webhook.MessageSent, &webhook.MessageStatus{Message: "order-7", Wamid: "wamid.1"}},
		{"no id", `[]`, `{"status":"sent"}`, webhook.Unrecognized, "members missing or malformed"},
		{"no status", `[]`, `{"id":"m"}`, webhook.Unrecognized, "unknown event"},
		{"another status", `[]`, `{"id":"m","status":"SENT"}`, webhook.Unrecognized, "unknown event"},
		{"nobody's id", `[]`, `{"id":"m","status":"sent","recipient_user_id":"a/b"}`, webhook.Unrecognized, "malformed user id"},
		{"no object", `[]`, `7`, webhook.Unrecognized, "not an object"},
		{"repeated name", `[]`, `{"id":"m","status":"sent","status":"read"}`, webhook.Unrecognized, "repeated member name"},
		{"repeated name within", `[]`, `{"id":"m","status":"sent","x":{"a":1,"a":2}}`, webhook.Unrecognized, "repeated member name"},
		{"nested deeply", `[]`, `{"id":"m","status":"sent","x":` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + `}`, webhook.Unrecognized, "nested too deeply"},
		{"invalid UTF-8", `[]`, "{\"id\":\"m\",\"status\":\"sent\",\"x\":\"\xff\"}", webhook.Unrecognized, "invalid UTF-8"},
	}
	const neighbour = `{"id":"n","status":"sent"}`
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, events := understand(t, known(t, "secret"), `"contacts":`+test.contacts+`,"statuses":[`+neighbour+`,`+test.status+`,`+neighbour+`]`)
			if len(events) != 3 || events[0].Type != webhook.MessageSent || events[2].Type != webhook.MessageSent {
				t.Fatalf("%d events, want the one between its neighbours", len(events))
			}
			e := events[1]
			got := e.Data
			if raw, ok := got.(*webhook.Raw); ok {
				got = raw.Reason
			}
			if diff := cmp.Diff(test.data, got); diff != "" || e.Type != test.want {
				t.Errorf("%s: %s", e.Type, diff)
			}
			if e.Phone != (webhook.Phone{ID: "400100", Number: "15550100001"}) || e.Account != "300100200" {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestMessages(t *testing.T) {
	tests := []struct {
		name, message string
		want          webhook.Message // without id, type and raw
		reason        string
	}{
		{"text", `"type":"text","text":{"body":"Hi"}`, webhook.Message{Text: "Hi"}, ""},
		{"escaped", `"type":"text","text":{"body":"caf\u00e9 \ud83d\udc4d a\/b"}`, webhook.Message{Text: "café 👍 a/b"}, ""},
		{"half of a letter", `"type":"text","text":{"body":"\ud83d"}`, webhook.Message{Text: "\ufffd"}, ""},
		{"caption", `"type":"image","image":{"id":"1","caption":"Look"}`, webhook.Message{Text: "Look"}, ""},
		{"no caption", `"type":"audio","audio":{"id":"1"}`, webhook.Message{}, ""},
		{"button", `"type":"button","button":{"text":"Yes","payload":"YES_7"},"context":{"from":"1","id":"m"}`, webhook.Message{Text: "Yes", Payload: "YES_7", Context: &webhook.Context{Message: "m", From: "1"}}, ""},
		{"button reply", `"type":"interactive","interactive":{"type":"button_reply","button_reply":{"id":"7","title":"Yes"}}`, webhook.Message{Text: "Yes", Payload: "7"}, ""},
		{"list reply", `"type":"interactive","interactive":{"type":"list_reply","list_reply":{"id":"7","title":"Yes","description":"x"}}`, webhook.Message{Text: "Yes", Payload: "7"}, ""},
		{"flow reply", `"type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"name":"flow","body":"Sent","response_json":"{}"}}`, webhook.Message{Text: "Sent", Payload: "{}"}, ""},
		{"asked to be called", `"type":"interactive","interactive":{"type":"call_permission_reply","call_permission_reply":{"response":"accept"}}`, webhook.Message{Payload: "accept"}, ""},
		{"product", `"type":"interactive","interactive":{"type":"product","product":{"product_retailer_id":"7"}}`, webhook.Message{Payload: "7"}, ""},
		{"about a product", `"type":"text","text":{"body":"Hi"},"context":{"referred_product":{"product_retailer_id":"7"}}`, webhook.Message{Text: "Hi", Context: &webhook.Context{Product: "7"}}, ""},
		{"place", `"type":"location","location":{"latitude":1,"longitude":2,"address":"Berlin"}`, webhook.Message{Text: "Berlin"}, ""},
		{"contacts", `"type":"contacts","contacts":[{"name":{"formatted_name":"Grace"}},7,{"name":[]},{"name":{"formatted_name":"Alan"}}]`, webhook.Message{Text: "Grace, Alan"}, ""},
		{"with a hash", `"type":"text","text":{"body":"Hi"},"identity":{"hash":"h"}`, webhook.Message{Text: "Hi", IdentityHash: "h"}, ""},
		{"reaction", `"type":"reaction","reaction":{"message_id":"m","emoji":"👍"}`, webhook.Message{Text: "👍", Context: &webhook.Context{Message: "m"}}, ""},
		{"reaction taken back", `"type":"reaction","reaction":{"message_id":"m"}`, webhook.Message{Context: &webhook.Context{Message: "m"}}, ""},
		{"order", `"type":"order","order":{"catalog_id":"1","text":"Soon, please","product_items":[]}`, webhook.Message{Text: "Soon, please"}, ""},
		{"forwarded", `"type":"text","text":{"body":"Hi"},"context":{"forwarded":true}`, webhook.Message{Text: "Hi"}, ""},
		{"in a group", `"type":"text","text":{"body":"Hi"},"group_id":"G1"`, webhook.Message{Text: "Hi", Group: "G1"}, ""},
		{"advertised", `"type":"text","text":{"body":"Hi"},"referral":{"source_type":"ad","source_id":"1","source_url":"u","headline":"h","ctwa_clid":"c"}`, webhook.Message{Text: "Hi", Referral: &webhook.Referral{Type: "ad", ID: "1", URL: "u", Headline: "h", Click: "c"}}, ""},
		{"unsupported", `"type":"unsupported","errors":[{"code":131051}]`, webhook.Message{Errors: []webhook.MessageError{{Code: "131051"}}}, ""},
		{"of a type to come", `"type":"hologram","hologram":{"x":1}`, webhook.Message{}, ""},
		{"members of other kinds", `"type":"text","text":"Hi","context":[],"referral":7,"group_id":{}`, webhook.Message{}, ""},
		{"no type", `"text":{"body":"Hi"}`, webhook.Message{}, "members missing or malformed"},
		{"from nobody's id", `"type":"text","from_user_id":"a/b"`, webhook.Message{}, "malformed user id"},
	}
	const neighbour = `{"id":"n","type":"text"}`
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			element := `{"id":"m", "from":"15550100077",` + test.message + `}`
			_, events := understand(t, known(t, "secret"), `"contacts":[{"wa_id":"15550100077","user_id":"US.7","profile":{"name":"Ada"}}],"messages":[`+neighbour+`,`+element+`,`+neighbour+`]`)
			if len(events) != 3 || events[0].Type != webhook.MessageReceived || events[2].Type != webhook.MessageReceived {
				t.Fatalf("%d events, want the one between its neighbours", len(events))
			}
			if raw, ok := events[1].Data.(*webhook.Raw); ok || test.reason != "" {
				if !ok || raw.Reason != test.reason {
					t.Errorf("%+v, want it unrecognized: %s", events[1].Data, test.reason)
				}
				return
			}
			got := *events[1].Data.(*webhook.Message)
			if string(got.Raw) != element || got.ID != "m" || got.Type == "" || got.Name != "Ada" || got.From != (webhook.Contact{UserID: "US.7", WaID: "15550100077"}) {
				t.Errorf("%+v", got)
			}
			got.ID, got.Type, got.Name, got.From, got.Raw = "", "", "", webhook.Contact{}, nil
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What people wish of marketing, by the way.
func TestOptOuts(t *testing.T) {
	text := func(body string) string {
		return fmt.Sprintf(`"messages":[{"id":"m","from":"1","timestamp":"1790005100","type":"text","text":{"body":%q}}]`, body)
	}
	button := func(text, payload string) string {
		return fmt.Sprintf(`"messages":[{"id":"m","from":"1","timestamp":"1790005100","type":"button","button":{"text":%q,"payload":%q}}]`, text, payload)
	}
	reply := func(kind, id, title string) string {
		return fmt.Sprintf(`"messages":[{"id":"m","from":"1","timestamp":"1790005100","type":"interactive","interactive":{"type":%q,%[1]q:{"id":%q,"title":%q}}}]`, kind, id, title)
	}
	failed := func(status, code string) string {
		return fmt.Sprintf(`"statuses":[{"id":"m","recipient_id":"1","timestamp":"1790005100","status":%q,"errors":[{"code":1},{"code":%s,"title":"why"}]}]`, status, code)
	}
	const stop, resume = webhook.ContactMarketingStopped, webhook.ContactMarketingResumed
	tests := []struct {
		name, items   string
		want          webhook.Type // empty: none
		basis, detail string
	}{
		{"word", text("STOP"), stop, "keyword", "STOP"},
		{"word in another language", text(" Abmelden. "), stop, "keyword", " Abmelden. "},
		{"word for resume", text("start again"), resume, "keyword", "start again"},
		{"a word among others", text("I can't stop laughing"), "", "", ""},
		{"payload", button("No, thanks", "STOP_PROMOTIONS"), stop, "button", "No, thanks"},
		{"label", button("Unsubscribe", "x7"), stop, "button", "Unsubscribe"},
		{"label and payload disagree", button("start again", "OPT_OUT"), stop, "button", "start again"},
		{"payload and label disagree", button("Stop", "start again"), stop, "button", "Stop"},
		{"button for resume", button("Yes", "START AGAIN"), resume, "button", "Yes"},
		{"another button", button("Yes", "YES"), "", "", ""},
		{"reply", reply("button_reply", "opt_out", "No more"), stop, "button", "No more"},
		{"choice", reply("list_reply", "7", "Unsubscribe"), stop, "button", "Unsubscribe"},
		{"not pressed", reply("nfm_reply", "stop", "stop"), "", "", ""},
		{"word in a group", `"messages":[{"id":"m","from":"1","group_id":"g","type":"text","text":{"body":"stop"}}]`, "", "", ""},
		{"button in a group", `"messages":[{"id":"m","from":"1","group_id":"g","type":"button","button":{"text":"stop"}}]`, stop, "button", "stop"},
		{"caption", `"messages":[{"id":"m","from":"1","type":"image","image":{"caption":"stop"}}]`, "", "", ""},
		{"failed", failed("failed", "131050"), stop, "status_131050", "why"},
		{"failed, code in quotes", failed("failed", `"131050"`), stop, "status_131050", "why"},
		{"failed for another reason", failed("failed", "131049"), "", "", ""},
		{"did not fail", failed("sent", "131050"), "", "", ""},
		{"of nobody", `"messages":[{"id":"m","type":"text","text":{"body":"stop"}}]`, "", "", ""},
	}
	p, err := meta.New(meta.Options{AppSecrets: []signature.Secret{"x"}, OptOut: optout.Options{Resume: []string{"start again"}}}, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, events := understand(t, p, test.items)
			if test.want == "" {
				if len(events) != 1 || events[0].Type.Family() != "message" {
					t.Errorf("%+v", events)
				}
				return
			}
			if len(events) != 2 {
				t.Fatalf("%d events, want 2", len(events))
			}
			if of, e := events[0], events[1]; of.Type.Family() != "message" || e.Type != test.want || e.Key == of.Key || e.Key == "" || !e.Time.Equal(of.Time) || e.Phone != of.Phone {
				t.Errorf("%+v after %+v", e, of)
			}
			want := &webhook.Preference{Contact: webhook.Contact{WaID: "1"}, Category: "marketing_messages", Basis: test.basis, Detail: test.detail, Message: "m"}
			if diff := cmp.Diff(want, events[1].Data); diff != "" {
				t.Error(diff)
			}
		})
	}
	// Without a number it is not known whose messages are not wanted, and a dashboard's test is one.
	if events := p.Normalize(about("messages", `{`+text("stop")+`}`), received); len(events) != 1 {
		t.Errorf("of no number: %+v", events)
	}
	test := strings.Replace(messages(text("stop")), `"id":"300100200"`, `"id":"0"`, 1)
	if events := p.Normalize([]byte(test), received); len(events) != 2 || !events[1].Test {
		t.Errorf("a test: %+v", events)
	}
}

// Of people with a username, resellers tell the id in contacts only. Of two contacts, or beside another item, it would be a
// guess who is meant.
func TestTheOnlyContact(t *testing.T) {
	const message, status = `{"from":"","id":"m","type":"text","text":{"body":"stop"}}`, `{"id":"m","status":"failed","errors":[{"code":131050}]}`
	const contacts = `"contacts":[{"wa_id":"","user_id":"US.1","profile":{"name":"Ada"}}`
	for items, want := range map[string]string{
		contacts + `],"messages":[` + message + `]`:                                                 "US.1",
		contacts + `],"statuses":[` + status + `]`:                                                  "US.1",
		contacts + `,{"user_id":"US.2"}],"messages":[` + message + `]`:                              "",
		contacts + `],"messages":[` + message + `,{"from":"1","id":"n","type":"unsupported"}]`:      "",
		contacts + `],"statuses":[{"recipient_type":"group","recipient_id":"g",` + status[1:] + `]`: "",
	} {
		_, events := understand(t, known(t, "secret"), items)
		var who, stopped string
		switch data := events[0].Data.(type) {
		case *webhook.Message:
			who = data.From.UserID
		case *webhook.MessageStatus:
			who = data.Recipient.UserID
		}
		for _, e := range events {
			if p, ok := e.Data.(*webhook.Preference); ok {
				stopped = p.Contact.UserID
			}
		}
		if who != want || stopped != want {
			t.Errorf("%s: of %q, stopped by %q", items, who, stopped)
		}
	}
}

// Who writes to somebody else that handles the conversation writes to the number all the same.
func TestStopWhileOnStandby(t *testing.T) {
	const stop = `"messages":[{"id":"m","from":"1","timestamp":"1790005100","type":"text","text":{"body":"stop"}}]`
	for _, items := range []string{stop, `"standby":{` + stop + `}`} {
		events := known(t, "secret").Normalize(about("standby", `{"metadata":{"phone_number_id":"4"},`+items+`}`), received)
		if len(events) != 2 || events[0].Type != webhook.MessageStandby || events[1].Type != webhook.ContactMarketingStopped {
			t.Errorf("%s: %+v", items, events)
		}
	}
}

// Nobody makes a wish by what is corrected, written by the business itself, or long past.
func TestNoOptOuts(t *testing.T) {
	const stop = `"id":"m","from":"1","to":"1","timestamp":"1790005100","type":"text","text":{"body":"stop"}`
	for _, test := range []struct {
		field, items string
		want         webhook.Type
	}{
		{"standby", `"standby":{"message_echoes":[{` + stop + `}]}`, webhook.MessageStandby},
		{"smb_message_echoes", `"message_echoes":[{` + stop + `}]`, webhook.MessageEchoed},
		{"message_echoes", `"message_echoes":[{` + stop + `}]`, webhook.MessageEchoed},
		{"history", `"messages":[{` + stop + `}]`, webhook.HistoryChunk},
		{"messages", `"messages":[{"id":"m","from":"1","type":"edit","edit":{"original_message_id":"o","message":{"type":"text","text":{"body":"stop"}}}}]`, webhook.MessageEdited},
		{"messages", `"messages":[{"id":"m","from":"1","type":"edit","edit":{"original_message_id":"o","message":{"type":"button","button":{"text":"stop","payload":"STOP"}}}}]`, webhook.MessageEdited},
		{"messages", `"message_echoes":[{` + stop + `}]`, webhook.Unrecognized},
		{"calls", `"messages":[{` + stop + `}]`, webhook.Unrecognized},
	} {
		if e := one(t, about(test.field, `{"metadata":{"phone_number_id":"4"},`+test.items+`}`)); e.Type != test.want {
			t.Errorf("%s, %s: %s, want %s", test.field, test.items, e.Type, test.want)
		}
	}
}

func TestMalformedNumberOfMessages(t *testing.T) {
	e := one(t, about("messages", `{"metadata":{"phone_number_id":"a/b","display_phone_number":"1"},"messages":[{"id":"m","from":"1","type":"text","text":{"body":"stop"}}]}`))
	if raw, ok := e.Data.(*webhook.Raw); !ok || raw.Reason != "malformed phone number id" {
		t.Errorf("%+v", e)
	}
}

func TestOptOutSetting(t *testing.T) {
	if _, err := meta.New(meta.Options{AppSecrets: []signature.Secret{"x"}, OptOut: optout.Options{Stop: []string{" "}}}, false); err == nil || err.Error() != "opt_out.stop[0] is no word" {
		t.Errorf("a word that is none: %v", err)
	}
	p, err := meta.New(meta.Options{AppSecrets: []signature.Secret{"x"}, OptOut: optout.Options{Ignore: true}}, false)
	if err != nil {
		t.Fatal(err)
	}
	types, _ := understand(t, p, `"messages":[{"id":"m","from":"1","type":"text","text":{"body":"stop"}}],"statuses":[{"id":"n","recipient_id":"1","status":"failed","errors":[{"code":131050}]}]`)
	want := []webhook.Type{webhook.MessageReceived, webhook.MessageFailed, webhook.ContactMarketingStopped}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Error(diff)
	}
}
