package innopaas_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/optout"
	"holdfast/internal/provider/innopaas"
	"holdfast/internal/provider/providertest"
	"holdfast/internal/webhook"
)

var received = time.Date(2026, 9, 21, 17, 0, 0, 0, time.UTC)

func TestNew(t *testing.T) {
	tests := []struct {
		name     string
		options  innopaas.Options
		insecure bool
		want     string
	}{
		{"good", innopaas.Options{Credentials: pairs("hidden-a", "hidden-b"), Phone: "15550001111", TimeZone: "Asia/Shanghai"}, false, ""},
		{"no credential", innopaas.Options{}, false, "credentials is empty"},
		{"no credential, insecure", innopaas.Options{}, true, ""},
		{"no name", innopaas.Options{Credentials: []innopaas.Credential{{UserName: "hidden", Authorization: "hidden"}}}, true, "credentials[0].name"},
		{"no user name", innopaas.Options{Credentials: []innopaas.Credential{{Name: "a", Authorization: "hidden"}}}, true, "credentials[0].user_name is empty"},
		{"no authorization", innopaas.Options{Credentials: append(pairs("hidden"), innopaas.Credential{Name: "a", UserName: "hidden"})}, false, "credentials[1].authorization is empty"},
		{"a line end", innopaas.Options{Credentials: pairs("hidden\na")}, false, "credentials[0].headers.Authorization"},
		{"a name twice", innopaas.Options{Credentials: append(pairs("hidden"), pairs("hidden")...)}, false, "credentials[1].name"},
		{"phone for people", innopaas.Options{Credentials: pairs("hidden"), Phone: "+1 555 000 1111"}, false, "phone: want"},
		{"phone too long", innopaas.Options{Credentials: pairs("hidden"), Phone: "1234567890123456"}, false, "phone: want"},
		{"no zone", innopaas.Options{Credentials: pairs("hidden"), TimeZone: "Mars/Olympus"}, false, "time_zone"},
		{"zone of the machine", innopaas.Options{Credentials: pairs("hidden"), TimeZone: "Local"}, false, "time_zone"},
		{"no word", innopaas.Options{Credentials: pairs("hidden"), OptOut: optout.Options{Stop: []string{"!"}}}, false, "opt_out.stop[0]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := innopaas.New(test.options, test.insecure)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "hidden")) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// Both headers count, and those of one pair go together.
func TestPairs(t *testing.T) {
	p := made(t, innopaas.Options{Credentials: []innopaas.Credential{
		{Name: "new", UserName: "ada", Authorization: "free text, of any scheme"}, {Name: "old", UserName: "bob", Authorization: "Basic x"},
	}})
	for _, test := range []struct {
		user, authorization string
		want                error
	}{
		{"ada", "free text, of any scheme", nil},
		{"bob", "Basic x", nil},
		{"ada", "Basic x", webhook.UnknownCredential},
		{"bob", "free text, of any scheme", webhook.UnknownCredential},
		{"bob", "", webhook.MissingEvidence},
		{"", "Basic x", webhook.MissingEvidence},
	} {
		h := http.Header{}
		h.Set("USERNAME", test.user)
		h.Set("authorization", test.authorization)
		if _, err := p.Evidence(h); !errors.Is(err, test.want) {
			t.Errorf("%q and %q: %v, want %v", test.user, test.authorization, err, test.want)
		}
	}
}

func TestInsecure(t *testing.T) {
	open, err := innopaas.New(innopaas.Options{}, true)
	if err != nil {
		t.Fatal(err)
	}
	ev, err := open.Evidence(http.Header{"Authorization": {"x"}})
	if err != nil || open.Verify(ev, []byte("{}"), received) != nil {
		t.Errorf("evidence %+v, %v", ev, err)
	}
	closed, err := innopaas.New(innopaas.Options{Credentials: pairs("secret")}, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := closed.Evidence(http.Header{}); !errors.Is(err, webhook.MissingEvidence) {
		t.Errorf("with a pair, insecure lets a webhook without it in: %v", err)
	}
}

// envelope is a body of a type.
func envelope(kind, body string) string {
	return fmt.Sprintf(`{"id":"e","type":%q,"eventTime":"2026-09-21T15:10:08.167Z","body":%s}`, kind, body)
}

func TestTypes(t *testing.T) {
	const (
		status   = "whatsapp_message_status_updated"
		inbound  = "whatsapp_mo_message_received"
		template = "whatsapp_template_status_updated"
		quality  = "whatsapp_phone_number_quality_update"
	)
	tests := []struct {
		name, body string
		want       webhook.Type
		reason     string
	}{
		{"sent", envelope(status, `{"wamid":"m","status":"sent"}`), webhook.MessageSent, ""},
		{"in capitals", envelope("WhatsApp_Message_Status_UPDATE", `{"wamid":"m","status":"DELIVERED"}`), webhook.MessageDelivered, ""},
		{"id only", envelope(status, `{"id":7,"status":"read"}`), webhook.MessageRead, ""},
		{"failed, without errorData", envelope(status, `{"wamid":"m","status":"failed"}`), webhook.MessageFailed, ""},
		{"its own failure", envelope(status, `{"wamid":"m","status":"smecl:failed"}`), webhook.MessageFailed, ""},
		{"another of its own", envelope(status, `{"wamid":"m","status":"SMECL:LOST"}`), "", "unknown event"},
		{"no message", envelope(status, `{"status":"read"}`), "", "members missing or malformed"},
		{"malformed user", envelope(status, `{"wamid":"m","status":"read","sendPhone":"a/b"}`), "", "malformed user id"},

		{"of a type that is new", envelope(inbound, `{"wamid":"m","type":"poll"}`), webhook.MessageReceived, ""},
		{"of nobody", envelope(inbound, `{"wamid":"m","type":"text","text":{"body":"stop"}}`), webhook.MessageReceived, ""},
		{"of no type", envelope(inbound, `{"wamid":"m"}`), "", "members missing or malformed"},
		{"malformed from", envelope(inbound, `{"wamid":"m","type":"text","from":"a b"}`), "", "malformed user id"},
		{"the same number again", envelope(inbound, `{"wamid":"m","type":"system","from":"1","system":{"wa_id":"+1"}}`), "", "unknown event"},
		{"another number", envelope(inbound, `{"wamid":"m","type":"system","from":"1","system":{"newWaId":"2"}}`), webhook.ContactIDChanged, ""},

		{"pending", envelope(template, `{"wabaId":"1","templateId":1,"templateStatus":"PENDING"}`), webhook.TemplatePending, ""},
		{"paused", envelope(template, `{"wabaId":"1","templateName":"a","templateStatus":"Paused"}`), webhook.TemplatePaused, ""},
		{"disabled", envelope(template, `{"wabaId":"1","templateName":"a","templateStatus":"DISABLED"}`), webhook.TemplateDisabled, ""},
		{"archived, in Meta's word", envelope(template, `{"wabaId":"1","templateName":"a","templateStatus":"ARCHIVED"}`), webhook.TemplateArchived, ""},
		{"malformed template", envelope(template, `{"wabaId":"1","templateId":"a/b","templateStatus":"PENDING"}`), "", "malformed template id"},
		{"score of a malformed template", envelope("template_quality_update", `{"wabaId":"1","templateId":"a/b","newQualityScore":"RED"}`), "", "malformed template id"},
		{"category of none", envelope("template_category_update", `{"wabaId":"1","newCategory":"A"}`), "", "members missing or malformed"},
		{"category changed", envelope("template_category_update", `{"wabaId":"1","templateName":"a","newCategory":"A","correctCategory":"A","previousCategory":"B"}`), webhook.TemplateCategoryChanged, ""},
		{"unknown status", envelope(template, `{"wabaId":"1","templateName":"a","templateStatus":"LOST"}`), "", "unknown event"},
		{"which template", envelope(template, `{"wabaId":"1","templateStatus":"PENDING"}`), "", "members missing or malformed"},
		{"whose template", envelope(template, `{"templateName":"a","templateStatus":"PENDING"}`), "", "no account id"},
		{"no score", envelope("message_template_quality_update", `{"wabaId":"1","templateName":"a"}`), "", "members missing or malformed"},
		{"category later", envelope("template_category_update", `{"wabaId":"1","templateName":"a","newCategory":"A","correctCategory":"B"}`), webhook.TemplateCategoryChanging, ""},
		{"no category", envelope("template_category_update", `{"wabaId":"1","templateName":"a"}`), "", "members missing or malformed"},

		{"reviewed, by status", envelope("whatsapp_account_review_update", `{"wabaId":"1","status":"rejected"}`), webhook.AccountReviewed, ""},
		{"a review of nobody", envelope("whatsapp_account_review_updated", `{"decision":"APPROVED"}`), "", "no account id"},
		{"a decision that is none", envelope("whatsapp_account_review_updated", `{"wabaId":"1","decision":"MAYBE"}`), "", "unknown event"},
		{"name", envelope("whatsapp_phone_number_name_updated", `{"wabaId":"1","phoneNumber":"+1 5","status":"DEFERRED"}`), webhook.PhoneNameReviewed, ""},

		{"lowered", envelope(quality, `{"wabaId":"1","displayPhoneNumber":"15","event":"DOWNGRADE"}`), webhook.PhoneLimitLowered, ""},
		{"no number", envelope(quality, `{"wabaId":"1","event":"UPGRADE"}`), "", "no phone number"},
		{"unknown event", envelope(quality, `{"wabaId":"1","displayPhoneNumber":"15","event":"X"}`), "", "unknown event"},

		{"malformed account", envelope(status, `{"wabaId":"a/b","wamid":"m","status":"read"}`), "", "malformed account id"},
		{"account is a list", envelope(status, `{"wabaId":["1"],"wamid":"m","status":"read"}`), "", "malformed account id"},
		{"empty account", envelope(status, `{"wabaId":"","wamid":"m","status":"read"}`), webhook.MessageRead, ""},
		{"body is null", envelope(status, `null`), "", "not an object"},
		{"body is text", envelope(status, `"{}"`), "", "not an object"},
		{"no body", `{"id":"e","type":"` + status + `"}`, "", "unknown object"},
		{"no type", `{"id":"e","body":{}}`, "", "unknown object"},
		{"type is no name", envelope("a/b", `{}`), "", "unknown object"},
		{"type twice", `{"type":"` + status + `","type":"` + status + `","body":{}}`, "", "repeated member name"},
		{"status twice", envelope(status, `{"wamid":"m","status":"read","status":"failed"}`), "", "repeated member name"},
		{"Meta's envelope", `{"object":"whatsapp_business_account","entry":[]}`, "", "unknown object"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			events := known(t, "secret").Normalize([]byte(test.body), received)
			providertest.Check(t, []byte(test.body), events)
			if len(events) != 1 {
				t.Fatalf("%d events, want 1", len(events))
			}
			reason := ""
			if raw, ok := events[0].Data.(*webhook.Raw); ok {
				if reason = raw.Reason; string(raw.Value) != test.body {
					t.Errorf("passed on: %s", raw.Value)
				}
				events[0].Type = ""
			}
			if events[0].Type != test.want || reason != test.reason {
				t.Errorf("got %q, %q", events[0].Type, reason)
			}
		})
	}
}

// A time without a zone is that of the configured one, and marked unless somebody configured it.
func TestTimes(t *testing.T) {
	for _, test := range []struct {
		zone, at string
		want     string
		assumed  bool
	}{
		{"", `"2026-09-21 15:10:00"`, "2026-09-21T15:10:00Z", true},
		{"UTC", `"2026-09-21 15:10:00"`, "2026-09-21T15:10:00Z", false},
		{"Asia/Shanghai", `"2026-09-21 15:10:00"`, "2026-09-21T07:10:00Z", false},
		{"Asia/Shanghai", `"2026-09-21T15:10:00.5"`, "2026-09-21T07:10:00.5Z", false},
		{"Asia/Shanghai", `"2026-09-21T15:10:00.167Z"`, "2026-09-21T15:10:00.167Z", false},
		{"", `"2026-09-21T15:10:00+08:00"`, "2026-09-21T07:10:00Z", false},
		{"", `1790003400`, "2026-09-21T15:10:00Z", false},
		{"", `"9999-12-31 23:59:59"`, "0001-01-01T00:00:00Z", false},
		{"", `"0000-01-01 00:00:00"`, "0001-01-01T00:00:00Z", false},
		{"", `"yesterday"`, "0001-01-01T00:00:00Z", false},
		{"", `null`, "0001-01-01T00:00:00Z", false},
	} {
		p := made(t, innopaas.Options{Credentials: pairs("secret"), TimeZone: test.zone})
		for _, body := range []string{
			`{"id":"e","type":"whatsapp_message_status_updated","eventTime":%[1]s,"body":{"wamid":"m","status":"delivered","conversation":{"id":"c","expireAt":%[1]s}}}`,
			`{"id":"e","type":"whatsapp_mo_message_received","body":{"wamid":"m","type":"text","sendTime":%s}}`,
			`{"id":"e","type":"whatsapp_mo_message_received","eventTime":%s,"body":{"wamid":"m","type":"text"}}`,
		} {
			e := p.Normalize(fmt.Appendf(nil, body, test.at), received)[0]
			if got := e.Time.Format(time.RFC3339Nano); got != test.want || e.ZoneAssumed != test.assumed {
				t.Errorf("%s in %q: %s, assumed: %t", test.at, test.zone, got, e.ZoneAssumed)
			}
			if s, ok := e.Data.(*webhook.MessageStatus); ok && !s.Conversation.Expires.Equal(e.Time) {
				t.Errorf("%s in %q expires at %s", test.at, test.zone, s.Conversation.Expires)
			}
		}
	}
}

// A redelivery is known whether or not it keeps the id and the spelling of the envelope; what happened again is not it.
func TestKeys(t *testing.T) {
	const form = `{"id":%q,"type":%q,"eventTime":%s,"body":%s}`
	key := func(id, kind, at, body string) string {
		return known(t, "secret").Normalize(fmt.Appendf(nil, form, id, kind, at, body), received)[0].Key
	}
	const at, later = `"2026-09-21T15:10:00Z"`, `"2026-09-21T15:10:01Z"`
	const status, inbound, review = "whatsapp_message_status_updated", "whatsapp_mo_message_received", "whatsapp_account_review_updated"
	const delivered, hello, approved = `{"wamid":"m","id":"1","status":"delivered"}`, `{"wamid":"m","to":"15","type":"text"}`, `{"wabaId":"1","decision":"APPROVED"}`
	for _, pair := range []struct {
		name, a, b string
		same       bool
	}{
		{"status again", key("a", status, at, delivered), key("b", "WHATSAPP_message_status_update", later, `{ "status":"Delivered","id":"2","wamid":"m"}`), true},
		{"another status", key("a", status, at, delivered), key("a", status, at, `{"wamid":"m","status":"read"}`), false},
		{"another message", key("a", status, at, delivered), key("a", status, at, `{"wamid":"n","status":"delivered"}`), false},
		{"another recipient of one call", key("a", status, at, `{"id":"1","status":"read","sendPhone":"1"}`), key("a", status, at, `{"id":"1","status":"read","sendPhone":"2"}`), false},
		{"message again", key("a", inbound, at, hello), key("b", inbound, later, hello), true},
		{"message to another", key("a", inbound, at, hello), key("a", inbound, at, `{"wamid":"m","to":"16","type":"text"}`), false},
		{"a status of it", key("a", inbound, at, hello), key("a", status, at, delivered), false},
		{"review again", key("a", review, at, approved), key("b", "whatsapp_account_review_update", `"2026-09-21 15:10:00"`, ` {"decision":"APPROVED", "wabaId":"1"}`), true},
		{"another review", key("a", review, at, approved), key("a", review, later, approved), false},
		{"without a time", key("a", review, `""`, approved), key("a", review, `""`, approved), true},
		{"without a time, another", key("a", review, `""`, approved), key("b", review, `""`, approved), false},
		{"not understood again", key("a", review, at, `{"x":1}`), key("b", review, at, `{"x":1}`), true},
	} {
		if (pair.a == pair.b) != pair.same || pair.a == "" {
			t.Errorf("%s: %s and %s", pair.name, pair.a, pair.b)
		}
	}
	if key := key("", review, `""`, approved); key != "" {
		t.Errorf("with neither id nor time there is the key %s", key)
	}
}

func TestLimits(t *testing.T) {
	for limit, want := range map[string]string{
		`"Unlimited"`: "TIER_UNLIMITED", `"0"`: "TIER_NOT_SET", `"50"`: "TIER_50", `250`: "TIER_250", `"1000"`: "TIER_1K", `"2000"`: "TIER_2K",
		`"10000"`: "TIER_10K", `100000`: "TIER_100K", `"TIER_10K"`: "TIER_10K", `"7"`: "7", `null`: "",
	} {
		body := envelope("whatsapp_phone_number_quality_update", `{"wabaId":"1","displayPhoneNumber":"15","event":"UPGRADE","messageLimit":`+limit+`}`)
		if q := known(t, "secret").Normalize([]byte(body), received)[0].Data.(*webhook.Quality); q.Limit != want {
			t.Errorf("%s: %s, want %s", limit, q.Limit, want)
		}
	}
}

// What people want is believed of words alone and of what they pressed, if we know whom they wrote to.
func TestOptOuts(t *testing.T) {
	const stopped, resumed = webhook.ContactMarketingStopped, webhook.ContactMarketingResumed
	p := made(t, innopaas.Options{Credentials: pairs("secret"), OptOut: optout.Options{Stop: []string{"Genug"}, Resume: []string{"Weiter"}}})
	for _, test := range []struct {
		name, members string
		want          webhook.Type
	}{
		{"word", `"to":"15","type":"text","text":{"body":" genug! "}`, stopped},
		{"word to resume", `"to":"15","type":"text","text":{"body":"WEITER"}`, resumed},
		{"word that is not ours", `"to":"15","type":"text","text":{"body":"stop"}`, ""},
		{"word among others", `"to":"15","type":"text","text":{"body":"nicht genug"}`, ""},
		{"label", `"to":"15","type":"button","button":{"text":"Genug","payload":"x"}`, stopped},
		{"payload", `"to":"15","type":"button","button":{"text":"x","payload":"genug"}`, stopped},
		{"both, and not the same", `"to":"15","type":"button","button":{"text":"genug","payload":"weiter"}`, stopped},
		{"reply button", `"to":"15","type":"interactive","interactive":{"type":"buttonReply","buttonReply":{"id":"weiter","title":"x"}}`, resumed},
		{"another spelling of the type", `"to":"15","type":"interactive","interactive":{"type":"list_reply","listReply":{"id":"1","title":"Genug"}}`, stopped},
		{"Meta's spelling", `"to":"15","type":"interactive","interactive":{"type":"button_reply","button_reply":{"id":"1","title":"Genug"}}`, stopped},
		{"no type", `"to":"15","type":"interactive","interactive":{"buttonReply":{"id":"1","title":"Genug"}}`, stopped},
		{"list", `"to":"15","type":"interactive","interactive":{"type":"listReply","listReply":{"id":"1","title":"Genug"}}`, stopped},
		{"form", `"to":"15","type":"interactive","interactive":{"type":"nfmReply","nfmReply":{"id":"1","title":"Genug"}}`, ""},
		{"caption", `"to":"15","type":"image","image":{"caption":"Genug"}`, ""},
		{"to whom", `"type":"text","text":{"body":"genug"}`, ""},
	} {
		events := p.Normalize([]byte(envelope("whatsapp_mo_message_received", `{"wamid":"m","from":"7",`+test.members+`}`)), received)
		var got webhook.Type
		if len(events) == 2 {
			got = events[1].Type
		}
		if got != test.want || events[0].Type != webhook.MessageReceived {
			t.Errorf("%s: %q", test.name, got)
		}
	}
	nameless := envelope("whatsapp_mo_message_received", `{"wamid":"m","from":"7","type":"text","text":{"body":"stop"}}`)
	if events := known(t, "secret").Normalize([]byte(nameless), received); len(events) != 2 || events[1].Phone.Number != "15550001111" {
		t.Errorf("a stop to the only number: %+v", events)
	}
	failed := envelope("whatsapp_message_status_updated", `{"wamid":"m","status":"failed","sendPhone":"7","errorData":{"errorCode":131050}}`)
	if events := p.Normalize([]byte(failed), received); len(events) != 1 {
		t.Errorf("a stop of no number of ours: %d events", len(events))
	}
	read := strings.Replace(failed, `"failed"`, `"read"`, 1)
	if events := known(t, "secret").Normalize([]byte(read), received); len(events) != 1 {
		t.Errorf("a message that was read says a stop: %d events", len(events))
	}
}

func TestPeek(t *testing.T) {
	tests := []struct {
		body string
		want webhook.Peek
	}{
		{`{"id":"e","body":{"x":{"wabaId":"2"},"wabaId":"1"},"type":"whatsapp_account_review_updated"}`, webhook.Peek{Fields: []string{"whatsapp_account_review_updated"}, Accounts: []string{"1"}, Urgent: true}},
		{`{"type":"whatsapp_template_status_update"}`, webhook.Peek{Fields: []string{"whatsapp_template_status_update"}, Urgent: true}},
		{`{"type":"whatsapp_message_status_update","body":{"wabaId":"1"}}`, webhook.Peek{Fields: []string{"whatsapp_message_status_update"}, Accounts: []string{"1"}}},
		{`{"type":"WhatsApp_MO_message_received"}`, webhook.Peek{Fields: []string{"WhatsApp_MO_message_received"}}},
		{`{"accountNo":"1"}`, webhook.Peek{}},
		{`{"type`, webhook.Peek{}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, known(t, "secret").Peek([]byte(test.body))); diff != "" {
			t.Errorf("%s: %s", test.body, diff)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	providertest.FuzzNormalize(f, known(f, "secret"), innopaas.Samples,
		envelope("whatsapp_message_status_updated", `{"wamid":"m","status":"failed","sendPhone":"7","errorData":{"errorCode":131050}}`),
		envelope("whatsapp_mo_message_received", `{"wamid":"m","from":"7","to":"15","type":"system","system":{"waId":"8"}}`),
		envelope("template_category_update", `{"wabaId":"1","templateName":"a","correctCategory":"B","categoryUpdateTimestamp":"2026-09-21 15:10:00"}`))
}

func FuzzVerify(f *testing.F) { providertest.FuzzVerify(f, known, innopaas.Samples) }

func BenchmarkNormalizeStatus(b *testing.B) {
	benchmark(b, envelope("whatsapp_message_status_updated", `{"id":"350000000000000001","accountName":"IW000001","wabaId":"100000000000001",`+
		`"wamid":"wamid.`+strings.Repeat("0", 64)+`","sendPhone":"15550002222","uid":"`+strings.Repeat("x", 400)+`","status":"delivered",`+
		`"conversation":{"id":"00e5a7e14a588d96bd2343d105d03ec5","initiateType":"business_initiated","expireAt":"2026-09-22T15:10:00.000Z"},"currency":"USD"}`))
}

// A webhook is one event, so what is large is one message.
func BenchmarkNormalizeLarge(b *testing.B) {
	benchmark(b, envelope("whatsapp_mo_message_received", `{"wamid":"m","from":"7","to":"15","type":"text","text":{"body":"`+strings.Repeat("All is well. ", 230_000)+`"}}`))
}

func benchmark(b *testing.B, body string) {
	providertest.BenchmarkNormalize(b, known(b, "secret"), []byte(body))
}
