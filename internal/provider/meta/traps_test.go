package meta_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/provider/providertest"
	"holdfast/internal/webhook"
)

var received = time.Date(2026, 9, 21, 17, 0, 0, 0, time.UTC)

// about puts a value into an envelope of its own.
func about(field, value string) []byte {
	return fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"300100200","time":1790001000,"changes":[{"field":%q,"value":%s}]}]}`, field, value)
}

func one(t *testing.T, body []byte) webhook.Event {
	t.Helper()
	events := known(t, "secret").Normalize(body, received)
	if len(events) != 1 {
		t.Fatalf("%d events, want 1", len(events))
	}
	return events[0]
}

func TestTypes(t *testing.T) {
	restricted := func(violation, info string) string {
		return fmt.Sprintf(`{"event":"ACCOUNT_RESTRICTION","violation_info":{"violation_type":%q},"restriction_info":%s}`, violation, info)
	}
	const inForce = `[{"restriction_type":"RESTRICTED_BIZ_INITIATED_MESSAGING","expiration":1790260400}]`
	const over = `[{"restriction_type":"RESTRICTED_BIZ_INITIATED_MESSAGING","expiration":1790000000}]`
	tests := []struct {
		name, field, value string
		want               webhook.Type
	}{
		{"ban state in an array", "account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":["DISABLE"]}}`, webhook.AccountBanned},
		{"every ban state, as one page lists them", "account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":["SCHEDULE_FOR_DISABLE","DISABLE","REINSTATE"]}}`, webhook.AccountBanned},
		{"scheduled, and reinstated", "account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":["REINSTATE","SCHEDULE_FOR_DISABLE","REINSTATE"]}}`, webhook.AccountBanScheduled},
		{"reinstated twice", "account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":["REINSTATE","REINSTATE"]}}`, webhook.AccountReinstated},
		{"an unknown ban state among others", "account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":["REINSTATE","PAUSE"]}}`, webhook.Unrecognized},
		{"no ban state", "account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":[]}}`, webhook.Unrecognized},
		{"unknown ban state", "account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"PAUSE"}}`, webhook.Unrecognized},
		{"ban without its part", "account_update", `{"event":"DISABLED_UPDATE"}`, webhook.Unrecognized},
		{"ban with a date of another kind", "account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE","waba_ban_date":{"day":1}}}`, webhook.AccountBanned},

		{"restricted", "account_update", restricted("SCAM", inForce), webhook.AccountRestricted},
		{"restricted, Direct Send", "account_update", restricted("DIRECT_SEND_UTILITY_CATEGORY_ABUSE_STRIKE_1", inForce), webhook.AccountRestricted},
		{"restricted for good", "account_update", restricted("SCAM", `[{"restriction_type":"RESTRICTED_UTILITY_TEMPLATES"}]`), webhook.AccountRestricted},
		{"restricted until we cannot read when", "account_update", restricted("SCAM", `[{"restriction_type":"RESTRICTED_UTILITY_TEMPLATES","expiration":"soon"}]`), webhook.AccountRestricted},
		{"restricted, one object", "account_update", restricted("SCAM", `{"restriction_type":"RESTRICTED_UTILITY_TEMPLATES","expiration":"2026-10-22T13:59:20+0000"}`), webhook.AccountRestricted},
		{"restricted in spite of a warning", "account_update", restricted("DIRECT_SEND_UTILITY_TEMPLATE_ABUSE", inForce), webhook.AccountRestricted},
		{"one lifted, another in force", "account_update", restricted("DIRECT_SEND_UTILITY_CATEGORY_ABUSE_UNBAN", inForce), webhook.AccountRestricted},
		{"over, beside one that cannot be read", "account_update", restricted("SCAM", `[{"restriction_type":"RESTRICTED_UTILITY_TEMPLATES","expiration":1790000000},"RESTRICTED_BIZ_INITIATED_MESSAGING"]`), webhook.AccountRestrictionReported},
		{"unbanned, beside one that cannot be read", "account_update", restricted("DIRECT_SEND_UTILITY_CATEGORY_ABUSE_UNBAN", `[7]`), webhook.AccountRestrictionReported},
		{"restricted until after all time", "account_update", restricted("SCAM", `[{"restriction_type":"RESTRICTED_UTILITY_TEMPLATES","expiration":"9999-12-31T23:59:59-08:00"}]`), webhook.AccountRestricted},
		{"over", "account_update", restricted("SCAM", over), webhook.AccountRestrictionReported},
		{"lifted", "account_update", restricted("DIRECT_SEND_UTILITY_CATEGORY_ABUSE_RATE_LIMIT_RECOVERY", "null"), webhook.AccountRestrictionLifted},
		{"unbanned", "account_update", restricted("DIRECT_SEND_UTILITY_CATEGORY_ABUSE_UNBAN", "[]"), webhook.AccountRestrictionLifted},
		{"warned", "account_update", restricted("DIRECT_SEND_UTILITY_CATEGORY_ABUSE_WARN", "[]"), webhook.AccountWarned},
		{"warned, the other name", "account_update", restricted("DIRECT_SEND_UTILITY_TEMPLATE_ABUSE", "null"), webhook.AccountWarned},
		{"warned, but of something", "account_update", restricted("DIRECT_SEND_UTILITY_TEMPLATE_ABUSE", `["what"]`), webhook.AccountRestrictionReported},
		{"bare restriction", "account_update", `{"event":"ACCOUNT_RESTRICTION"}`, webhook.AccountRestrictionReported},
		{"restriction of an unreadable kind", "account_update", restricted("SCAM", `"yes"`), webhook.AccountRestrictionReported},
		{"restriction of nothing", "account_update", restricted("SCAM", `[{}]`), webhook.AccountRestrictionReported},

		{"violation without its part", "account_update", `{"event":"ACCOUNT_VIOLATION"}`, webhook.AccountViolation},
		{"number added without one", "account_update", `{"event":"PHONE_NUMBER_ADDED"}`, webhook.Unrecognized},
		{"number added that is a list", "account_update", `{"event":"PHONE_NUMBER_ADDED","phone_number":["1"]}`, webhook.Unrecognized},
		{"number that cannot name an entity", "account_update", `{"event":"PHONE_NUMBER_ADDED","phone_number":"N/A"}`, webhook.Unrecognized},
		{"account that cannot name an entity", "account_update", `{"event":"PARTNER_REMOVED","waba_info":{"waba_id":"a/b"}}`, webhook.Unrecognized},
		{"account that is a list", "account_update", `{"event":"PARTNER_REMOVED","waba_info":{"waba_id":["1"]}}`, webhook.Unrecognized},
		{"account with letters that grow in JSON", "account_update", `{"event":"PARTNER_REMOVED","waba_info":{"waba_id":"<1"}}`, webhook.Unrecognized},
		{"account with letters of several bytes", "account_update", `{"event":"PARTNER_REMOVED","waba_info":{"waba_id":"１２３"}}`, webhook.Unrecognized},
		{"account with a space", "account_update", `{"event":"PARTNER_REMOVED","waba_info":{"waba_id":"1 2"}}`, webhook.Unrecognized},
		{"account that stands for one", "account_update", `{"event":"PARTNER_REMOVED","waba_info":{"waba_id":"xxx"}}`, webhook.AccountPartnerRemoved},
		{"account of every letter", "account_update", `{"event":"PARTNER_REMOVED","waba_info":{"waba_id":"az.AZ_09:-` + strings.Repeat("1", 54) + `"}}`, webhook.AccountPartnerRemoved},
		{"account that is long", "account_update", `{"event":"PARTNER_REMOVED","waba_info":{"waba_id":"` + strings.Repeat("1", 65) + `"}}`, webhook.Unrecognized},
		{"tier without one", "account_update", `{"event":"VOLUME_BASED_PRICING_TIER_UPDATE"}`, webhook.Unrecognized},
		{"country without one", "account_update", `{"event":"BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE","country":null}`, webhook.Unrecognized},
		{"event in lower case", "account_update", `{"event":"account_deleted"}`, webhook.Unrecognized},
		{"name of another case", "account_update", `{"EVENT":"ACCOUNT_DELETED"}`, webhook.Unrecognized},
		{"field of another case", "Account_update", `{"event":"ACCOUNT_DELETED"}`, webhook.Unrecognized},

		{"review of an unknown decision", "account_review_update", `{"decision":"UNDECIDED"}`, webhook.AccountReviewed},
		{"review without one", "account_review_update", `{}`, webhook.Unrecognized},
		{"alert without alert_info", "account_alerts", `{"entity_type":"BUSINESS","alert_type":"OBA_APPROVED"}`, webhook.AccountAlert},
		{"alert of nothing", "account_alerts", `{"entity_type":"BUSINESS"}`, webhook.Unrecognized},
		{"alert of a number that cannot name an entity", "account_alerts", `{"entity_type":"PHONE_NUMBER","entity_id":"4/2","alert_info":{"alert_type":"PROFILE_PICTURE_LOST"}}`, webhook.Unrecognized},
		{"limit as a tier", "business_capability_update", `{"max_daily_conversations_per_business":"TIER_10K"}`, webhook.AccountCapabilityUpdated},
		{"limit without one", "business_capability_update", `{"max_unknown":1}`, webhook.Unrecognized},
		{"settings of another type", "account_settings_update", `{"type":"ACCOUNT_SETTINGS","phone_number_settings":{"phone_number_id":"1"}}`, webhook.Unrecognized},
		{"settings of no number", "account_settings_update", `{"type":"PHONE_NUMBER_SETTINGS","phone_number_settings":{}}`, webhook.Unrecognized},
		{"security of another event", "security", `{"display_phone_number":"1","event":"PIN_FORGOTTEN"}`, webhook.Unrecognized},
		{"quality: unflagged", "phone_number_quality_update", `{"display_phone_number":"1","event":"UNFLAGGED"}`, webhook.PhoneUnflagged},
		{"quality: lowered", "phone_number_quality_update", `{"display_phone_number":"1","event":"DOWNGRADE"}`, webhook.PhoneLimitLowered},
		{"quality: onboarding", "phone_number_quality_update", `{"display_phone_number":"1","event":"ONBOARDING"}`, webhook.PhoneOnboarded},
		{"quality: another", "phone_number_quality_update", `{"display_phone_number":"1","event":"IMPROVED"}`, webhook.Unrecognized},

		{"username without a status", "business_username_updates", `{"display_phone_number":"1","username":"x"}`, webhook.Unrecognized},
		{"username of no number", "business_username_updates", `{"username":"x","status":"approved"}`, webhook.Unrecognized},
		{"payment configuration without a status", "payment_configuration_update", `{"configuration_name":"x"}`, webhook.Unrecognized},
		{"payment configuration without a name", "payment_configuration_update", `{"status":"Active"}`, webhook.Unrecognized},
		{"flow: client errors", "flows", `{"event":"CLIENT_ERROR_RATE","flow_id":1,"errors":null}`, webhook.FlowErrorRate},
		{"flow: another event", "flows", `{"event":"FLOW_SANG","flow_id":"1"}`, webhook.Unrecognized},
		{"flow without an id", "flows", `{"event":"FLOW_STATUS_CHANGE"}`, webhook.Unrecognized},
		{"flow: errors that are none", "flows", `{"event":"CLIENT_ERROR_RATE","flow_id":"1","errors":["TIMEOUT"]}`, webhook.Unrecognized},
		{"business status, which nobody describes", "business_status_update", `{"business_id":1,"event":"COMPROMISED_NOTIFICATION"}`, webhook.Unrecognized},
		{"offboarded, and a number", "account_update", `{"event":"ACCOUNT_OFFBOARDED","phone_number":"15550100001"}`, webhook.AccountOffboarded},
		{"verified without a number", "account_update", `{"event":"VERIFIED_ACCOUNT"}`, webhook.Unrecognized},
		{"partner verification without a status", "account_update", `{"event":"PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE"}`, webhook.Unrecognized},

		{"value is null", "account_update", `null`, webhook.Unrecognized},
		{"value is a list", "account_update", `[]`, webhook.Unrecognized},
		{"value is text", "account_update", `"ACCOUNT_DELETED"`, webhook.Unrecognized},
		{"repeated name", "account_update", `{"event":"ACCOUNT_DELETED","event":"ACCOUNT_DELETED"}`, webhook.Unrecognized},
		{"repeated name, escaped", "account_update", `{"event":"ACCOUNT_DELETED","\u0065vent":"ACCOUNT_DELETED"}`, webhook.Unrecognized},
		{"repeated name within", "account_update", `{"event":"ACCOUNT_DELETED","x":[{"a":1,"a":2}]}`, webhook.Unrecognized},
		{"nested deeply", "account_update", `{"event":"ACCOUNT_DELETED","x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`, webhook.Unrecognized},
		{"invalid UTF-8", "account_update", "{\"event\":\"ACCOUNT_DELETED\",\"x\":\"\xff\"}", webhook.Unrecognized},
		{"huge number", "business_capability_update", `{"max_daily_conversations_per_business":1e999}`, webhook.AccountCapabilityUpdated},
		{"escaped names and texts", "account_update", `{"\u0065vent":"ACCOUNT\u005fDELETED"}`, webhook.AccountDeleted},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := one(t, about(test.field, test.value))
			if e.Type != test.want {
				t.Errorf("got %s %+v, want %s", e.Type, e.Data, test.want)
			}
			if e.Key == "" || e.Account == "" || e.Time.IsZero() {
				t.Errorf("got key %q, account %q, time %s", e.Key, e.Account, e.Time)
			}
		})
	}
}

func TestEnvelope(t *testing.T) {
	const deleted = `"changes":[{"field":"account_update","value":{"event":"ACCOUNT_DELETED"}}]`
	tests := []struct{ name, body, reason string }{
		{"empty", ``, "not JSON"},
		{"truncated", `{"object":"whatsapp_business_account","entry":[{"id":"1"`, "not JSON"},
		{"two values", `{} {}`, "not JSON"},
		{"list", `[]`, "not an object"},
		{"another object", `{"object":"page","entry":[{"id":"1",` + deleted + `}]}`, "unknown object"},
		{"no object", `{"entry":[{"id":"1",` + deleted + `}]}`, "unknown object"},
		{"object of another case", `{"Object":"whatsapp_business_account","entry":[{"id":"1",` + deleted + `}]}`, "unknown object"},
		{"no entry", `{"object":"whatsapp_business_account"}`, "no entries"},
		{"empty entry", `{"object":"whatsapp_business_account","entry":[]}`, "no entries"},
		{"entry is an object", `{"object":"whatsapp_business_account","entry":{"id":"1",` + deleted + `}}`, "no entries"},
		{"entry twice", `{"object":"whatsapp_business_account","entry":[],"entry":[]}`, "repeated member name"},
		{"no changes", `{"object":"whatsapp_business_account","entry":[{"id":"1"},{"id":"2","changes":[]}]}`, "no changes"},
		{"entries are numbers", `{"object":"whatsapp_business_account","entry":[1,2]}`, "no changes"},
		{"too many", `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[` + strings.Repeat("0,", 5_000) + `0]}]}`, "too many elements"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := webhook.Event{Type: webhook.Unrecognized, Data: &webhook.Raw{Reason: test.reason, Value: webhook.Body(test.body)}}
			if diff := cmp.Diff(want, one(t, []byte(test.body))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Numbers and texts, white space and the order of members are not part of what was said.
func TestKeyIsOfWhatWasSaid(t *testing.T) {
	const form = `{"object":"whatsapp_business_account","entry":[{"id":%s,"time":%s,"changes":[{"field":"account_update","value":%s}]}]}`
	key := func(id, at, value string) string { return one(t, fmt.Appendf(nil, form, id, at, value)).Key }
	want := key(`"1"`, "1790001000", `{"event":"ACCOUNT_DELETED","x":{"a":1,"b":"é"}}`)
	for _, same := range []string{
		key(`1`, `"1790001000"`, `{ "x" : {"b":"\u00e9", "a":1},  "event":"ACCOUNT_DELETED" }`),
		key(`"1"`, "1790001000000", `{"event":"ACCOUNT_DELETED","x":{"a":1,"b":"é"}}`),
		key(`"1"`, `"2026-09-21T14:30:00+0000"`, `{"event":"ACCOUNT_DELETED","x":{"a":1,"b":"é"}}`),
	} {
		if same != want {
			t.Errorf("got %s, want %s", same, want)
		}
	}
	for _, other := range []string{
		key(`"2"`, "1790001000", `{"event":"ACCOUNT_DELETED","x":{"a":1,"b":"é"}}`),
		key(`"1"`, "1790001001", `{"event":"ACCOUNT_DELETED","x":{"a":1,"b":"é"}}`),
		key(`"1"`, "1790001000", `{"event":"ACCOUNT_DELETED","x":{"a":1.0,"b":"é"}}`),
		key(`"1"`, "1790001000", `{"event":"ACCOUNT_DELETED","x":{"a":1,"b":"e"}}`),
		key(`"1"`, "null", `{"event":"ACCOUNT_DELETED","x":{"a":1,"b":"é"}}`),
	} {
		if other == want {
			t.Errorf("another event has the key %s too", other)
		}
	}
	if got := key(`"1"`, "[]", `{"event":"ACCOUNT_DELETED"}`); got != "" {
		t.Errorf("without a time there is the key %s", got)
	}
}

func TestPreferences(t *testing.T) {
	const form = `{"metadata":{"display_phone_number":"+1 555 010-0001","phone_number_id":400100},"contacts":%s,"user_preferences":%s}`
	const rest = `"category":"marketing_messages","value":"stop","timestamp":"1790003000"`
	ada := webhook.Contact{UserID: "US.7", WaID: "15550100077"}
	tests := []struct {
		name, contacts, items string
		want                  []webhook.Contact // one for each item; zero for an unrecognized one
		reason                string
	}{
		{"number only", `[{"wa_id":"15550100077"}]`, `[{"wa_id":"+15550100077",` + rest + `}]`, []webhook.Contact{{WaID: "15550100077"}}, ""},
		{"id only", `[]`, `[{"user_id":"US.7",` + rest + `}]`, []webhook.Contact{{UserID: "US.7"}}, ""},
		{"the rest is in contacts", `[{"wa_id":"1"},{"profile":null,"user_id":"US.7","wa_id":"15550100077"}]`, `[{"wa_id":"15550100077",` + rest + `}]`, []webhook.Contact{ada}, ""},
		{"all is in contacts", `[{"user_id":"US.7","wa_id":"15550100077"}]`, `[{"wa_id":"",` + rest + `}]`, []webhook.Contact{ada}, ""},
		{"all is in contacts, but whose", `[{"user_id":"US.7"},{"user_id":"US.8"}]`, `[{` + rest + `}]`, []webhook.Contact{{}}, "no user"},
		{"a shared number", `[{"user_id":"US.8","wa_id":"15550100077"}]`, `[{"user_id":"US.7","wa_id":"15550100077",` + rest + `}]`, []webhook.Contact{ada}, ""},
		{"parent id", `null`, `[{"user_id":"US.7","parent_user_id":"US.ENT.9",` + rest + `}]`, []webhook.Contact{{UserID: "US.7", ParentUserID: "US.ENT.9"}}, ""},
		{
			"bad neighbours", `[{"user_id":"US.9"}]`, `[{"user_id":"US.7",` + rest + `},7,null,{"user_id":"a/b",` + rest + `},{"user_id":"US.7","user_id":"US.8",` + rest + `},{"user_id":"US.8",` + rest + `}]`,
			[]webhook.Contact{{UserID: "US.7"}, {}, {}, {}, {}, {UserID: "US.8"}},
			"",
		},
		{"another category", `[]`, `[{"user_id":"US.7","category":"utility_messages","value":"stop","timestamp":1790003000}]`, []webhook.Contact{{}}, "unknown event"},
		{"another wish", `[]`, `[{"user_id":"US.7","category":"marketing_messages","value":"less","timestamp":1790003000}]`, []webhook.Contact{{}}, "unknown event"},
		{"no items", `[]`, `[]`, []webhook.Contact{{}}, "members missing or malformed"},
		{"one object", `[]`, `{"user_id":"US.7",` + rest + `}`, []webhook.Contact{{UserID: "US.7"}}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			body := fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"300100200","changes":[{"field":"user_preferences","value":%s}]}]}`, fmt.Sprintf(form, test.contacts, test.items))
			events := known(t, "secret").Normalize(body, received)
			var got []webhook.Contact
			for _, e := range events {
				if e.Phone != (webhook.Phone{ID: "400100", Number: "15550100001"}) {
					t.Errorf("phone %v", e.Phone)
				}
				switch data := e.Data.(type) {
				case *webhook.Preference:
					got = append(got, data.Contact)
					if e.Type != webhook.ContactMarketingStopped || e.Key == "" || e.Time.Unix() != 1790003000 {
						t.Errorf("got %s at %s, key %q", e.Type, e.Time, e.Key)
					}
				case *webhook.Raw:
					got = append(got, webhook.Contact{})
					if test.reason != "" && data.Reason != test.reason {
						t.Errorf("got reason %q, want %q", data.Reason, test.reason)
					}
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A key of a preference rests on what does not change: the id of the person, not whether the number came along.
func TestPreferenceKey(t *testing.T) {
	key := func(item string) string {
		return one(t, about("user_preferences", `{"metadata":{"phone_number_id":"4"},"contacts":[{"user_id":"US.7","wa_id":"1"}],"user_preferences":[{`+item+`,"category":"marketing_messages","value":"stop","timestamp":1790003000}]}`)).Key
	}
	if a, b := key(`"user_id":"US.7","wa_id":"1"`), key(`"user_id":"US.7","detail":"text"`); a != b {
		t.Errorf("%s and %s", a, b)
	}
}

func TestPreferenceOfNoNumber(t *testing.T) {
	for value, want := range map[string]string{
		`{"user_preferences":[{"wa_id":"1","category":"marketing_messages","value":"stop","timestamp":1}]}`:                                      "no phone number",
		`{"metadata":{"phone_number_id":"a/b"},"user_preferences":[{"wa_id":"1","category":"marketing_messages","value":"stop","timestamp":1}]}`: "malformed phone number id",
	} {
		if raw, ok := one(t, about("user_preferences", value)).Data.(*webhook.Raw); !ok || raw.Reason != want {
			t.Errorf("%s: got %+v, want %q", value, raw, want)
		}
	}
}

// An error of the account recurs: it must not pass for the redelivery of another. Nor has an item without id a key, unless
// the envelope says when it was.
func TestItemsWithoutIDs(t *testing.T) {
	const untimed = `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":%s}]}]}`
	value := func(phone, items string) string {
		return fmt.Sprintf(`{"metadata":{"phone_number_id":%q},%s}`, phone, items)
	}
	for _, items := range []string{`"errors":[{"code":130429}]`, `"messages":[{"from":"1"}]`, `"statuses":[7]`, `"statuses":[{"id":"1","id":"2"}]`} {
		if key := one(t, fmt.Appendf(nil, untimed, value("4", items))).Key; key != "" {
			t.Errorf("%s: key %s", items, key)
		}
		keys := map[string]bool{}
		for _, e := range known(t, "secret").Normalize(fmt.Appendf(nil, untimed, value("4", items+`,"calls":[{"id":"wacid.1"}]`)), received) {
			keys[e.Key] = true
		}
		if call := webhook.Key("messages", "calls", "4", "wacid.1", "", "", "", ""); len(keys) != 2 || !keys[""] || !keys[call] {
			t.Errorf("%s, and a call: keys %v", items, keys)
		}
		at, of := one(t, about("messages", value("4", items))).Key, one(t, about("messages", value("5", items))).Key
		if at == "" || at == of {
			t.Errorf("%s: %q of one number, %q of another", items, at, of)
		}
	}
}

// Each item that is not understood is passed on with what is around it, byte for byte, and without what is of others.
func TestItemsAreComplete(t *testing.T) {
	const element = `{"new":1, "value" : {"st\u0061tuses":[ {"id":"s", "x":1.0e0,"recipient_id":"2"} ],"metadata":{"phone_number_id":"4"},"contacts":[{"wa_id":"1","user_id":"U.1"},{"wa_id":"2"},{"wa_id":"3"}],` +
		`"calls":[],"m\u0065w":"\u003c", "messages":[{"id":"a","from_user_id":"U.1","from":"1"},{"id":"b","from":"3","to":"1"},{"id":"c","from":"9"}]},"field":"messages"}`
	const around = `{"new":1,"field":"messages","value":{"metadata":{"phone_number_id":"4"},"calls":[],"m\u0065w":"\u003c",`
	want := []string{
		around + `"contacts":[{"wa_id":"1","user_id":"U.1"}],"messages":[{"id":"a","from_user_id":"U.1","from":"1"}]}}`,
		around + `"contacts":[{"wa_id":"3"},{"wa_id":"1","user_id":"U.1"}],"messages":[{"id":"b","from":"3","to":"1"}]}}`,
		around + `"contacts":[{"wa_id":"1","user_id":"U.1"},{"wa_id":"2"},{"wa_id":"3"}],"messages":[{"id":"c","from":"9"}]}}`,
		around + `"contacts":[{"wa_id":"2"}],"statuses":[{"id":"s", "x":1.0e0,"recipient_id":"2"}]}}`,
	}
	body := []byte(`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[` + element + `]}]}`)
	events := known(t, "secret").Normalize(body, received)
	providertest.Check(t, body, events)
	var got []string
	for _, e := range events {
		got = append(got, string(e.Data.(*webhook.Raw).Value))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What is a level deeper stays there.
func TestCopiesAreComplete(t *testing.T) {
	const around = `{"field":"standby","value":{"metadata":{"phone_number_id":"4"},"new":1,"standby":{"mew":2,`
	const element = `{"field":"standby","value":{"standby":{"contacts":[{"wa_id":"1"},{"wa_id":"2"}],"mew":2,"messages":[{"id":"a","from":"1"},{"id":"b","from":"2"}]},"metadata":{"phone_number_id":"4"},"new":1}}`
	want := []string{
		around + `"contacts":[{"wa_id":"1"}],"messages":[{"id":"a","from":"1"}]}}}`,
		around + `"contacts":[{"wa_id":"2"}],"messages":[{"id":"b","from":"2"}]}}}`,
	}
	var got []string
	for _, e := range known(t, "secret").Normalize([]byte(`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[`+element+`]}]}`), received) {
		got = append(got, string(e.Data.(*webhook.Raw).Value))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What is not understood and cannot be taken apart, or would be repeated too often, stays whole.
func TestTrafficThatStaysWhole(t *testing.T) {
	items := `"messages":[{"id":"1"},{"id":"2"}]`
	for name, c := range map[string]struct{ value, reason string }{
		"no items":           {`{"metadata":{}}`, "no items"},
		"empty lists":        {`{"statuses":[],"messages":[]}`, "no items"},
		"malformed lists":    {`{"statuses":1,"messages":"x","errors":null}`, "no items"},
		"a list":             {`[]`, "not an object"},
		"a repeated name":    {`{` + items + `,"metadata":{},"metadata":{}}`, "repeated member name"},
		"much around it":     {`{` + items + `,"new":"` + strings.Repeat("x", 5000) + `"}`, "unknown field"},
		"one, and much else": {`{"messages":[{"id":"1"}],"new":"` + strings.Repeat("x", 5000) + `"}`, "unknown field"},
		"too many":           {`{"calls":[` + strings.Repeat("{},", 5000) + `{}]}`, "too many elements"},
	} {
		e := one(t, about("calls", c.value))
		if raw := e.Data.(*webhook.Raw); string(raw.Value) != `{"field":"calls","value":`+c.value+`}` || raw.Reason != c.reason || e.Key == "" {
			t.Errorf("%s: %s: %.200s, key %q", name, raw.Reason, raw.Value, e.Key)
		}
	}
	// Of two places where copies are said to be, neither hides the other.
	const two = `{"standby":{"messages":[{"id":"1"}]},"messages":[{"id":"2"}]}`
	if raw, ok := one(t, about("standby", two)).Data.(*webhook.Raw); !ok || !strings.Contains(string(raw.Value), two) {
		t.Errorf("%+v", raw)
	}
	// Contacts that are large are not repeated, not even those that every item names.
	people := `"contacts":[{"wa_id":"1","new":"` + strings.Repeat("x", 5000) + `"},{"wa_id":"2"}]`
	for _, e := range known(t, "secret").Normalize(about("messages", `{`+people+`,"messages":[{"id":"1","from":"1"},{"id":"2","from":"1"}]}`), received) {
		if raw := e.Data.(*webhook.Raw).Value; len(raw) > 1000 {
			t.Errorf("%d bytes of %s", len(raw), e.Key)
		}
	}
	// What is understood does not suffer from what is around it, nor from a neighbour.
	events := known(t, "secret").Normalize(about("messages", `{"statuses":[{"id":"1","status":"sent"},{"id":"2"}],"new":"`+strings.Repeat("x", 5000)+`"}`), received)
	if len(events) != 2 || events[0].Type != webhook.MessageSent || string(events[1].Data.(*webhook.Raw).Value) != `{"id":"2"}` {
		t.Errorf("%+v", events)
	}
}

// What thousands of items have in common is not repeated until it fills the memory.
func TestLittleIsRepeated(t *testing.T) {
	long := strings.Repeat("x", 100<<10)
	list := func(item string) string { return "[" + strings.Repeat(item+",", 4999) + item + "]" }
	crowd := `"contacts":[`
	for _, id := range []string{"1", "2", "3", "4", "5", "6"} {
		crowd += `{"wa_id":"` + id + `","new":"` + long[:3000] + `"},`
	}
	for name, c := range map[string]struct{ field, value string }{
		"a name":             {"messages", `"contacts":[{"wa_id":"1","profile":{"name":"` + long + `"}}],"messages":` + list(`{"id":"1","type":"x","from":"1"}`)},
		"a hash":             {"messages", `"contacts":[{"wa_id":"1","identity_key_hash":"` + long + `"}],"messages":` + list(`{"id":"1","type":"x","from":"1"}`)},
		"who began it":       {"group_lifecycle_update", `"initiated_by":"` + long + `","groups":` + list(`{"type":"group_create","group_id":"1"}`)},
		"what is around":     {"messages", `"new":"` + long[:3800] + `","messages":` + list(`{}`)},
		"people":             {"messages", crowd + `{}],"messages":` + list(`{"from_user_id":"1","from":"2","recipient_user_id":"3","recipient_id":"4","to_user_id":"5","to":"6"}`)},
		"what is in a crowd": {"messages", crowd[:len(crowd)-1] + `],"messages":` + list(`{}`)},
	} {
		events := known(t, "secret").Normalize(about(c.field, "{"+c.value+"}"), received)
		text, err := json.Marshal(events)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) != 5000 || len(text) > 8<<20 {
			t.Errorf("%s: %d events in %d bytes", name, len(events), len(text))
		}
	}
	// What fits is still with each of them.
	for _, e := range known(t, "secret").Normalize(about("messages", `{"new":"`+long[:700]+`","messages":`+list(`{}`)+`}`), received) {
		if raw := e.Data.(*webhook.Raw).Value; len(raw) < 700 {
			t.Fatalf("only %s", raw)
		}
	}
}

// Wherever a provider says a time, one that no JSON can hold is none.
func TestTimesBeyondAll(t *testing.T) {
	for _, at := range []string{`"9999-12-31T23:59:59-08:00"`, `"9999-01-01T00:00:00Z"`, `"0000-01-01T00:00:00+00:00"`, `"1969-12-31T23:59:59Z"`, "253402300800000", "-62135596801", "9223372036854775807"} {
		for _, test := range []struct{ field, value string }{
			{"account_update", `{"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"X","expiration":%s}]}`},
			{"account_update", `{"event":"VOLUME_BASED_PRICING_TIER_UPDATE","volume_tier_info":{"tier":"1","tier_update_time":%s}}`},
			{"account_update", `{"event":"AUTH_INTL_PRICE_ELIGIBILITY_UPDATE","auth_international_rate_eligibility":{"start_time":%[1]s,"exception_countries":[{"country_code":"IN","start_time":%[1]s}]}}`},
			{"account_settings_update", `{"type":"PHONE_NUMBER_SETTINGS","timestamp":%s,"phone_number_settings":{"phone_number_id":"4"}}`},
			{"user_preferences", `{"metadata":{"phone_number_id":"4"},"user_preferences":{"wa_id":"1","category":"marketing_messages","value":"stop","timestamp":%s}}`},
			{"messages", `{"metadata":{"phone_number_id":"4"},"messages":[{"id":"1","timestamp":%s}]}`},
			{"message_template_status_update", `{"event":"DISABLED","message_template_id":1,"disable_info":{"disable_date":%s}}`},
			{"template_category_update", `{"message_template_id":1,"correct_category":"MARKETING","category_update_timestamp":%s}`},
			{"payment_configuration_update", `{"configuration_name":"x","status":"Active","created_timestamp":%[1]s,"updated_timestamp":%[1]s}`},
			{"account_review_update", `{"decision":"APPROVED","new":%s}`},
		} {
			body := fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"1","time":%s,"changes":[{"field":%q,"value":%s}]}]}`,
				at, test.field, fmt.Sprintf(test.value, at))
			e := one(t, body)
			providertest.Check(t, body, []webhook.Event{e})
			if passedOn := test.field == "messages"; !e.Time.IsZero() || (e.Type == webhook.Unrecognized) != passedOn {
				t.Errorf("%s: %s at %v", body, e.Type, e.Time)
			}
		}
	}
}

// A repeated name is found however deep it is, and however many others there are.
func TestRepeatedNameWithin(t *testing.T) {
	for _, n := range []int{1, 33, 500} {
		var members []string
		for i := range n {
			members = append(members, fmt.Sprintf(`"m%d":%[1]d`, i))
		}
		for _, again := range []string{`"m0":0`, `"\u006d0":0`} {
			within := `{"event":"ACCOUNT_DELETED","x":[{` + strings.Join(append(members, again), ",") + `}]}`
			if e := one(t, about("account_update", within)); e.Type != webhook.Unrecognized {
				t.Errorf("%d members and %s within: %s", n, again, e.Type)
			}
		}
	}
}

func TestPeek(t *testing.T) {
	tests := []struct {
		name, body string
		want       webhook.Peek
	}{
		{
			"urgent", `{"entry":[{"id":"1","changes":[{"field":"messages","value":{"id":"2","field":"x"}},{"value":{},"field":"account_update"},{"field":"messages"}]},{"changes":[],"id":3}]}`,
			webhook.Peek{Fields: []string{"messages", "account_update"}, Accounts: []string{"1", "3"}, Urgent: true},
		},
		{
			"traffic", `{"entry":[{"id":"1","changes":[{"field":"messages"},{"field":"group_status_update"},{"field":"smb_message_echoes"},{"field":"history"},{"field":"calls"},{"field":"messaging_handovers"},{"field":"standby"}]}]}`,
			webhook.Peek{Fields: []string{"messages", "group_status_update", "smb_message_echoes", "history", "calls", "messaging_handovers", "standby"}, Accounts: []string{"1"}},
		},
		{"unknown", `{"entry":[{"id":"a/b","changes":[{"field":"some thing"}]}]}`, webhook.Peek{Urgent: true}},
		{"nothing", `{"entry":[{"id":`, webhook.Peek{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, known(t, "secret").Peek([]byte(test.body))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
