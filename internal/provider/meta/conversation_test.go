package meta_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/provider/providertest"
	"holdfast/internal/webhook"
)

// in is a change of a field with items, as Meta sends them: without entry.time.
func in(field, items string) []byte {
	return fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"300100200","changes":[{"field":%q,"value":{"metadata":{"display_phone_number":"15550100001","phone_number_id":"400100"},%s}}]}]}`, field, items)
}

func TestIdentities(t *testing.T) {
	changed := func(item, system string) string {
		return `"messages":[{"id":"m",` + item + `"type":"system","system":{` + system + `}}]`
	}
	tests := []struct {
		name, field, items string
		want               webhook.Identity
		reason             string
	}{
		{
			"another number", "messages", changed(`"from":"1","from_user_id":"US.1",`, `"type":"user_changed_number","body":"b","wa_id":"2","user_id":"US.2","parent_user_id":"US.ENT.2","previous_parent_user_id":"US.ENT.1"`),
			webhook.Identity{Contact: webhook.Contact{WaID: "2", UserID: "US.2", ParentUserID: "US.ENT.2"}, Previous: webhook.Contact{WaID: "1", UserID: "US.1", ParentUserID: "US.ENT.1"}, Reason: "user_changed_number", Detail: "b"},
			"",
		},
		{
			"another id, the same number", "messages", changed(`"from":"1",`, `"type":"user_changed_user_id","wa_id":1,"user_id":"US.2","previous_user_id":"US.1"`),
			webhook.Identity{Contact: webhook.Contact{WaID: "1", UserID: "US.2"}, Previous: webhook.Contact{UserID: "US.1"}, Reason: "user_changed_user_id"},
			"",
		},
		{
			"as it was said before people had ids", "messages", changed(`"from":"1",`, `"type":"customer_changed_number","new_wa_id":"2"`),
			webhook.Identity{Contact: webhook.Contact{WaID: "2"}, Previous: webhook.Contact{WaID: "1"}, Reason: "customer_changed_number"},
			"",
		},
		{
			"of somebody whom another answers", "standby", `"standby":{` + changed(``, `"type":"user_changed_user_id","user_id":"US.2"`) + `}`,
			webhook.Identity{Contact: webhook.Contact{UserID: "US.2"}, Reason: "user_changed_user_id"},
			"",
		},
		{
			"as it was announced", "user_id_update", `"user_id_update":[{"wa_id":"1","detail":"d","user_id":{"previous":"US.1","current":"US.2"},"timestamp":"1790005100"}]`,
			webhook.Identity{Contact: webhook.Contact{WaID: "1", UserID: "US.2"}, Previous: webhook.Contact{UserID: "US.1"}, Reason: "user_changed_user_id", Detail: "d"},
			"",
		},
		{"nobody", "messages", changed(`"from":"1",`, `"type":"user_changed_number"`), webhook.Identity{}, "no user"},
		{"nobody's id", "messages", changed(``, `"type":"user_changed_number","wa_id":"a/b"`), webhook.Identity{}, "malformed user id"},
		{"nobody's former id", "messages", changed(`"from":"a/b",`, `"type":"user_changed_number","wa_id":"2"`), webhook.Identity{}, "malformed user id"},
		{"something else", "messages", changed(`"from":"1",`, `"type":"customer_identity_changed","identity":"x"`), webhook.Identity{}, "unknown event"},
		{"of another kind", "messages", `"messages":[{"id":"m","type":"system","system":"x"}]`, webhook.Identity{}, "unknown event"},
		{"ids of another kind", "user_id_update", `"user_id_update":[{"user_id":"US.2"}]`, webhook.Identity{}, "no user"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			body := in(test.field, test.items)
			e := one(t, body)
			providertest.Check(t, body, []webhook.Event{e})
			if raw, ok := e.Data.(*webhook.Raw); ok {
				if raw.Reason != test.reason {
					t.Errorf("%q, want %q", raw.Reason, test.reason)
				}
				return
			}
			if diff := cmp.Diff(&test.want, e.Data); diff != "" || e.Type != webhook.ContactIDChanged || test.reason != "" {
				t.Errorf("%s: %s", e.Type, diff)
			}
			if e.Phone.ID != "400100" || e.Key == "" {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestConversations(t *testing.T) {
	handover := func(rest string) string { // it has no metadata
		return string(about("messaging_handovers", `{"recipient":{"phone_number_id":"400100","display_phone_number":"15550100001"},`+rest+`}`))
	}
	tests := []struct {
		name, body string
		want       webhook.Type
		data       any // what it carries, without Raw; or the reason
	}{
		{"echo of an edit", string(in("smb_message_echoes", `"message_echoes":[{"id":"m","to":"1","type":"edit","edit":{"original_message_id":"o","message":{"type":"image","image":{"caption":"c"}}}}]`)), webhook.MessageEchoed, &webhook.Message{ID: "m", To: webhook.Contact{WaID: "1"}, Type: "edit", Original: "o", Text: "c"}},
		{"echo to a group", string(in("standby", `"standby":{"message_echoes":[{"id":"m","message":{"to":"G1","recipient_type":"group","type":"text","text":{"body":"Hi"}}}]}`)), webhook.MessageStandby, &webhook.Message{ID: "m", Group: "G1", Type: "text", Text: "Hi"}},
		{"echo of a question", string(in("message_echoes", `"message_echoes":[{"id":"m","to":"1","type":"interactive","interactive":{"type":"button","body":{"text":"Sure?"},"action":{}}}]`)), webhook.MessageEchoed, &webhook.Message{ID: "m", To: webhook.Contact{WaID: "1"}, Type: "interactive", Text: "Sure?"}},
		{"echo to somebody with a name", string(in("smb_message_echoes", `"contacts":[{"user_id":"US.1","wa_id":"1","profile":{"username":"ada"}}],"message_echoes":[{"id":"m","to_user_id":"US.1","type":"audio"}]`)), webhook.MessageEchoed, &webhook.Message{ID: "m", To: webhook.Contact{UserID: "US.1", WaID: "1"}, Username: "ada", Type: "audio"}},
		{"echo of nothing", string(in("standby", `"standby":{"message_echoes":[{"id":"m","message":{"to":"1"}}]}`)), webhook.Unrecognized, "members missing or malformed"},
		{"echo to nobody's id", string(in("message_echoes", `"message_echoes":[{"id":"m","to":"a/b","type":"text"}]`)), webhook.Unrecognized, "malformed user id"},
		{"copy, not nested", string(in("standby", `"messages":[{"id":"m","from":"1","type":"revoke","revoke":{"original_message_id":"o"}}]`)), webhook.MessageStandby, &webhook.Message{ID: "m", From: webhook.Contact{WaID: "1"}, Type: "revoke", Original: "o"}},
		{"copy of no type", string(in("standby", `"standby":{"messages":[{"id":"m","from":"1"}]}`)), webhook.Unrecognized, "members missing or malformed"},
		{"problem beside a copy", string(in("standby", `"standby":{"errors":[{"code":131000}]}`)), webhook.MessageProblem, &webhook.MessageError{Code: "131000", Advice: webhook.RetryLater}},
		{"revoked, but what", string(in("messages", `"messages":[{"id":"m","from":"1","type":"revoke","revoke":{}}]`)), webhook.Unrecognized, "members missing or malformed"},
		{"problem without a code", string(in("messages", `"errors":[{"title":"t"}]`)), webhook.Unrecognized, "members missing or malformed"},

		{"handed over, as the dashboard says it", handover(`"sender":{"phone_number":"+1"},"timestamp":"1790005100","control_passed":{"metadata":"x"}`), webhook.ConversationHandedOver, &webhook.Handover{Contact: webhook.Contact{WaID: "1"}, Event: "control_passed", Metadata: "x"}},
		{"handed over, the other form", handover(`"sender":{"user_id":"US.1"},"type":"control_passed","control_passed":{"previous_owner":{"app_id":7,"app_role":"r"}}`), webhook.ConversationHandedOver, &webhook.Handover{Contact: webhook.Contact{UserID: "US.1"}, Event: "control_passed", PreviousApp: "7", PreviousAppRole: "r"}},
		{"handed over in another way", handover(`"type":"control_taken","control_taken":{"new_owner_role":"ai_agent"}`), webhook.ConversationHandedOver, &webhook.Handover{Event: "control_taken", Role: "ai_agent"}},
		{"handed over, but how", handover(`"sender":{"phone_number":"1"}`), webhook.Unrecognized, "unknown event"},
		{"handed over by nobody's id", handover(`"sender":{"user_id":"a/b"},"type":"control_passed"`), webhook.Unrecognized, "malformed user id"},
		{"handed over from nobody's number", string(about("messaging_handovers", `{"recipient":{"phone_number_id":"a/b"},"type":"control_passed"}`)), webhook.Unrecognized, "malformed phone number id"},

		{"call of the number", string(in("calls", `"calls":[{"id":"c","from_user_id":"US.1","to":"2","event":"call_created"}]`)), webhook.CallOffered, &webhook.Call{ID: "c", Contact: webhook.Contact{UserID: "US.1"}}},
		{"call that ended", string(in("calls", `"calls":[{"id":"c","to":"2","from":"1","direction":"BUSINESS_INITIATED","event":"terminate","status":"FAILED","start_time":"1790005100","end_time":1790005160,"duration":60,"errors":[{"code":1}]}],"errors":{}`)), webhook.CallTerminated, &webhook.Call{ID: "c", Contact: webhook.Contact{WaID: "2"}, Direction: "BUSINESS_INITIATED", Status: "FAILED", Start: time.Unix(1790005100, 0).UTC(), End: time.Unix(1790005160, 0).UTC(), Seconds: "60", Errors: []webhook.MessageError{{Code: "1", Advice: webhook.RetryLater}}}},
		{"call that was recorded", string(in("calls", `"calls":[{"id":"c","from":"1","event":"call_recording_available","call_recording":{}}]`)), webhook.Unrecognized, "unknown event"},
		{"call of no id", string(in("calls", `"calls":[{"event":"connect"}]`)), webhook.Unrecognized, "members missing or malformed"},
		{"status of a call of a group", string(in("calls", `"statuses":[{"id":"c","type":"call","status":"REJECTED","recipient_user_id":"a/b"}]`)), webhook.Unrecognized, "malformed user id"},
		{"status of a call, another", string(in("calls", `"statuses":[{"id":"c","type":"call","status":"sent"}]`)), webhook.Unrecognized, "unknown event"},

		{"group that was asked for", string(in("group_lifecycle_update", `"groups":[{"type":"group_create","request_id":"r","timestamp":"1790005100"}]`)), webhook.GroupCreated, &webhook.Group{Type: "group_create", Request: "r"}},
		{"left, who says so is beside it", string(in("group_participants_update", `"groups":[{"group_id":"g","type":"group_participants_remove","removed_participants":[{"wa_id":"1"},7,{}]}],"initiated_by":"participant"`)), webhook.GroupLeft, &webhook.Group{ID: "g", Type: "group_participants_remove", By: "participant", People: []webhook.Contact{{WaID: "1"}}}},
		{"not one was removed", string(in("group_participants_update", `"groups":[{"group_id":"g","type":"group_participants_remove","failed_participants":[{"input":"1"}]}]`)), webhook.GroupRequestFailed, &webhook.Group{ID: "g", Type: "group_participants_remove", People: []webhook.Contact{{WaID: "1"}}}},
		{"no setting was changed", string(in("group_settings_update", `"groups":[{"group_id":"g","type":"group_settings_update","group_subject":{"text":"s","update_successful":false,"errors":[{"code":9}]},"profile_picture":{"update_successful":"false"}}]`)), webhook.GroupRequestFailed, &webhook.Group{ID: "g", Type: "group_settings_update", Subject: "s", Errors: []webhook.MessageError{{Code: "9"}}}},
		{"somebody does not join", string(in("group_participants_update", `"groups":[{"group_id":"g","type":"group_join_request_created","join_request_id":"j","user_id":"US.1","errors":[{"code":9}]}]`)), webhook.GroupRequestFailed, &webhook.Group{ID: "g", Type: "group_join_request_created", JoinAsked: "j", People: []webhook.Contact{{UserID: "US.1"}}, Errors: []webhook.MessageError{{Code: "9"}}}},
		{"group of a type to come", string(in("group_weather_update", `"groups":[{"group_id":"g","type":"group_rain"}]`)), webhook.Unrecognized, "unknown event"},
		{"group of no id", string(in("group_status_update", `"groups":[{"type":"group_suspend"}]`)), webhook.Unrecognized, "members missing or malformed"},
		{"group of nobody's id", string(in("group_participants_update", `"groups":[{"group_id":"g","type":"group_participants_add","added_participants":[{"wa_id":"a/b"}]}]`)), webhook.Unrecognized, "malformed user id"},

		{"entry of another type", string(in("smb_app_state_sync", `"state_sync":[{"type":"label","label":{},"action":"add"}]`)), webhook.Unrecognized, "unknown event"},
		{"entry of nobody", string(in("smb_app_state_sync", `"state_sync":[{"type":"contact","contact":{"full_name":"Ada"},"action":"add"}]`)), webhook.Unrecognized, "no user"},
		{"entry of nobody's id", string(in("smb_app_state_sync", `"state_sync":[{"type":"contact","contact":{"user_id":"a/b"},"action":"add"}]`)), webhook.Unrecognized, "malformed user id"},
		{"entry without an action", string(in("smb_app_state_sync", `"state_sync":[{"type":"contact","contact":{"user_id":"US.1"},"action":null}]`)), webhook.Unrecognized, "members missing or malformed"},

		{"chunk of nothing", string(in("history", `"history":[{}]`)), webhook.Unrecognized, "members missing or malformed"},
		{"chunk with errors", string(in("history", `"history":[{"metadata":{"phase":2},"threads":[{"id":"1","messages":[1,2]},7,{"messages":{}}],"errors":[{"code":9}]}]`)), webhook.HistoryChunk, &webhook.History{Phase: "2", Threads: 3, Messages: 2, Errors: []webhook.MessageError{{Code: "9"}}}},
		{"chunk with a bad message", string(in("history", `"history":[{"metadata":[],"threads":[{"messages":[{"a":1,"a":2},`+strings.Repeat("[", 50)+strings.Repeat("]", 50)+",\"\xff\""+`]}]}]`)), webhook.HistoryChunk, &webhook.History{Threads: 1, Messages: 3}},
		{"chunk that repeats a name", string(in("history", `"history":[{"threads":[],"threads":[]}]`)), webhook.Unrecognized, "repeated member name"},
		{"old message of no id", string(in("history", `"messages":[{"type":"image"}]`)), webhook.Unrecognized, "members missing or malformed"},
		{"old echo", string(in("history", `"message_echoes":[{"id":"m","timestamp":"1"}]`)), webhook.HistoryChunk, &webhook.History{Messages: 1}},

		{"another conversion", string(in("automatic_events", `"automatic_events":[{"id":"m","event_name":"Smiled"}]`)), webhook.Unrecognized, "unknown event"},
		{"tracking of nothing", string(in("tracking_events", `"events":[{"timestamp":1790005100}]`)), webhook.Unrecognized, "members missing or malformed"},
		{"tracking, flat", string(in("tracking_events", `"events":[{"event_name":"click","click_id":"c"}]`)), webhook.ConversionTracked, &webhook.Conversion{Name: "click", Click: "c"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := one(t, []byte(test.body))
			providertest.Check(t, []byte(test.body), []webhook.Event{e})
			got := e.Data
			switch data := got.(type) {
			case *webhook.Raw:
				got = data.Reason
			case *webhook.Message:
				data.Raw = nil
			case *webhook.Handover:
				data.Raw = nil
			case *webhook.Group:
				data.Raw = nil
			case *webhook.History:
				data.Raw = nil
			}
			if diff := cmp.Diff(test.data, got); diff != "" || e.Type != test.want {
				t.Errorf("%s: %s", e.Type, diff)
			}
		})
	}
}

// What is beside several calls may be of any of them, or of none; and nobody has told it where the only call is not
// understood.
func TestProblemsOfCalls(t *testing.T) {
	const call, other, strange = `{"id":"1","from":"1","event":"terminate"}`, `{"id":"2","from":"1","event":"connect"}`, `{"id":"3","event":"hold"}`
	const ringing, problem = `"statuses":[{"id":"4","status":"RINGING"}]`, `,"errors":[{"code":138007}]`
	for items, want := range map[string][]webhook.Type{
		`"calls":[` + call + `,` + other + `]`:      {webhook.CallTerminated, webhook.CallConnected, webhook.MessageProblem},
		`"calls":[` + call + `],` + ringing:         {webhook.CallRinging, webhook.CallTerminated},
		`"calls":[` + strange + `],` + ringing:      {webhook.CallRinging, webhook.Unrecognized, webhook.MessageProblem},
		`"calls":[` + strange + `,` + strange + `]`: {webhook.Unrecognized, webhook.Unrecognized, webhook.MessageProblem},
		`"calls":[` + strange + `]`:                 {webhook.Unrecognized}, // as it came, with the errors
	} {
		var types []webhook.Type
		for _, e := range known(t, "secret").Normalize(in("calls", items+problem), received) {
			types = append(types, e.Type)
		}
		if diff := cmp.Diff(want, types); diff != "" {
			t.Errorf("%s: %s", items, diff)
		}
	}
}

// A chunk is the same however it is spaced, and another if anything of it is.
func TestKeyOfChunk(t *testing.T) {
	key := func(chunk string) string { return one(t, in("history", `"history":[`+chunk+`]`)).Key }
	const chunk = `{"metadata":{"phase":0,"chunk_order":1},"threads":[{"id":"a \" b","messages":[1]}]}`
	want := key(chunk)
	if same := key(` { "metadata" : {"phase":0,"chunk_order":1},` + "\n\t" + `"threads":[ {"id":"a \" b","messages":[1]}]} `); same != want || want == "" {
		t.Errorf("%s and %s", want, same)
	}
	for _, other := range []string{strings.Replace(chunk, `:1}`, `:2}`, 1), strings.Replace(chunk, `a \" b`, `a \"b`, 1), strings.Replace(chunk, `[1]`, `[1,2]`, 1)} {
		if key(other) == want {
			t.Errorf("%s has the key of another", other)
		}
	}
}
